"""The roster's pages over HTTP: what they show, what each act needs, and that a code enrolls nobody
by itself."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from serambi.identity import code as codes
from serambi.identity import dsse
from serambi.identity.code import in_groups
from serambi.identity.enrollment import TYPED_CHARACTERS, fingerprint
from serambi.identity.keys import SigningKey
from serambi.party.signing.roster_desk import RosterPages
from tests.builders import NOW, Town
from tests.fakes.signing_town import (
    ACCOUNT,
    SECOND,
    OneDesk,
    one_desk,
    passphrase_of,
    password_of,
)
from tests.rosters import Draft

PASSPHRASE = passphrase_of("kpu")
PASSWORD = password_of("kpu")
NEW = "four new words here"
AT = "2026-12-09T08:00"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_COST", 2)


@dataclass
class Served:
    """One desk and two persons in front of it, in English."""

    desk: OneDesk
    pages: RosterPages
    ani: httpx.AsyncClient
    budi: httpx.AsyncClient

    @property
    def town(self) -> Town:
        return self.desk.town

    async def text(self, path: str, status: int = 200) -> str:
        answer = await self.ani.get(path)
        assert answer.status_code == status
        return answer.text

    async def post(
        self, path: str, status: int = 303, who: httpx.AsyncClient | None = None, /, **fields: str
    ) -> httpx.Response:
        answer = await (who or self.ani).post(path, data=fields)
        assert answer.status_code == status, answer.text
        return answer

    def shown(self) -> tuple[str, dict[str, str]]:
        """The address of the one proposal, and what its page's forms carry."""
        (proposal,) = self.pages.hand.proposals.all()
        tag = self.pages.hand.tag(proposal)
        return f"/roster/next/{proposal.digest}", {"shown": proposal.digest, "tag": tag}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path, "kpu") as served:
        yield served


@asynccontextmanager
async def serve(folder: Path, party: str, town: Town | None = None) -> AsyncIterator[Served]:
    async with one_desk(folder, party, town) as desk:
        assert desk.pages is not None
        headers = {"origin": desk.url, "accept-language": "en"}
        options = {"base_url": desk.url, "headers": headers, "trust_env": False}
        async with (
            httpx.AsyncClient(**options) as ani,  # type: ignore[arg-type]
            httpx.AsyncClient(**options) as budi,  # type: ignore[arg-type]
        ):
            for name, http in ((ACCOUNT, ani), (SECOND, budi)):
                said = {"account": name, "password": password_of(party)}
                assert (await http.post("/login", data=said)).status_code == 303
            yield Served(desk, desk.pages, ani, budi)


async def test_the_roster_is_shown_with_fingerprints_to_read_aloud(served: Served) -> None:
    page = await served.text("/roster")
    for party, key in served.town.keys.items():
        assert f"{party.upper()} (en)" in page
        assert in_groups(fingerprint(key.public)) in page
    assert "since roster number 1" in page
    async with httpx.AsyncClient(base_url=served.desk.url, trust_env=False) as stranger:
        for path in ("/roster", "/roster/change/rotate", "/roster/next/x", "/roster/requests/x"):
            assert (await stranger.get(path)).status_code == 303
        answer = await stranger.post("/roster/change/leave", data={"secret": PASSPHRASE})
        assert answer.status_code == 403, "a foreign page"
    for path in ("/roster/change/nothing", "/roster/next/x", "/roster/requests/x"):
        await served.text(path, 404)


