"""Recordings at the keeper's socket: what an agreement gives leaves, in its range, nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from serambi.agreement.instants import ALWAYS, Hours
from serambi.agreement.model import SharedSite
from serambi.base.clock import ManualClock
from serambi.base.errors import SerambiError
from serambi.base.ids import new_id
from serambi.base.limits import PLAYBACKS_PER_SITE
from serambi.keeper.keeper import Keeper
from tests.builders import NOW, SITE
from tests.fakes.keeper_courier import Courier, connected, running_keeper
from tests.fakes.keeper_site import FakeCameras, Site, ledger_of
from tests.fakes.recorded import Player, mark_of, record
from tests.unit.fabric_tasks import eventually

BEGIN = NOW - 3600.0
"""Six minutes are recorded from here on, with a hole in the fourth."""
RUNS = ((0, 200), (230, 360))


def sites(*actions: str, hours: tuple[Hours, ...] = ALWAYS) -> tuple[SharedSite, ...]:
    """cam-1 with these actions, cam-2 live only."""
    return (
        SharedSite(SITE, ("cam-1",), actions, "Asia/Jakarta", hours),  # type: ignore[arg-type]
        SharedSite(SITE, ("cam-2",), ("live",), "Asia/Jakarta", ALWAYS),
    )


@asynccontextmanager
async def at_work(
    folder: Path, clock: ManualClock, shared: tuple[SharedSite, ...], **changes: Any
) -> AsyncIterator[tuple[Site, Keeper, Courier]]:
    site = Site(folder / "keeper", sites=shared, **changes)
    site.put_documents()
    for camera in ("cam-1", "cam-2", "cam-4", "cam-5"):
        record(site.folder, camera, BEGIN, RUNS)
    async with (
        running_keeper(site, clock, FakeCameras()) as keeper,
        connected(site) as courier,
    ):
        await eventually(lambda: keeper.watch.recording_begun, "the recordings are checked")
        yield site, keeper, courier


def minutes_seen(courier: Courier, camera: str = "cam-1") -> list[int]:
    return [minute for minute in range(6) if mark_of(camera, minute) in courier.seen]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


async def test_what_leaves_is_the_range_and_it_is_written_first(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with at_work(tmp_path, clock, sites("live", "playback")) as (site, keeper, courier):
        player = Player(courier, site.town, clock)
        listed = await player.ask("list", BEGIN - 600, BEGIN + 3600)
        begin_ms = int(BEGIN * 1000)
        assert [(s.from_ms - begin_ms, s.to_ms - begin_ms) for s in listed.spans] == [
            (0, 200_000),
            (230_000, 360_000),
        ]
        assert [(g.from_ms - begin_ms, g.to_ms - begin_ms, g.cause) for g in listed.gaps] == [
            (200_000, 230_000, "camera not connected")
        ]
        assert minutes_seen(courier) == []
        assert [entry.kind for entry in ledger_of(keeper)] == ["started"], "nothing was opened"

        reply = await player.ask("open", BEGIN + 60, BEGIN + 240.5)
        assert (reply.allowed, reply.agreement) == (True, "2026-03")
        entry = ledger_of(keeper)[-1]
        assert (entry.kind, entry.camera, entry.session) == (
            "session_opened",
            "cam-1",
            player.session,
        )
        assert entry.detail == "playback 2026-11-23T09:41:00.000Z/2026-11-23T09:44:00.500Z"
        assert courier.live == []
        assert [s.session for s in keeper.sessions.all()] == [player.session]

        pictures = await player.all()
        times = [unit.wall_us - int(BEGIN * 1e6) for unit in pictures]
        # 60 to 200 s and 230 to 240.5 s, ten pictures a second, each once and in order.
        assert len(times) == 1400 + 105
        assert times == sorted(set(times))
        assert (times[0], times[-1]) == (60_000_000, 240_400_000)
        assert pictures[0].key
        assert minutes_seen(courier) == [1, 2, 3, 4]
        keys = await player.all("keys")
        assert len(keys) == 140 + 11
        assert all(unit.key for unit in keys)
        seek = await player.fetch(int((BEGIN + 65.55) * 1e6), "seek", size_bytes=1)
        assert mark_of("cam-1", 1) in seek

        closed = await courier.command(player.request("close"))
        assert closed.allowed
        with pytest.raises(SerambiError, match="bad_request"):
            await player.fetch(int((BEGIN + 70) * 1e6))
        assert minutes_seen(courier) == [1, 2, 3, 4]
        assert minutes_seen(courier, "cam-2") == minutes_seen(courier, "cam-5") == []


async def test_without_the_action_nothing_leaves_whatever_is_asked(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with at_work(tmp_path, clock, sites("live", "export")) as (site, keeper, courier):
        for camera, reason in (
            ("cam-1", "action"),
            ("cam-2", "action"),
            ("cam-3", "no_agreement"),
            ("cam-4", "no_agreement"),
            ("cam-5", "no_agreement"),
        ):
            for kind in ("list", "open"):
                player = Player(courier, site.town, clock, camera)
                reply = await player.ask(kind, BEGIN, BEGIN + 60)
                assert (reply.allowed, reply.reason) == (False, reason), (camera, kind)
                assert (reply.spans, reply.gaps) == ((), ())
            with pytest.raises(SerambiError, match="bad_request"):
                await player.fetch(int(BEGIN * 1e6))
        # An agreed action that nothing serves opens no live view either.
        exporting = await Player(courier, site.town, clock).ask("open", 0, 0, action="export")
        assert (exporting.allowed, exporting.reason) == (False, "action")
        # A live view is no way to recordings.
        watching = Player(courier, site.town, clock)
        assert (await watching.ask("open", 0, 0, action="live")).allowed
        with pytest.raises(SerambiError, match="bad_request"):
            await watching.fetch(int(BEGIN * 1e6), action="live")
        assert not any(minutes_seen(courier, camera) for camera in ("cam-1", "cam-2", "cam-5"))
        assert len(keeper.sessions.all()) == 1


async def test_a_playback_is_no_way_to_a_live_picture(tmp_path: Path, clock: ManualClock) -> None:
    async with at_work(tmp_path, clock, sites("playback")) as (site, keeper, courier):
        for session in ("main", "sub", new_id().upper(), "x" * 64):
            player = Player(courier, site.town, clock)
            player.session = session
            reply = await player.ask("open", BEGIN, BEGIN + 60)
            assert (reply.allowed, reply.reason) == (False, "bad_request"), session
        player = Player(courier, site.town, clock)
        assert (await player.ask("open", BEGIN, BEGIN + 60)).allowed
        assert not keeper.release.is_open("cam-1", "main")
        assert (await player.ask("open", 0, 0, action="live")).reason == "action"


async def test_ranges_are_of_the_past_and_of_a_length(tmp_path: Path, clock: ManualClock) -> None:
    async with at_work(tmp_path, clock, sites("playback")) as (site, _, courier):
        for begin, end, reason in (
            (0, 0, "bad_request"),
            (BEGIN, BEGIN, "bad_request"),
            (BEGIN + 60, BEGIN, "bad_request"),
            (NOW - 60, NOW + 60, "bad_request"),
            (BEGIN - 60, BEGIN + 3600, "limit"),
        ):
            reply = await Player(courier, site.town, clock).ask("open", begin, end)
            assert (reply.allowed, reply.reason) == (False, reason), (begin, end)
        for _ in range(PLAYBACKS_PER_SITE):
            assert (await Player(courier, site.town, clock).ask("open", BEGIN, BEGIN + 60)).allowed
        more = await Player(courier, site.town, clock).ask("open", BEGIN, BEGIN + 60)
        assert (more.allowed, more.reason) == (False, "limit")


async def test_a_stop_ends_it_and_what_was_recorded_under_it_stays(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with at_work(tmp_path, clock, sites("live", "playback")) as (site, keeper, courier):
        player = Player(courier, site.town, clock)
        assert (await player.ask("open", BEGIN, BEGIN + 120)).allowed
        asked = asyncio.create_task(player.fetch(int(BEGIN * 1e6)))
        await asyncio.sleep(0)
        stopped = await keeper.stop("cam-1")
        assert (stopped.sessions, keeper.sessions.all()) == (1, ())
        before = bytes(courier.seen)
        await asyncio.wait({asked})
        asked.exception()  # it came before the stop, or not at all
        with pytest.raises(SerambiError):
            await player.fetch(int(BEGIN * 1e6))
        if asked.exception() is not None:
            assert courier.seen == before
        told = [(e.kind, e.reason) for e in ledger_of(keeper)]
        assert ("session_closed", "stopped") in told
        assert (await player.ask("open", BEGIN, BEGIN + 120)).reason == "stopped"
        clock.advance(600)
        await keeper.resume("cam-1")
        # What is recorded from the stop to the resumption is not given afterwards either.
        listed = await Player(courier, site.town, clock).ask("list", NOW - 3600, NOW + 600)
        assert listed.allowed
        spans = await asyncio.to_thread(keeper.journal.shut_spans, "cam-1", NOW - 3600)
        assert [(round(a), round(b)) for a, b in spans] == [(NOW, NOW + 600)]


async def test_what_the_agreement_does_not_cover_is_not_given(
    tmp_path: Path, clock: ManualClock
) -> None:
    # In force from the third minute on, and out of hours in the fourth and fifth (16.43 there).
    most = (Hours(ALWAYS[0].days, "16:45", "16:43"),)
    shared = sites("playback", hours=most)
    async with at_work(tmp_path, clock, shared, valid_from=BEGIN + 120) as (site, _, courier):
        player = Player(courier, site.town, clock)
        listed = await player.ask("list", BEGIN, BEGIN + 360)
        assert [(s.from_ms / 1000 - BEGIN, s.to_ms / 1000 - BEGIN) for s in listed.spans] == [
            (120, 180),
            (300, 360),
        ]
        player.session = new_id()
        assert (await player.ask("open", BEGIN, BEGIN + 360)).allowed
        assert len(await player.all()) == 2 * 600
        assert minutes_seen(courier) == [2, 5]
