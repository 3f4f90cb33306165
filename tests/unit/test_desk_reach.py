"""Reaching people: told over real sockets, again where that fails, and never more than is said."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from serambi.base.clock import ManualClock
from serambi.base.limits import REACH_TRIES_MAX
from serambi.center.desk import reach
from serambi.center.desk.deliver import signature
from tests.fakes.center_town import Town
from tests.fakes.receivers import Hook, Mailbox, listening
from tests.fakes.running import running

SECRET = "0123456789abcdef0123456789abcdef"
EVENING = 1_795_000_000.0  # 18 Nov 2026, 18.06 in Jakarta
DAWN_MS = 1_795_042_800_000  # the next day, 06.00
PARCEL = {
    "type": "suspicious_parcel",
    "site": "terminal",
    "title": "Kotak milik Pak Budi",
    "place": "dekat Ibu Sri",
}
CROWD = PARCEL | {"type": "crowd"}
TRIES_S = 20.0


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is moved by hand: nobody should wait for a look at it."""
    monkeypatch.setattr(reach, "REACH_LOOK_EVERY_S", 0.02)


def webhook(port: int, name: str = "papan") -> str:
    return (
        f'[[institution.way]]\nname = "{name}"\nsecret = "{SECRET}"\n'
        f'webhook = "http://127.0.0.1:{port}/serambi"\n'
    )


def mail(port: int) -> str:
    address = f"mailto://127.0.0.1:{port}?from=pusat@kota.test&to=piket@kota.test&mode=insecure"
    return f'[[institution.way]]\nname = "surel piket"\napprise = "{address}"\n'


class Watch:
    """A center that tells people, and somebody at its desk."""

    def __init__(self, folder: Path, ways: Sequence[str], more: str = "") -> None:
        self.clock = ManualClock(EVENING)
        self.town = Town(folder, self.clock)
        path = folder / "on-call.toml"
        institution = f'[[institution]]\nparty = "transport"\n{more}\n'
        path.write_text(f'format = 1\nurl = "https://pusat.test"\n{institution}' + "".join(ways))
        path.chmod(0o600)
        self.town.config = replace(self.town.config, on_call=path)
        self.client: httpx.AsyncClient

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watch"]:
        async with running(self.town) as center, center.client() as client:
            self.town.speak()
            self.client = client
            yield self

    async def open(self, wish: dict[str, str] = PARCEL) -> str:
        answer = await self.client.post("/api/incidents", json=wish)
        return str(answer.raise_for_status().json()["id"])

    async def say(self, incident: str, **said: object) -> httpx.Response:
        path = f"/api/incidents/{incident}/steps"
        return await self.client.post(path, json={"said": said})

    async def call(self, incident: str, party: str = "Transport ") -> None:
        said = {"kind": "joined", "participant": "p1", "party": party, "who": "Pak Budi"}
        (await self.say(incident, **said)).raise_for_status()

    async def incident(self, incident: str) -> Any:
        answer = await self.client.get(f"/api/incidents/{incident}")
        return answer.raise_for_status().json()

    async def until(
        self, incident: str, done: Callable[[Any], object], every_s: float = 0.0
    ) -> Any:
        """The participant once `done` holds of them; meanwhile the clock goes on."""
        async with asyncio.timeout(TRIES_S):
            while True:
                (one,) = (await self.incident(incident))["participants"]
                if done(one):
                    return one
                self.clock.advance(every_s)
                self.town.speak()
                await asyncio.sleep(0.02)


def kinds(incident: Any) -> list[str]:
    return [entry["said"]["kind"] for entry in incident["timeline"]]


async def test_who_is_called_is_told_by_a_signed_webhook_and_finds_their_page(
    tmp_path: Path,
) -> None:
    hook = Hook()
    async with listening(hook), Watch(tmp_path, [webhook(hook.port)]).running() as watch:
        incident = await watch.open()
        await watch.call(incident)
        one = await watch.until(incident, lambda one: one["told"])
        assert [(told["way"], told["why"]) for told in one["told"]] == [("papan", "")]
        found = await watch.incident(incident)
        assert kinds(found) == ["opened", "joined", "reach_asked", "told"]
        (post,) = hook.posts
        assert post.path == "/serambi"
        stamp = post.headers["serambi-timestamp"]
        assert stamp == str(int(EVENING))
        signed = signature(SECRET, stamp, post.body)
        assert post.headers["serambi-signature"] == f"v1={signed}"
        facts = httpx.Response(200, content=post.body).json()
        assert (facts["number"], facts["priority"], facts["party"]) == (1, 1, "transport")
        assert "Benda mencurigakan. Tempat: terminal." in facts["text"]
        for hidden in ("Budi", "Sri", "Kotak"):
            assert hidden not in post.body.decode()
        base, _, token = facts["url"].partition("#")
        assert base == "https://pusat.test/join"
        page = await watch.client.get("/api/join", headers={"Serambi-Link": token})
        assert page.json()["me"]["who"] == "Pak Budi"


async def test_mail_goes_out_over_smtp_in_the_language_of_the_institution(tmp_path: Path) -> None:
    box = Mailbox()
    english = 'language = "en"'
    async with listening(box), Watch(tmp_path, [mail(box.port)], english).running() as watch:
        incident = await watch.open()
        await watch.call(incident, "TRANSPORT (en)")
        await watch.until(incident, lambda one: one["told"])
    (letter,) = box.mails
    assert letter["Subject"] == "Serambi: incident 001, P1"
    assert letter["To"] == "piket@kota.test"
    body = letter.get_body(("plain",)) or letter
    text = str(body.get_content())
    assert "Suspicious parcel. Place: terminal (en). Opened 18-11-2026 18.06 WIB." in text
    assert "https://pusat.test/join#" in text
    assert "Budi" not in letter.as_string()