async def test_our_own_key_is_replaced_and_the_others_sign(served: Served) -> None:
    rotate = {"at": AT, "passphrase": NEW, "again": NEW}
    path = "/roster/change/rotate"
    await served.post(path, 403, **rotate, secret="not it")
    await served.post(path, 400, **{**rotate, "again": "other"}, secret=PASSPHRASE)
    await served.post(path, 400, **{**rotate, "at": "tomorrow"}, secret=PASSPHRASE)
    assert served.pages.hand.proposals.all() == []
    answer = await served.post(path, **rotate, secret=PASSPHRASE)
    address, _ = served.shown()
    assert answer.headers["location"] == address
    page = await served.text(address)
    for words in ("A new key of KPU (en) (kpu)", "is no longer used", "2026-12-09T01:00:00Z"):
        assert words in page
    assert page.count(">Signed<") == 2, "the party with its old key, and the new key"
    file = (await served.ani.get(f"{address}/file")).content
    proposals = served.pages.hand.proposals
    before = proposals.head
    for each in ("bawaslu", "polres", "dishub", "rsud"):
        (waits,) = proposals.all()
        assert each in waits.missing
        proposals.hear(_signed(file, served.town.keys[each]))
    assert proposals.head.document.previous == before.digest
    assert "newer roster" in await served.text("/roster")
    assert served.pages.rosters.restart_needed


def _signed(raw: bytes, key: SigningKey) -> bytes:

    return dsse.dump(dsse.add_signature(dsse.load(raw), key))


async def test_a_proposal_of_others_is_read_refused_and_signed(served: Served) -> None:
    new = SigningKey.generate()
    draft = Draft(served.town.roster, gone={served.town.keys["rsud"].key_id}).key(new, "rsud")
    raw = draft.sealed([served.town.keys["rsud"], new])
    await served.post("/roster/bring", document=f" {raw.decode()}\n")
    assert "Waiting for us" in await served.text("/")
    address, shown = served.shown()
    form = {**shown, "secret": PASSPHRASE}
    await served.post(f"{address}/sign", 400, **form)
    await served.post(f"{address}/sign", 409, **{**form, "shown": "0" * 64}, text="read")
    await served.post(f"{address}/sign", 409, **{**form, "tag": "old"}, text="read")
    await served.post(f"{address}/sign", 403, **{**form, "secret": "not it"}, text="read")
    await served.post(f"{address}/approve", 400, **form)
    await served.post(f"{address}/refusal", **form, text="Who is that?")
    page = await served.text(address)
    assert "Who is that?" in page
    assert "/refusal" not in page, "once is enough"
    await served.post(f"{address}/sign", 409, **form, text="read")
    _, shown = served.shown()
    await served.post(f"{address}/sign", **shown, secret=PASSPHRASE, text="read")
    assert "Who is that?" not in await served.text(address), "who signs after all refuses no more"
    await served.post(f"{address}/sign", 409, **shown, secret=PASSPHRASE, text="read")
    _, shown = served.shown()
    await served.post(f"{address}/sign", 403, **shown, secret=PASSPHRASE, text="read")


async def test_we_leave_by_a_roster_that_we_sign_ourselves(served: Served) -> None:
    await served.post("/roster/change/leave", at=AT, secret=PASSPHRASE)
    (waits,) = served.pages.hand.proposals.all()
    assert "kpu" not in waits.missing
    assert [party.id for party in waits.after.parties] == ["bawaslu", "polres", "dishub", "rsud"]
    await served.post("/roster/change/sideways", 404, secret=PASSPHRASE)


