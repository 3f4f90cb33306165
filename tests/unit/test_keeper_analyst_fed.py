"""The keeper's end of the analyst: what reaches its process, in which order, and what does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest

from serambi.base.clock import SystemClock
from serambi.base.limits import ANALYST_QUEUE_UNITS
from serambi.keeper.analysis.analyst import Analyst
from serambi.keeper.analysis.messages import FromAnalyst, Seen, Trouble, Watch, frame
from serambi.media.access_unit import AccessUnit
from tests.fakes.films import approved, film
from tests.unit.fabric_tasks import eventually

CAM = "cam-1"
WATCH = Watch(CAM, (approved("gate"),), "", "Asia/Jakarta")
ANSWER_S = 20.0

CONFIG, UNITS = film("gate")
KEY = UNITS[0]


class Site:
    """An analyst with its real process, and what it answered."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[FromAnalyst] = asyncio.Queue()
        self.analyst = Analyst({}, 0.5, SystemClock(), self.answers.put_nowait)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        life = asyncio.create_task(self.analyst.run())
        try:
            await eventually(lambda: self.analyst.strain.running, "the analysis runs")
            yield
        finally:
            life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await life

    async def seen(self) -> str:
        async with asyncio.timeout(ANSWER_S):
            answer = await self.answers.get()
        assert isinstance(answer, Seen)
        return answer.sight


def lived(story: Callable[[Site], Coroutine[None, None, None]]) -> None:
    async def life() -> None:
        await story(Site())

    asyncio.run(life())


def test_a_camera_may_connect_before_anybody_says_what_to_look_for() -> None:
    async def story(site: Site) -> None:
        async with site.running():
            site.analyst.push(CAM, CONFIG)  # said once for a connection
            site.analyst.push(CAM, KEY)
            site.analyst.watch(WATCH)
            site.analyst.push(CAM, KEY)
            assert await site.seen() == "match"

    lived(story)


def test_it_may_connect_before_the_process_lives() -> None:
    async def story(site: Site) -> None:
        site.analyst.push(CAM, CONFIG)
        site.analyst.watch(WATCH)
        async with site.running():
            site.analyst.push(CAM, KEY)
            assert await site.seen() == "match"

    lived(story)


def test_another_life_of_the_process_knows_what_the_first_did() -> None:
    async def story(site: Site) -> None:
        site.analyst.watch(WATCH)
        async with site.running():
            site.analyst.push(CAM, CONFIG)
        async with site.running():
            site.analyst.push(CAM, KEY)
            assert await site.seen() == "match"

    lived(story)


def test_looking_afresh_needs_no_new_connection() -> None:
    async def story(site: Site) -> None:
        site.analyst.watch(WATCH)
        async with site.running():
            site.analyst.push(CAM, CONFIG)
            site.analyst.watch(WATCH)
            site.analyst.push(CAM, None)
            site.analyst.push(CAM, KEY)
            assert await site.seen() == "match"

    lived(story)


def left_out_of(units: list[AccessUnit]) -> tuple[int, list[str]]:
    """How many of these, all at once, were left out; what the others showed."""
    found: list[str] = []
    left = 0

    async def story(site: Site) -> None:
        nonlocal left
        site.analyst.watch(WATCH)
        async with site.running():
            site.analyst.push(CAM, CONFIG)
            for unit in units:
                site.analyst.push(CAM, unit)
            left = site.analyst.strain.left_out
            found.extend([await site.seen() for _ in range(len(units) - left)])

    lived(story)
    return left, found


def test_what_is_too_much_is_left_out_and_counted() -> None:
    left, found = left_out_of([KEY] * (ANALYST_QUEUE_UNITS + 20))
    assert 20 <= left <= 23, "beside the pictures only what to look for and the shape waited"
    assert set(found) == {"match"}


def test_a_camera_whose_shape_never_stays_fills_no_memory() -> None:
    async def story(site: Site) -> None:
        site.analyst.watch(WATCH)
        async with site.running():
            for _ in range(ANALYST_QUEUE_UNITS * 3):
                site.analyst.push(CAM, CONFIG)
                site.analyst.push(CAM, KEY)
            left = site.analyst.strain.left_out
            assert left >= ANALYST_QUEUE_UNITS * 2
            assert await site.seen() == "match", "the last of them is still looked at"

    lived(story)


def test_what_is_said_of_a_camera_that_nobody_looks_at_counts_for_nothing() -> None:
    async def story(site: Site) -> None:
        incoming = asyncio.StreamReader()
        incoming.feed_data(frame(Trouble("cam-9", "invented")) + frame(Trouble(CAM, "told")))
        incoming.feed_eof()
        site.analyst.watch(WATCH)
        with pytest.raises(asyncio.IncompleteReadError):
            await site.analyst._listen(incoming)
        assert site.answers.get_nowait() == Trouble(CAM, "told")
        assert site.answers.empty()

    lived(story)
