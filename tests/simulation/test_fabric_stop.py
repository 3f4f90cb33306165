"""What has left the keeper when a Stop comes: little is on its way, and it is taken back from a
link that does not carry it. The road to the center is held up, as a full or a hostile one would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from serambi.fabric import profile
from serambi.fabric.port import Watch
from serambi.fabric.zenoh_site import ZenohSite
from tests.simulation.fabric_town import SITE, Road, Town, town
from tests.unit.fabric_tasks import LIMIT_S, eventually, running

MESSAGE = b"\x02\x00" + bytes(20_000)
WAITING_MAX_BYTES = 300_000


@dataclass
class Seen:
    """What reached the center, and what the site tried to send."""

    place: Town
    road: Road
    site: ZenohSite
    watch: Watch
    got: list[bytes] = field(default_factory=list)

    async def read(self) -> None:
        async for message in self.watch:
            self.got.append(message)

    async def push(self) -> None:
        """Pictures as fast as they are taken."""
        while True:
            await self.site.publish_live("cam", "main", MESSAGE)
            await asyncio.sleep(0.001)


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Seen]:
    async with town(folder) as place:
        road = Road(place.port)
        async with running(road.run()):
            await eventually(lambda: road.port, "the road is there")
            site = place.site(endpoints=(f"tls/127.0.0.1:{road.port}",))
            async with place.connected(site):
                seen = Seen(place, road, site, place.center.watch(SITE, "cam", "main"))
                async with running(seen.read()):
                    yield seen


async def test_a_road_that_carries_nothing_gets_little(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen, running(seen.push()):
        await eventually(lambda: len(seen.got) > 20, "pictures arrive")
        seen.road.open.clear()
        before = seen.site.counts.live_sent_bytes
        await asyncio.sleep(0)
        opened = seen.site._open
        assert opened is not None
        flow = opened.flow
        await eventually(lambda: flow.on_the_way_bytes >= flow.limit_bytes, "it is full")
        limit = max(flow.limit_bytes, WAITING_MAX_BYTES)
        assert seen.site.counts.live_sent_bytes - before <= 2 * limit
        seen.road.open.set()
        count = len(seen.got)
        await eventually(lambda: len(seen.got) > count + 20, "it goes on")


async def test_after_a_stop_what_a_road_holds_up_never_leaves(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        async with running(seen.push()):
            await eventually(lambda: len(seen.got) > 20, "pictures arrive")
            seen.road.open.clear()
            opened = seen.site._open
            assert opened is not None
            flow = opened.flow
            await eventually(lambda: flow.on_the_way_bytes >= flow.limit_bytes, "it is full")
        seen.site.purge("cam", None)
        await eventually(lambda: seen.site._open is not opened, "the session is cut")
        waiting = seen.site.counts.live_sent_bytes
        count = len(seen.got)
        seen.road.open.set()
        await eventually(lambda: seen.site.connected, "it connects anew")
        await seen.site.publish_state(b"stopped")
        await eventually(lambda: (SITE, b"stopped") in seen.place.states, "the state arrives")
        arrived = (len(seen.got) - count) * len(MESSAGE)
        assert arrived <= WAITING_MAX_BYTES
        assert seen.site.counts.live_sent_bytes == waiting


async def test_a_purge_takes_back_the_picture_that_waits_for_room(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        await seen.site.publish_live("cam", "main", MESSAGE)
        await eventually(lambda: seen.got, "the first picture arrives")
        opened = seen.site._open
        assert opened is not None
        sent = seen.site.counts.live_sent
        room = asyncio.Event()

        async def held_up() -> None:
            await room.wait()

        opened.flow.room = held_up  # type: ignore[method-assign]
        late = asyncio.create_task(seen.site.publish_live("cam", "main", MESSAGE))
        other = asyncio.create_task(seen.site.publish_live("cam", "sub", MESSAGE))
        await asyncio.sleep(0)
        seen.site.purge("cam", "main")
        room.set()
        await asyncio.wait([late, other])
        assert seen.site.counts.live_sent == sent, "nobody watches the other, and this was recalled"
        await seen.site.publish_live("cam", "main", MESSAGE)
        await eventually(lambda: len(seen.got) == 2, "the next one passes")


async def test_a_stop_on_a_road_that_carries_leaves_the_link_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "PURGE_LIMIT_S", LIMIT_S)
    async with watched(tmp_path) as seen:
        async with running(seen.push()):
            await eventually(lambda: len(seen.got) > 20, "pictures arrive")
        opened = seen.site._open
        assert opened is not None
        seen.site.purge("cam", None)
        await eventually(
            lambda: opened.flow.arrived_bytes == opened.flow.sent_bytes, "all has arrived"
        )
        await eventually(lambda: not seen.site._purged.is_set(), "the purge is looked after")
        assert seen.site._open is opened
