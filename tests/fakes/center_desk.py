"""The center's views without HTTP, over a ledger in memory and gateways that really sign."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.center.accounts import Account, Role
from serambi.center.asking import Asker
from serambi.center.database import open_database
from serambi.center.glass import Glass
from serambi.center.history import History
from serambi.center.journal import Journal
from serambi.center.live import Hub
from serambi.center.session import Session
from serambi.center.sessions import Sessions
from serambi.center.sites import Sites
from serambi.ledger.entry import Entry
from serambi.ledger.names import Names
from tests.fakes.center_town import CENTER_PARTY, Town
from tests.fakes.running import eventually

ANI = Account("ani", "Ani", Role.OPERATOR, "Regu A")


class MemoryLedger:
    """Entries in a list; `broken` makes every write fail."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.broken = False

    def append(self, entries: Sequence[Entry]) -> range:
        if self.broken:
            raise SerambiError(Kind.UNAVAILABLE, "disk full")
        self.entries += entries
        return range(len(self.entries))

    def stamp(self) -> int:
        return 5

    def publish(self) -> None:
        """A list has no tiles."""

    def said(self) -> list[tuple[str, str]]:
        return [(entry.kind, entry.reason) for entry in self.entries]


class CenterDesk:
    """A center without HTTP."""

    def __init__(self, folder: Path, group: asyncio.TaskGroup) -> None:
        self.clock = ManualClock(1_790_000_000.0)
        self.town = Town(folder, self.clock)
        self.gateway = self.town.gateways["terminal"]
        self.engine = open_database(self.town.config.database)
        self.ledger = MemoryLedger()
        self.journal = Journal(self.ledger, Names(folder / "names", self.clock, 86_400), self.clock)
        self.sites = Sites(self.town.roster, self.engine, self.clock)
        self.town.link.on_state(self.sites.receive)
        self.hub = Hub(self.town.link, group)
        self.history = History(self.engine, self.clock)
        self.asker = Asker(
            self.town.link, self.town.center_key, self.town.roster, CENTER_PARTY, self.clock
        )
        self.glass = Glass(self.engine, self.journal, self.asker, self.clock)
        self.sessions = Sessions(
            self.asker,
            self.sites,
            self.hub,
            self.journal,
            self.history,
            self.glass,
            self.clock,
            group,
        )
        self.town.speak()

    async def open(self, camera_id: str = "terminal-1") -> Session:
        return await self.sessions.open(ANI, camera_id, "live", "traffic", "sub")

    def kinds(self) -> list[str]:
        return [request.kind for request in self.gateway.requests]

    async def asked(self, count: int) -> None:
        await eventually(lambda: len(self.gateway.requests) == count)

    def pass_time(self, duration_s: float) -> None:
        self.clock.advance(duration_s)
        self.town.speak()
        self.sessions.tick()


@asynccontextmanager
async def a_desk(folder: Path) -> AsyncIterator[CenterDesk]:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        desk = CenterDesk(folder, group)
        try:
            yield desk
        finally:
            await desk.sessions.stop(5.0)
            desk.journal.close()
            desk.engine.dispose()
