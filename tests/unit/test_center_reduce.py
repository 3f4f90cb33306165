"""A main stream that loses pictures gives way to the substream, and comes back when it is calm."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serambi.base.limits import (
    REDUCE_ATTEMPTS,
    REDUCE_CALM_FIRST_S,
    REDUCE_CALM_MAX_S,
    REDUCE_LOST_SECONDS,
    REDUCE_PROVEN_S,
    REDUCE_TRIES_MAX,
    REDUCE_WINDOW_S,
)
from serambi.center.reduce import REDUCED, RESTORED, Reducer
from serambi.center.session import Session
from serambi.center.viewer import Viewer
from serambi.fabric.messages import Stream
from serambi.web.connection import framed
from tests.fakes.browsers import Sink
from tests.fakes.center_desk import ANI, CenterDesk
from tests.fakes.center_town import CONFIG, unit
from tests.fakes.running import eventually

CAMERA = "terminal-1"
WINDOW = int(REDUCE_WINDOW_S)
LOSING = REDUCE_LOST_SECONDS + 1
"""Seconds of loss after which a camera is reduced."""


class Road:
    """A desk with a reducer; pictures come a second at a time, some of them lost."""

    def __init__(self, desk: CenterDesk, group: asyncio.TaskGroup) -> None:
        self.desk = desk
        self.reducer = Reducer(desk.hub, desk.sessions, desk.clock, group)
        self.number = 0

    async def view(self, stream: Stream = "main") -> tuple[Session, Sink]:
        session = await self.desk.sessions.open(ANI, CAMERA, "live", "traffic", stream)
        sink = Sink(room=100_000)
        self.desk.sessions.watch(session, Viewer(sink, fmp4=False))
        return session, sink

    async def seconds(self, count: int, *, lost: int = 0, stream: Stream = "main") -> None:
        """`count` seconds of ten pictures, `lost` of which do not arrive."""
        for _ in range(count):
            for at in range(10):
                self.number += 1
                if at >= lost:
                    message = unit(self.number, key=at == lost)
                    self.desk.town.link.push("terminal", CAMERA, stream, message)
            await self.arrived()
            self.desk.clock.advance(1)
            self.desk.town.speak()
            self.desk.sessions.tick()
            await self.look()

    async def arrived(self) -> None:
        watches = [w for each in self.desk.town.link.watches.values() for w in each]
        await eventually(lambda: all(watch.empty for watch in watches))

    async def look(self) -> None:
        """One look of the reducer, and whatever it begins is done."""
        self.reducer.tick()
        courses = self.reducer._courses.values()
        await eventually(lambda: not any(course.moving for course in courses))
        await eventually(lambda: not any(s.renewing for s in self.desk.sessions.all()))

    def texts(self, sink: Sink) -> list[str]:
        return [
            text for frame in sink.frames for text in (REDUCED, RESTORED) if frame == framed(text)
        ]

    def kinds(self) -> list[tuple[str, str]]:
        asked = self.desk.gateway.requests
        return [(r.kind, r.stream) for r in asked if r.kind != "renew"]


@pytest.fixture
async def road(tmp_path: Path) -> AsyncIterator[Road]:
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        desk = CenterDesk(tmp_path, group)
        try:
            yield Road(desk, group)
        finally:
            await desk.sessions.stop(5.0)
            desk.journal.close()
            desk.engine.dispose()


def test_the_texts() -> None:
    assert json.loads(REDUCED) == {"reduced": "sub", "why": "link"}
    assert json.loads(RESTORED) == {"reduced": ""}


async def test_a_stream_without_loss_or_with_one_burst_stays(road: Road) -> None:
    session, sink = await road.view()
    await road.seconds(WINDOW)
    await road.seconds(1, lost=9)
    await road.seconds(2 * WINDOW)
    assert shown(session) == "main"
    assert road.kinds() == [("open", "main")]
    assert road.texts(sink) == []


async def test_a_stream_that_keeps_losing_gives_way_to_the_substream(road: Road) -> None:
    (first, one), (second, two) = await road.view(), await road.view()
    (other, three) = await road.view("sub")
    link = road.desk.town.link
    grants = {first.grant, second.grant}
    await road.seconds(LOSING, lost=4)
    await eventually(lambda: len(road.kinds()) == 7)
    # Each by a grant of its own, asked for before the old one is given back.
    assert sorted(road.kinds()) == sorted(
        [("open", "main")] * 2 + [("open", "sub")] * 3 + [("close", "main")] * 2
    )
    assert {session.stream for session in (first, second, other)} == {"sub"}
    assert not grants & {first.grant, second.grant}
    assert first.grant in road.desk.gateway.sessions
    assert not grants & road.desk.gateway.sessions.keys()
    assert road.texts(one) == road.texts(two) == [REDUCED]
    assert road.texts(three) == []
    # One copy of one stream is left on the link.
    assert {key for key, watches in link.watches.items() if watches} == {
        ("terminal", CAMERA, "sub")
    }
    # The same view to its owner, now with the pictures of the substream.
    assert road.desk.sessions.find(first.id, ANI.account) is first
    shown = len(one.frames)
    link.push("terminal", CAMERA, "sub", CONFIG, unit(1, key=True))
    await road.arrived()
    assert one.frames[shown:] == [framed(CONFIG[1:].decode()), framed(unit(1, key=True))]
    said = road.desk.ledger.said()
    assert said.count(("session_opened", "")) == 5
    assert said.count(("session_closed", "switched")) == 2


async def test_it_comes_back_after_a_calm_and_longer_each_time_it_was_in_vain(road: Road) -> None:
    session, sink = await road.view()
    calm_s = REDUCE_CALM_FIRST_S
    for _ in range(2):
        await road.seconds(LOSING, lost=4)
        assert shown(session) == "sub"
        await road.seconds(int(calm_s) - 5, stream="sub")
        assert shown(session) == "sub"
        await road.seconds(10, stream="sub")
        assert shown(session) == "main"
        calm_s = min(calm_s * 2, REDUCE_CALM_MAX_S)
    assert road.texts(sink) == [REDUCED, RESTORED] * 2


def shown(session: Session) -> str:
    """The stream, as something that changes."""
    return session.stream


async def test_loss_on_the_substream_is_no_calm(road: Road) -> None:
    session, _ = await road.view()
    await road.seconds(LOSING, lost=4)
    await road.seconds(int(REDUCE_CALM_FIRST_S) - 5, stream="sub")
    await road.seconds(1, stream="sub", lost=3)
    await road.seconds(int(REDUCE_CALM_FIRST_S) - 5, stream="sub")
    assert shown(session) == "sub"
    await road.seconds(10, stream="sub")
    assert shown(session) == "main"


async def test_the_number_of_tries_is_bounded(road: Road) -> None:
    session, sink = await road.view()
    for _ in range(REDUCE_TRIES_MAX):
        await road.seconds(LOSING + 1, lost=4)
        assert shown(session) == "sub"
        road.desk.clock.advance(REDUCE_CALM_MAX_S)
        road.desk.town.speak()
        keep_open(road, session)
        await road.look()
        assert shown(session) == "main"
    await road.seconds(LOSING + 1, lost=4)
    road.desk.clock.advance(100 * REDUCE_CALM_MAX_S)
    await road.look()
    assert shown(session) == "sub"
    assert road.texts(sink).count(RESTORED) == REDUCE_TRIES_MAX


def keep_open(road: Road, session: Session) -> None:
    """Time passes faster here than grants are renewed."""
    session.until_ms = int(road.desk.clock.now() * 1000) + 60_000


async def test_what_has_proven_itself_starts_from_the_beginning(road: Road) -> None:
    session, _ = await road.view()
    await road.seconds(LOSING, lost=4)
    await road.seconds(int(REDUCE_CALM_FIRST_S) + 1, stream="sub")
    assert shown(session) == "main"
    await road.seconds(int(REDUCE_PROVEN_S) + 1)
    (course,) = road.reducer._courses.values()
    assert (course.tries, course.wait_s) == (0, REDUCE_CALM_FIRST_S)


async def test_who_comes_later_is_moved_at_once_and_told_so(road: Road) -> None:
    await road.view()
    await road.seconds(LOSING, lost=4)
    late, sink = await road.view()
    await road.seconds(1, stream="sub")
    assert late.stream == "sub"
    assert road.texts(sink) == [REDUCED]
    # A browser that connects again must hear it as well.
    again = Sink(room=100)
    road.desk.sessions.watch(late, Viewer(again, fmp4=False))
    assert road.texts(again) == [REDUCED]


async def test_what_the_site_refuses_stays_and_is_not_asked_for_ever(road: Road) -> None:
    session, sink = await road.view()
    grant = session.grant
    road.desk.gateway.refuse = ["purpose"]
    await road.seconds(WINDOW + 5, lost=4)
    assert (session.stream, session.grant) == ("main", grant)
    assert road.kinds().count(("open", "sub")) == REDUCE_ATTEMPTS
    assert road.texts(sink) == []
    assert session.id in {s.id for s in road.desk.sessions.all()}
    watches = road.desk.town.link.watches
    assert {key[2] for key, watched in watches.items() if watched} == {"main"}


async def test_a_view_that_ends_while_it_is_moved_leaves_nothing_open(road: Road) -> None:
    session, _ = await road.view()
    moving = asyncio.ensure_future(road.desk.sessions.switch(session, "sub", REDUCED))
    await asyncio.sleep(0)
    await road.desk.sessions.close(session, "closed")
    await moving
    await eventually(lambda: not road.desk.gateway.sessions)
    assert road.desk.hub.watched() == 0
    opened = [e.session for e in road.desk.ledger.entries if e.kind == "session_opened"]
    closed = [e.session for e in road.desk.ledger.entries if e.kind == "session_closed"]
    assert sorted(opened) == sorted(closed)


async def test_a_renewal_of_the_old_grant_does_not_end_the_new_one(road: Road) -> None:
    session, _ = await road.view()
    renewing = asyncio.ensure_future(road.desk.sessions._renew(session))
    await asyncio.sleep(0)
    await road.desk.sessions.switch(session, "sub", REDUCED)
    await renewing
    assert shown(session) == "sub"
    assert road.desk.sessions.count() == 1
