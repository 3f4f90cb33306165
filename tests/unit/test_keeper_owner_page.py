"""The owner's page in every state, both languages, both themes, without a script."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from serambi.agreement.instants import Hours
from serambi.agreement.model import SharedSite, read_agreement
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import LOGIN_FAILURES, LOGIN_FAILURES_WINDOW_S
from serambi.web.words import Words
from tests.builders import (
    NOW,
    SITE,
    Town,
    make_attestation,
    make_revocation,
    make_roster,
)
from tests.clips import clip
from tests.fakes.keeper_http import BEARER, Box, box
from tests.fakes.keeper_site import PRIVATE, SHARED, TOKEN, WAITING, Site, fill_disk, ledger_of
from tests.unit.fabric_tasks import eventually

WORDS = Words.load()
SUNDAY = (Hours(("sun",), "06:00", "18:00"),)


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster()


@pytest.fixture
async def home(tmp_path: Path, town: Town) -> AsyncIterator[Box]:
    site = Site(tmp_path / "keeper", town)
    site.put_documents()
    async with box(site) as home:
        yield home


async def _nothing(home: Box) -> None:
    pass


async def _on(home: Box) -> None:
    home.keeper._on_link(True)
    await home.ask(person="<script>alert(1)</script>")
    await home.ask("cam-2", person="<script>alert(1)</script>")


async def _unknown(home: Box) -> None:
    await _on(home)
    home.keeper.last_picture = NOW
    home.keeper._on_link(False)


async def _stopped(home: Box) -> None:
    await _on(home)
    await home.keeper.stop(None)


async def _stopped_before_a_restart(home: Box) -> None:
    home.keeper.durable.stop("*", NOW - 100)


async def _one_stopped(home: Box) -> None:
    await home.keeper.stop("cam-1")


async def _revoked(home: Box) -> None:
    signed = read_agreement(home.site.agreement, home.site.town.roster)
    await home.keeper.accept(make_revocation(home.site.town, signed, "bawaslu"))


async def _sunset(home: Box) -> None:
    home.clock.step(NOW + 31 * 86_400)


async def _clock(home: Box) -> None:
    home.keeper.state()
    home.clock.step(NOW - 10)


async def _attested_anew(home: Box) -> None:
    await home.keeper.accept(make_attestation(home.site.town, "cam-1", heading_deg=7))


async def _offline(home: Box) -> None:
    home.keeper.watch.start()
    home.cameras.fail("cam-1", "main", "no answer from the camera")
    await eventually(
        lambda: home.keeper.watch.watched("cam-1").streams["main"].state == "down", "it is down"
    )


async def _full_disk(home: Box) -> None:
    await _on(home)
    fill_disk(home.keeper)
    with pytest.raises(SerambiError):
        await home.keeper.stop("cam-2")


async def _not_recorded(home: Box) -> None:
    home.keeper.watch._stations["cam-2"]._recorder.trouble = "cannot record: disk"


STATES: dict[str, tuple[Callable[[Box], Awaitable[None]], tuple[str, ...]]] = {
    "none": (_nothing, ("lamp_none", "lamp_none_text", "camera_private", "camera_inside")),
    "on": (_on, ("lamp_on", "viewers", "viewers_claim", "stop", "stop_hint")),
    "unknown": (_unknown, ("lamp_unknown", "viewers_last", "certain", "stop_hint_away")),
    "stopped": (_stopped, ("certain_cut", "resume", "resume_hint", "certain_out")),
    "stopped long ago": (_stopped_before_a_restart, ("lamp_stopped", "resume")),
    "one stopped": (_one_stopped, ("resume_one", "stop_one", "lamp_none")),
    "revoked": (_revoked, ("reason.revoked",)),
    "expired": (_sunset, ("reason.expired",)),
    "clock": (_clock, ("reason.clock",)),
    "attested anew": (_attested_anew, ("reason.not_attested",)),
    "offline": (_offline, ("lamp_none",)),
    "full disk": (_full_disk, ("disk_trouble", "resume_one")),
    "not recorded": (_not_recorded, ("not_recorded",)),
}


@pytest.mark.parametrize("state", STATES)
async def test_every_state_is_told(home: Box, state: str) -> None:
    prepare, names = STATES[state]
    await prepare(home)
    await home.sign_in()
    for language, theme in (("id", "light"), ("en", "dark"), ("en", "light"), ("id", "dark")):
        page = await home.page(lang=language, theme=theme)
        assert f'<html lang="{language}" data-theme="{theme}">' in page
        for name in names:
            full = name if "." in name else f"owner.{name}"
            said = WORDS.text(language, full, cameras="102")  # type: ignore[arg-type]
            assert _escaped(said) in page, (language, full)
        assert "{" not in re.sub(r"<style.*?</style>", "", page), "a value was not filled in"
        assert "<script>alert" not in page
        for path in ("/log", "/stop", "/stop?camera=cam-1"):
            assert (await home.http.get(path)).status_code == 200


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("'", "&#39;").replace('"', "&#34;")


async def test_without_any_document(tmp_path: Path, town: Town) -> None:
    async with box(Site(tmp_path / "keeper", town)) as home:
        await home.sign_in()
        page = await home.page(lang="en")
        assert WORDS.text("en", "owner.lamp_none_waiting") in page
        assert 'href="/stop"' not in page


async def test_out_of_hours(tmp_path: Path, town: Town) -> None:
    shared = SharedSite(SITE, SHARED, ("live",), "Asia/Jakarta", SUNDAY)
    site = Site(tmp_path / "keeper", town, sites=(shared,))
    site.put_documents()
    async with box(site) as home:
        await home.sign_in()
        assert WORDS.text("en", "reason.out_of_hours") in await home.page(lang="en")


def _row(page: str, number: str) -> str:
    """The line of one camera."""
    return page.split(f'<div class="item"><span class="num">{number}<')[1].split("</div>\n")[0]


async def test_only_the_camera_that_waits_is_said_to_wait(home: Box) -> None:
    await home.sign_in()
    page = await home.page(lang="en")
    waiting = WORDS.text("en", "owner.camera_waiting", missing="BAWASLU (en)")
    assert waiting in _row(page, "103")
    assert page.count(waiting) == 1
    assert WORDS.text("en", "owner.camera_private") in _row(page, "105")
    assert WORDS.text("en", "owner.camera_inside") in _row(page, "104")
    for number in ("103", "104", "105"):
        assert "/stop" not in _row(page, number)


async def test_who_watches_what_and_why(home: Box) -> None:
    await _on(home)
    home.clock.advance(130)
    await home.ask("cam-2", person="petugas2", stream="main")
    await home.sign_in()
    page = await home.page(lang="id")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, POLRES (id)" in page
    assert "Pengamanan gudang logistik pemilu" in page
    assert WORDS.text("id", "owner.since", time="17.40", minutes=2) in page
    assert WORDS.text("id", "owner.lamp_on_text", people=2, watched=2, shared=2) in page or (
        WORDS.text("id", "owner.lamp_unknown") in page
    )


async def test_the_whole_way_without_a_script(home: Box) -> None:
    first = await home.http.get("/")
    assert first.status_code == 401
    assert 'action="/login"' in first.text
    await home.ask()
    await home.sign_in()
    page = await home.page(lang="en")
    assert 'href="/stop"' in page
    confirm = await home.page("/stop")
    assert WORDS.text("en", "owner.confirm_site") in confirm
    assert WORDS.text("en", "owner.confirm_closes", cameras=2, people=1) in confirm
    assert home.keeper.sessions.all(), "asking is not stopping"
    done = await home.press(confirm, "/stop")
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert home.keeper.sessions.all() == ()
    stopped = await home.page()
    assert WORDS.text("en", "owner.lamp_stopped_in", seconds="0.1") in stopped
    assert (await home.press(stopped, "/resume")).status_code == 303
    assert home.keeper.durable.stops == {}
    confirm = await home.page("/stop", camera="cam-2")
    assert WORDS.text("en", "owner.confirm_camera", number="102") in confirm
    await home.press(confirm, "/stop")
    assert set(home.keeper.durable.stops) == {"cam-2"}
    assert (await home.press(await home.page(), "/resume")).status_code == 303
    assert home.keeper.durable.stops == {}
    out = await home.press(await home.page(), "/logout")
    assert out.status_code == 303
    assert (await home.http.get("/")).status_code == 401


async def test_forms_of_other_sites_do_nothing(home: Box) -> None:
    await home.sign_in()
    confirm = await home.page("/stop")
    answer = await home.press(confirm, "/stop", origin="http://elsewhere")
    assert answer.status_code == 403
    await home.http.post("/stop", data={"camera": "cam-99"}, headers={"Origin": "http://box"})
    await home.http.post("/resume", data={"camera": "cam-99"}, headers={"Origin": "http://box"})
    assert home.keeper.durable.stops == {}
    assert ledger_of(home.keeper) == []


async def test_who_is_not_signed_in_is_asked_to(home: Box) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/log"),
        ("GET", "/stop"),
        ("POST", "/stop"),
        ("POST", "/resume"),
    ):
        answer = await home.http.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert 'action="/login"' in answer.text
        for name in (*SHARED, WAITING, PRIVATE, "101"):
            assert name not in answer.text
    assert home.keeper.durable.stops == {}


async def test_guessing_the_code_is_bounded(home: Box) -> None:
    for _ in range(LOGIN_FAILURES):
        wrong = await home.http.post("/login?lang=en", data={"token": "guess"})
        assert wrong.status_code == 401
        assert WORDS.text("en", "owner.login_wrong") in wrong.text
    for path in ("/login", "/login?lang=en"):
        tired = await home.http.post(path, data={"token": TOKEN})
        assert tired.status_code == 429, "not even the right one"
    assert WORDS.text("en", "owner.login_wait") in tired.text
    assert (await home.http.get("/signin", params={"code": TOKEN})).status_code == 429
    home.clock.advance(LOGIN_FAILURES_WINDOW_S + 1)
    await home.sign_in()


async def test_ways_to_sign_in(home: Box) -> None:
    assert (await home.http.post("/login")).status_code == 401
    answer = await home.http.get("/signin", params={"code": TOKEN})
    assert answer.status_code == 303
    assert TOKEN not in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    home.http.cookies.clear()
    page = await home.http.get("/", headers=BEARER)
    assert page.status_code == 200
    assert (await home.http.get("/")).status_code == 200, "the cookie came with the page"
    home.clock.advance(13 * 3600)
    assert (await home.http.get("/")).status_code == 401, "a sign-in ends"


async def test_the_language_and_theme_are_remembered(home: Box) -> None:
    await home.sign_in()
    await home.page(lang="en", theme="dark")
    assert '<html lang="en" data-theme="dark">' in await home.page()
    assert 'data-theme="dark"' in await home.page(theme="no-such")


async def test_a_full_disk_does_not_show_the_owner_an_error(home: Box) -> None:
    await home.ask()
    await home.sign_in()
    confirm = await home.page("/stop", lang="en")
    fill_disk(home.keeper)
    assert (await home.press(confirm, "/stop")).status_code == 303
    page = await home.page()
    assert WORDS.text("en", "owner.disk_trouble") in page
    assert home.keeper.lamp() == "stopped"
    fill_disk(home.keeper, full=False)


async def test_an_error_that_is_not_the_disks_is_shown(
    home: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(camera: str | None) -> None:
        raise SerambiError(Kind.CORRUPT, "something else")

    monkeypatch.setattr(home.keeper, "resume", broken)
    answer = await home.http.post("/resume", headers=BEARER)
    assert answer.status_code == 500


async def test_a_camera_at_work_is_shared_and_watched(home: Box) -> None:
    home.keeper.watch.start()
    film = clip(10, width=64, height=48, gop=5)
    for stream in ("main", "sub"):
        home.cameras.put("cam-1", stream, *film.items())
    await eventually(lambda: home.keeper.watch.watched("cam-1").online, "the camera is there")
    await home.sign_in()
    assert WORDS.text("en", "owner.camera_open") in _row(await home.page(lang="en"), "101")
    await home.ask()
    assert WORDS.text("en", "owner.camera_watched") in _row(await home.page(), "101")
