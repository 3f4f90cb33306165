"""A keeper's ledger, its way to the center, and the center's database: all real but the road."""

import shutil
from pathlib import Path

from sqlalchemy import Engine, select

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.center.database import open_database, site_entries
from serambi.center.entries import SiteEntries
from serambi.center.ingest import Ingest
from serambi.center.journal import Journal
from serambi.keeper.delivery import FILE, Delivery
from serambi.ledger.entry import Entry, EntryKind, encode_entry
from serambi.ledger.names import Names
from serambi.ledger.store import LedgerStore
from tests.builders import SITE, Town

ORIGIN = f"kpu/{SITE}/keeper"


class CenterSide:
    """The center's half; `ledger` is its own."""

    def __init__(self, folder: Path, town: Town, clock: Clock) -> None:
        self.folder = folder
        self.town = town
        self.clock = clock
        self.open()

    def open(self) -> None:
        self.engine: Engine = open_database(self.folder / "center.db")
        self.ledger = LedgerStore.open(
            self.folder / "ledger", "polres/center", self.town.center, self.clock
        )
        self.journal = Journal(
            self.ledger, Names(self.folder / "names", self.clock, 86_400), self.clock
        )
        self.ingest = Ingest(
            self.engine, self.town.roster, self.town.center, self.journal, self.clock
        )
        self.entries = SiteEntries(self.engine, self.clock)

    def close(self) -> None:
        self.journal.close()
        self.ledger.close()
        self.engine.dispose()

    def kept(self, site: str = SITE) -> list[tuple[str, int, bytes]]:
        """(epoch, seq, leaf) in the order of arrival."""
        wanted = select(site_entries.c.epoch, site_entries.c.seq, site_entries.c.leaf)
        with self.engine.connect() as connection:
            rows = connection.execute(
                wanted.where(site_entries.c.site == site).order_by(site_entries.c.id)
            ).all()
        return [(row.epoch, row.seq, row.leaf) for row in rows]


class Road:
    """From keeper to center: loses what it is told to lose, remembers what it carried."""

    def __init__(self, center: CenterSide) -> None:
        self.center = center
        self.lose: list[str] = []
        self.carried: list[bytes] = []
        self.receipts: list[bytes] = []

    async def send(self, raw: bytes) -> bytes:
        fate = self.lose.pop(0) if self.lose else ""
        if fate == "batch":
            raise SerambiError(Kind.UNAVAILABLE, "the batch is lost")
        self.carried.append(raw)
        receipt = await self.center.ingest.receive(SITE, raw)
        self.receipts.append(receipt)
        if fate == "receipt":
            raise SerambiError(Kind.UNAVAILABLE, "the receipt is lost")
        return receipt


class KeeperSide:
    """The keeper's half. `crash` loses what is in memory, `restore` what came after `back_up`."""

    def __init__(self, folder: Path, town: Town, clock: Clock, road: Road) -> None:
        self.folder = folder
        self.town = town
        self.clock = clock
        self.road = road
        self.count = 0
        folder.mkdir(exist_ok=True)
        self.open()

    def open(self) -> None:
        key = self.town.gateways[SITE]
        self.store = LedgerStore.open(self.folder / "ledger", ORIGIN, key, self.clock)
        self.delivery = Delivery(
            self.folder,
            SITE,
            self.store,
            key,
            lambda: self.town.roster,
            lambda: True,
            self.road.send,
        )

    async def crash(self) -> None:
        self.store.close()
        self.open()
        await self.delivery.load()

    def happen(self, count: int = 1, kind: EntryKind = "started", detail: str = "") -> None:
        """Each entry unlike every other."""
        entries = []
        for _ in range(count):
            self.count += 1
            text = f"{self.count} {detail}"
            entries.append(Entry(kind=kind, at_ms=self.store.stamp(), site=SITE, detail=text))
        self.store.append(entries)

    async def deliver_all(self) -> None:
        """As `run` does it, without its pauses."""
        while self.delivery.confirmed < self.store.size:
            await self.delivery.deliver()

    def back_up(self) -> None:
        backup = self.folder.with_name("backup")
        shutil.rmtree(backup, ignore_errors=True)
        shutil.copytree(self.folder, backup)

    async def restore(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)
        shutil.copytree(self.folder.with_name("backup"), self.folder)
        self.open()
        await self.delivery.load()

    def forget_place(self) -> None:
        (self.folder / FILE).unlink(missing_ok=True)

    def leaves(self) -> list[bytes]:
        size = self.store.size
        return [encode_entry(entry) for entry in self.store.entries(0, size)]
