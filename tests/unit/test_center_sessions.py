"""Sessions over time: renewals, ends, and what the ledger says of them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    RENEW_EVERY_S,
    SESSIONS_PER_SITE,
    UNWATCHED_AGAIN_S,
    UNWATCHED_FIRST_S,
)
from serambi.center.database import sessions
from serambi.center.viewer import Viewer
from serambi.ledger.entry import Entry
from serambi.web.connection import framed
from serambi.web.errors import ReasonedError
from tests.fakes.browsers import Sink
from tests.fakes.center_desk import CenterDesk, a_desk
from tests.fakes.center_town import CONFIG, camera, unit
from tests.fakes.running import eventually


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[CenterDesk]:
    async with a_desk(tmp_path) as desk:
        yield desk


async def test_it_is_renewed_while_watched(desk: CenterDesk) -> None:
    session = await desk.open()
    first_until_ms = session.until_ms
    desk.sessions.watch(session, Viewer(Sink(), fmp4=False))
    desk.pass_time(RENEW_EVERY_S - 1)
    assert desk.kinds() == ["open"]
    for expected in (2, 3, 4, 5, 6):
        desk.pass_time(RENEW_EVERY_S)
        desk.sessions.tick()
        await desk.asked(expected)
        await eventually(lambda: not session.renewing)
    assert desk.kinds() == ["open", *["renew"] * 5]
    assert session.until_ms > first_until_ms
    assert desk.sessions.count() == 1
    assert len({request.nonce for request in desk.gateway.requests}) == 6


async def test_nobody_came_to_watch(desk: CenterDesk) -> None:
    await desk.open()
    desk.pass_time(UNWATCHED_FIRST_S / 2)
    await eventually(lambda: desk.kinds() == ["open", "renew"])
    assert desk.sessions.count() == 1
    desk.pass_time(UNWATCHED_FIRST_S / 2)
    assert desk.sessions.count() == 0
    await eventually(lambda: desk.kinds()[-1] == "close")
    await eventually(lambda: ("session_closed", "unwatched") in desk.ledger.said())


async def test_everybody_left(desk: CenterDesk) -> None:
    session = await desk.open()
    viewer = Viewer(Sink(), fmp4=False)
    desk.sessions.watch(session, viewer)
    desk.pass_time(1)
    desk.sessions.unwatch(session, viewer)
    desk.pass_time(UNWATCHED_AGAIN_S - 1)
    assert desk.sessions.count() == 1
    desk.pass_time(1)
    assert desk.sessions.count() == 0


async def test_a_renewal_that_is_refused_ends_it_with_the_reason(desk: CenterDesk) -> None:
    session = await desk.open()
    viewer = Viewer(Sink(), fmp4=False)
    desk.sessions.watch(session, viewer)
    desk.gateway.refuse = ["revoked"]
    desk.pass_time(RENEW_EVERY_S)
    await eventually(viewer.ended.is_set)
    assert viewer.reason == "revoked"
    await eventually(lambda: ("session_closed", "revoked") in desk.ledger.said())


async def test_a_silent_site_keeps_its_sessions_until_the_grant_ends(desk: CenterDesk) -> None:
    session = await desk.open()
    sink = Sink(room=1)
    viewer = Viewer(sink, fmp4=False)
    desk.sessions.watch(session, viewer)
    desk.town.link.away.add("terminal")
    for _ in range(11):
        desk.clock.advance(5)
        desk.sites.check_silence()
        desk.sessions.tick()
        await eventually(lambda: not session.renewing)
    assert desk.sessions.count() == 1
    assert sink.frames == [framed('{"notice": "offline"}')]
    desk.clock.advance(10)
    desk.sessions.tick()
    assert viewer.reason == "offline"


async def test_a_state_that_no_longer_lists_it_ends_it(desk: CenterDesk) -> None:
    session = await desk.open()
    viewer = Viewer(Sink(), fmp4=False)
    desk.sessions.watch(session, viewer)
    desk.town.link.push("terminal", "terminal-1", "sub", CONFIG, unit(0, key=True))
    await eventually(lambda: viewer.waiting() == 2)
    # Older than the session: says nothing about it.
    earlier = desk.gateway.state(sessions=(), seq=session.seq - 1)
    desk.sessions._on_state(earlier)
    assert desk.sessions.count() == 1
    desk.gateway.sessions.clear()
    desk.gateway.cameras = (camera("terminal-1", state="suspended"),)
    desk.pass_time(1)
    assert (viewer.reason, viewer.waiting()) == ("suspended", 0)
    desk.town.link.push("terminal", "terminal-1", "sub", unit(1))
    assert viewer.waiting() == 0
    assert desk.hub.watched() == 0
    await eventually(lambda: ("session_closed", "suspended") in desk.ledger.said())


@pytest.mark.parametrize(("cameras", "reason"), [((), "no_agreement"), (None, "closed")])
async def test_why_it_ended(desk: CenterDesk, cameras: tuple[()] | None, reason: str) -> None:
    session = await desk.open()
    viewer = Viewer(Sink(), fmp4=False)
    desk.sessions.watch(session, viewer)
    desk.gateway.sessions.clear()
    if cameras is not None:
        desk.gateway.cameras = cameras
    desk.pass_time(1)
    assert viewer.reason == reason


async def test_a_refusal_is_written_down_before_it_is_told(desk: CenterDesk) -> None:
    desk.gateway.refuse = ["stopped"]
    with pytest.raises(ReasonedError) as caught:
        await desk.open()
    assert caught.value.reason == "stopped"
    entry = desk.ledger.entries[0]
    assert (entry.kind, entry.reason, entry.unit) == ("refused", "stopped", "Regu A")
    assert desk.journal.names.who(entry.person) == "Ani"
    assert desk.gateway.requests[-1].salt
    assert desk.hub.watched() == 0


async def test_without_a_ledger_nothing_opens_and_the_site_is_told(desk: CenterDesk) -> None:
    desk.ledger.broken = True
    with pytest.raises(SerambiError) as caught:
        await desk.open()
    assert caught.value.kind is Kind.UNAVAILABLE
    assert desk.sessions.count() == 0
    await eventually(lambda: not desk.gateway.sessions)
    assert desk.hub.watched() == 0


async def test_an_answer_that_was_lost_leaves_nothing_open_at_the_site(desk: CenterDesk) -> None:
    asked = []

    def lose(reply):  # type: ignore[no-untyped-def]
        asked.append(reply)
        return replace(reply, nonce="other") if len(asked) == 1 else reply

    desk.gateway.change_reply = lose
    with pytest.raises(SerambiError):
        await desk.open()
    await eventually(lambda: not desk.gateway.sessions)


async def test_a_site_has_a_bounded_number_of_sessions(
    desk: CenterDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SESSIONS_PER_SITE > 2
    monkeypatch.setattr("serambi.center.sessions.SESSIONS_PER_SITE", 2)
    opened = await asyncio.gather(*(desk.open() for _ in range(4)), return_exceptions=True)
    limited = [error for error in opened if isinstance(error, SerambiError)]
    assert [error.kind for error in limited] == [Kind.LIMIT] * 2
    await desk.open("market-1")


async def test_the_end_of_the_center_is_told_to_sites_and_viewers(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        session = await desk.open()
        viewer = Viewer(Sink(), fmp4=False)
        desk.sessions.watch(session, viewer)
        desk.town.link.away.add("market")
        await desk.open("terminal-2")
        await desk.sessions.stop(5.0)
        assert viewer.reason == "center_stopped"
        assert not desk.gateway.sessions
        assert desk.ledger.said().count(("session_closed", "center_stopped")) == 2


async def test_the_history_knows_each_session(desk: CenterDesk) -> None:
    session = await desk.open()
    await desk.sessions.close(session, "closed")
    still_open = await desk.open("terminal-2")
    with desk.engine.connect() as connection:
        rows = {row.session: row for row in connection.execute(select(sessions))}
    assert rows[session.id].reason == "closed"
    assert rows[still_open.id].closed_ms is None
    desk.history.close_left_open()
    with desk.engine.connect() as connection:
        reasons = [row.reason for row in connection.execute(select(sessions))]
    assert sorted(reasons) == ["center_restarted", "closed"]


async def test_entries_written_together_share_a_write_and_never_run_back(desk: CenterDesk) -> None:
    entries = [Entry(kind="refused", at_ms=1, session=str(n)) for n in range(200)]
    await asyncio.gather(*(desk.journal.append(entry) for entry in entries))
    written = [entry for entry in desk.ledger.entries if entry.kind == "refused"]
    assert [entry.session for entry in written] == [entry.session for entry in entries]
    assert {entry.at_ms for entry in written} == {5}