async def test_a_lost_key_comes_back_by_code_and_a_second_person(
    served: Served, tmp_path: Path
) -> None:
    """Two desks without a network between them: the request goes by hand, as text."""
    async with serve(tmp_path / "polres", "polres", served.town) as polres:
        invite = {"party": "polres", "secret": PASSWORD}
        await served.post("/roster/change/invite", 403, **{**invite, "secret": "not it"})
        await served.post("/roster/change/invite", 400, **{**invite, "party": "No!"})
        page = (await served.post("/roster/change/invite", 200, **invite)).text
        (code,) = re.findall(r"<code>(\w{4}-\w{4}-\w{4})</code>", page)
        assert code not in await served.text("/roster")

        lost = {"code": code, "since": "2026-11-20T08:00", "passphrase": NEW, "again": NEW}
        secret = password_of("polres")
        path = "/roster/change/lost"
        await polres.post(path, 400, **{**lost, "code": "1234"}, secret=secret)
        await polres.post(path, 400, **{**lost, "since": "2036-11-20T08:00"}, secret=secret)
        await polres.post(path, 403, **lost, secret="not it")
        await polres.post(path, **lost, secret=secret)
        raw = (polres.pages.hand.request() or b"").decode()
        shown = await polres.text("/roster")
        (groups,) = re.findall(r"<p class=\"groups aloud\"><code>([0-9a-f-]+)</code>", shown)

        refused = await served.post("/roster/bring", 400, document="{}")
        assert "cannot be read" in refused.text
        await served.post("/roster/bring", document=raw)
        (waits,) = served.pages.hand.invitations.presented()
        digest = waits.presented.digest if waits.presented else ""
        path = f"/roster/requests/{digest}"
        page = await served.text(path)
        typed = groups.replace("-", "")[-TYPED_CHARACTERS:]
        assert groups[:59] in page
        assert in_groups(typed) not in page
        form = {"typed": typed, "name": "Budi", "secret": PASSPHRASE}
        said = await served.post(f"{path}/confirm", 403, **form)
        assert "Ask a second person" in said.text
        budi = served.budi
        said = await served.post(f"{path}/confirm", 403, budi, **{**form, "typed": "0" * 16})
        assert "Nothing was proposed" in said.text
        await served.post(f"{path}/confirm", 403, budi, **{**form, "secret": "not it"})
        await served.post(f"{path}/approve", 404, budi, **form)
        assert served.pages.hand.proposals.all() == []
        await served.post(f"{path}/confirm", 303, budi, **form)
        address, _ = served.shown()
        page = await served.text(address)
        assert "Cannot: all its keys are lost" in page
        assert "Budi of KPU (en)" in page

        # Its own desk signs with the new key, and needs no old one.
        file = (await served.ani.get(f"{address}/file")).text
        await polres.post("/roster/bring", document=file)
        address, fields = polres.shown()
        await polres.post(f"{address}/sign", **fields, secret=NEW, text="read")
        (waits_there,) = polres.pages.hand.proposals.all()
        assert waits_there.missing == ("bawaslu", "dishub", "rsud")
        raw_next = waits_there.raw
        for each in waits_there.missing:
            raw_next = _signed(raw_next, served.town.keys[each])
        polres.pages.hand.proposals.hear(raw_next)
        assert "Our request is on its way" not in await polres.text("/roster")


async def test_a_fingerprint_that_differs_is_dropped(served: Served, tmp_path: Path) -> None:
    hand = served.pages.hand
    code = hand.invitations.invite("polres", ACCOUNT)
    async with serve(tmp_path / "polres", "polres", served.town) as polres:
        raw = polres.pages.hand.enroll(code, "2026-11-20T08:00:00Z", NEW)
        hand.bring(raw)
        (waits,) = hand.invitations.presented()
        path = f"/roster/requests/{waits.presented.digest if waits.presented else ''}"
        form = {"typed": "0" * 16, "name": "Budi", "secret": PASSPHRASE}
        await served.post(f"{path}/reject", 403, secret="not it")
        for _ in range(2):
            await served.post(f"{path}/confirm", 403, served.budi, **form)
        said = await served.post(f"{path}/confirm", 403, served.budi, **form)
        assert "are void" in said.text
        assert "the fingerprint differed" in said.text
        code = hand.invitations.invite("polres", ACCOUNT)
        hand.bring(polres.pages.hand.enroll(code, "2026-11-20T08:00:00Z", NEW))
        (waits,) = hand.invitations.presented()
        path = f"/roster/requests/{waits.presented.digest if waits.presented else ''}"
        await served.post(f"{path}/reject", secret=PASSWORD)
        refused = await served.post(
            "/roster/bring", 403, document=(polres.pages.hand.request() or b"").decode()
        )
        assert "Nobody was enrolled" in refused.text
    assert hand.proposals.all() == []


async def test_two_rosters_that_all_have_signed_are_said_until_it_is_clear(served: Served) -> None:
    keys = list(served.town.keys.values())
    for at in (NOW, NOW + 60):
        new = SigningKey.generate()
        draft = Draft(served.town.roster, at=at).key(new, "kpu")
        status = 303 if at == NOW else 409
        await served.post("/roster/bring", status, document=draft.sealed([*keys, new]).decode())
    for path in ("/", "/roster"):
        assert "There are two rosters" in await served.text(path)
