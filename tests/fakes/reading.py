"""The own reader at work on simulated cameras, for tests: what it gave, and waiting for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from serambi.base.clock import SystemClock
from serambi.camera.engines import Engines, Reader
from serambi.camera.rtsp.target import Transport
from serambi.camera.source import OpenSource
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.nal import split_length_prefixed
from serambi.sim.rtsp import Server, listen
from serambi.sim.stream import Camera

USER, PASSWORD = "viewer", "p:ss word"
DEADLINE_S = 30


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@dataclass
class Seen:
    """One stream as it was read."""

    items: list[VideoConfig | AccessUnit | None] = field(default_factory=list)

    @property
    def units(self) -> list[AccessUnit]:
        return [item for item in tuple(self.items) if isinstance(item, AccessUnit)]

    @property
    def configs(self) -> list[VideoConfig]:
        return [item for item in tuple(self.items) if isinstance(item, VideoConfig)]

    def nals(self) -> list[list[bytes]]:
        """NAL units of each picture."""
        return [list(split_length_prefixed(unit.data)) for unit in self.units]


@dataclass
class Reading:
    """Readers of one `Engines`."""

    engines: Engines
    readers: list[Reader] = field(default_factory=list)

    def read(
        self,
        url: str,
        *,
        user: str = USER,
        password: str = PASSWORD,
        transport: Transport = "tcp",
    ) -> tuple[Reader, Seen]:
        """Start to read; the reading ends with the block."""
        seen = Seen()
        reader = self.engines.reader(
            url, user, password, name="gate/main", on_item=seen.items.append, transport=transport
        )
        self.readers.append(reader)
        reader.start()
        return reader, seen


@asynccontextmanager
async def reading(fallback: OpenSource | None = None) -> AsyncIterator[Reading]:
    """Nothing is left behind: every reader and every thread has ended afterwards."""
    clock = SystemClock()
    engines = Engines(clock) if fallback is None else Engines(clock, fallback=fallback)
    made = Reading(engines)
    try:
        yield made
    finally:
        for reader in made.readers:
            reader.stop()
        for reader in made.readers:
            assert await asyncio.to_thread(reader.join, 10.0)
        engines.close(10.0)


@asynccontextmanager
async def on_air(*cameras: Camera) -> AsyncIterator[tuple[Server, str]]:
    """Simulated cameras and the address of the first one's main stream."""
    async with listen(cameras, SystemClock()) as server:
        yield server, f"rtsp://127.0.0.1:{server.port}/{cameras[0].id}/main"