async def test_what_fails_is_tried_again_with_the_same_key_and_told_once(tmp_path: Path) -> None:
    hook = Hook(answers=[503, 429])
    async with listening(hook), Watch(tmp_path, [webhook(hook.port)]).running() as watch:
        incident = await watch.open()
        await watch.call(incident)
        one = await watch.until(incident, lambda one: one["told"], every_s=1.0)
        assert one["told"][0]["why"] == ""
        assert len(hook.posts) == 3
        assert len({post.headers["idempotency-key"] for post in hook.posts}) == 1
        # Each message has a link of its own, and all of them lead to the page.
        assert len({post.body for post in hook.posts}) == 3
        for post in hook.posts:
            token = httpx.Response(200, content=post.body).json()["url"].partition("#")[2]
            page = await watch.client.get("/api/join", headers={"Serambi-Link": token})
            assert page.status_code == 200


async def test_who_cannot_be_reached_is_said_and_asked_again_by_a_person(tmp_path: Path) -> None:
    hook, box = Hook(answers=[410]), Mailbox(refuse=True)
    async with listening(hook), listening(box):
        ways = [webhook(hook.port), webhook(1, "mati"), mail(box.port)]
        async with Watch(tmp_path, ways).running() as watch:
            incident = await watch.open()
            await watch.call(incident)
            again = {"kind": "reach_asked", "participant": "p1"}
            assert (await watch.say(incident, **again)).status_code == 409
            one = await watch.until(incident, lambda one: len(one["told"]) == 3, every_s=60.0)
            why = {told["way"]: told["why"] for told in one["told"]}
            assert why == {"papan": "refused", "mati": "unreachable", "surel piket": "failed"}
            assert len(hook.posts) == 1, "what is refused for good is not tried again"
            box.refuse = False
            (await watch.say(incident, **again)).raise_for_status()
            (one,) = (await watch.incident(incident))["participants"]
            assert one["told"] == []
            await watch.until(incident, lambda one: len(one["told"]) == 3, every_s=60.0)
            assert len(box.mails) == 1
            unknown = {"kind": "reach_asked", "participant": "nobody"}
            assert (await watch.say(incident, **unknown)).status_code == 404
    assert REACH_TRIES_MAX == 6


async def test_quiet_hours_hold_everything_but_p1(tmp_path: Path) -> None:
    hook = Hook()
    async with listening(hook):
        ways = [webhook(hook.port)]
        async with Watch(tmp_path, ways, 'quiet = ["18:00", "06:00"]').running() as watch:
            calm = await watch.open(CROWD)
            await watch.call(calm)
            one = await watch.until(calm, lambda one: one["held_until_ms"])
            assert one["held_until_ms"] == DAWN_MS
            urgent = await watch.open()
            await watch.call(urgent)
            await watch.until(urgent, lambda one: one["told"])
            assert len(hook.posts) == 1
            one = await watch.until(calm, lambda one: one["told"], every_s=7200.0)
            assert len(hook.posts) == 2
            found = kinds(await watch.incident(calm))
            assert [kind for kind in found if "reach" in kind or kind == "told"] == [
                "reach_asked",
                "reach_held",
                "told",
            ]


async def test_what_was_asked_before_a_restart_is_told_after_it(tmp_path: Path) -> None:
    hook = Hook(silent=True)
    watch = Watch(tmp_path, [])
    async with listening(hook):
        path = watch.town.config.on_call
        assert path is not None
        path.write_text(path.read_text() + webhook(hook.port))
        async with watch.running():
            incident = await watch.open()
            await watch.call(incident)
            while not hook.posts:  # noqa: ASYNC110 (a list, not an event)
                await asyncio.sleep(0.01)
            # Nobody waits for it: the desk takes what is written meanwhile.
            (await watch.say(incident, kind="noted", text="Lanjut")).raise_for_status()
        hook.silent = False
        async with watch.running():
            await watch.until(incident, lambda one: one["told"])
            assert len(hook.posts) == 2


async def test_without_a_list_nobody_is_told_and_a_participant_cannot_ask(tmp_path: Path) -> None:
    hook = Hook()
    async with listening(hook), Watch(tmp_path, [webhook(hook.port)]).running() as watch:
        incident = await watch.open()
        await watch.call(incident, "trade")
        assert kinds(await watch.incident(incident)) == ["opened", "joined"]
        path = f"/api/incidents/{incident}/participants/p1/link"
        token = (await watch.client.post(path)).json()["token"]
        said = {"said": {"kind": "reach_asked", "participant": "p1"}}
        headers = {"Serambi-Link": token}
        answer = await watch.client.post("/api/join/steps", json=said, headers=headers)
        assert answer.status_code == 403
        assert hook.posts == []


async def test_where_people_have_accounts_the_message_opens_nothing_by_itself(
    tmp_path: Path,
) -> None:
    hook = Hook()
    async with (
        listening(hook),
        Watch(tmp_path, [webhook(hook.port)], "sign_in = true").running() as watch,
    ):
        incident = await watch.open()
        await watch.call(incident)
        await watch.until(incident, lambda one: one["told"])
    facts = httpx.Response(200, content=hook.posts[0].body).json()
    assert facts["url"] == f"https://pusat.test/part/{incident}"
    assert facts["until_ms"] == 0
    assert "Masuklah dengan akun Anda" in facts["text"]
    assert "berlaku sampai" not in facts["text"]
