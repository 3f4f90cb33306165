"""A running keeper, and a courier that keeps every byte it was able to read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from serambi.base.canonical import decode
from serambi.base.clock import Clock
from serambi.base.ids import new_id
from serambi.fabric.frames import Live, State
from serambi.fabric.messages import REPLY_TYPE, STATE_TYPE, Reply, SiteState
from serambi.fabric.uplink_client import UplinkClient
from serambi.identity import dsse
from serambi.keeper.keeper import Keeper
from tests.builders import SITE, Town, make_request
from tests.fakes.keeper_site import FakeCameras, Site
from tests.unit.fabric_tasks import eventually


@asynccontextmanager
async def running_keeper(
    site: Site, clock: Clock, cameras: FakeCameras | None = None
) -> AsyncIterator[Keeper]:
    """Ends as abruptly as a keeper can: no view is closed, only files and threads are."""
    keeper = site.keeper(clock, cameras)
    task = asyncio.create_task(keeper.run())
    ready = asyncio.create_task(keeper.uplink.ready())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield keeper
    finally:
        ready.cancel()
        task.cancel()
        await asyncio.wait({task})
        keeper.close()


def opened(raw: bytes, town: Town, payload_type: str) -> bytes:
    """What the gateway of the site has signed."""
    envelope = dsse.load(raw)
    assert envelope.payload_type == payload_type
    assert dsse.verified_by(envelope, town.roster.keys_for(use="gateway", site=SITE))
    return envelope.payload


class Courier:
    """Carries, and remembers."""

    def __init__(self, site: Site) -> None:
        self._town = site.town
        self.client = UplinkClient(site.folder / "courier.sock")
        self.states: list[SiteState] = []
        self.live: list[Live] = []
        self.seen = bytearray()

    async def read(self) -> None:
        async for frame in self.client.frames():
            if isinstance(frame, State):
                self.seen += frame.raw
                raw = opened(frame.raw, self._town, STATE_TYPE)
                self.states.append(decode(SiteState, raw, what="state", max_bytes=1 << 20))
                self.seen += raw
            elif isinstance(frame, Live):
                self.live.append(frame)
                self.seen += frame.camera.encode() + frame.message

    async def command(self, raw: bytes) -> Reply:
        answer = await self.client.command(raw)
        self.seen += answer
        payload = opened(answer, self._town, REPLY_TYPE)
        self.seen += payload
        return decode(Reply, payload, what="reply", max_bytes=1 << 20)

    async def ask(self, clock: Clock, camera: str = "cam-1", **changes: Any) -> Reply:
        changes.setdefault("session", new_id())
        return await self.command(make_request(self._town, camera, now=clock.now(), **changes))

    def count(self, camera: str) -> int:
        return sum(frame.camera == camera for frame in self.live)

    async def flows(self, camera: str, more: int = 3) -> None:
        """Return when `more` further messages of that camera have come."""
        wanted = self.count(camera) + more
        await eventually(lambda: self.count(camera) >= wanted, f"pictures of {camera}")


@asynccontextmanager
async def connected(site: Site) -> AsyncIterator[Courier]:
    courier = Courier(site)
    task = asyncio.create_task(courier.read())
    try:
        await eventually(lambda: courier.client.connected or task.done(), "the courier connects")
        yield courier
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
