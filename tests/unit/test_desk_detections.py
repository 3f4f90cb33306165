"""What the sites noticed becomes an alert once, also when the center died in between."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert

from serambi.base.clock import ManualClock, unix_ms
from serambi.center.database import open_database, site_entries
from serambi.center.desk.detections import Detections
from serambi.center.desk.kinds import AlertKind
from serambi.center.entries import SiteEntries
from serambi.ledger.entry import Entry, EntryKind, encode_entry
from tests.builders import NOW
from tests.unit.fabric_tasks import eventually

DETAIL = "place=gerbang utama box=0.1,0.2,0.3,0.4 confidence=0.90"


class FakeDesk:
    """Takes alerts as the desk does: one of each name."""

    def __init__(self) -> None:
        self.raised: dict[str, tuple[AlertKind, str, str, str]] = {}
        self.times = 0

    def raise_alert(
        self, what: AlertKind, *, site: str, camera: str, text: str, subject: str
    ) -> None:
        self.times += 1
        self.raised.setdefault(subject, (what, site, camera, text))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "center.db")
    yield engine
    engine.dispose()


class Center:
    """The history and a desk, which may die and come back."""

    def __init__(self, engine: Engine, clock: ManualClock) -> None:
        self._engine = engine
        self._clock = clock
        self._seq = 0
        self.desk = FakeDesk()

    def keep(
        self,
        kind: EntryKind = "alert",
        reason: str = "left_object",
        camera: str = "cam-1",
        detail: str = DETAIL,
    ) -> None:
        at_ms = unix_ms(self._clock.now())
        entry = Entry(
            kind=kind, at_ms=at_ms, site="gudang", camera=camera, reason=reason, detail=detail
        )
        row = {"site": "gudang", "epoch": "e", "seq": self._seq, "received_ms": at_ms}
        row |= {"camera": camera, "leaf": encode_entry(entry)}
        with self._engine.begin() as connection:
            connection.execute(insert(site_entries).values(row))
        self._seq += 1

    async def work(self, count: int) -> None:
        """Until so many alerts have been raised in all."""
        desk: object = self.desk
        detections = Detections(SiteEntries(self._engine, self._clock), desk, self._clock)  # type: ignore[arg-type]
        task = asyncio.create_task(detections.run())
        try:
            detections.arrived()
            await eventually(lambda: len(self.desk.raised) >= count, f"{count} alerts")
        finally:
            task.cancel()
            await asyncio.wait({task})


@pytest.fixture
def center(engine: Engine, clock: ManualClock) -> Center:
    return Center(engine, clock)


async def test_an_entry_is_an_alert_with_its_place(center: Center) -> None:
    center.keep()
    await center.work(1)
    (alert,) = center.desk.raised.values()
    assert alert == (AlertKind.LEFT_OBJECT, "gudang", "cam-1", "gerbang utama")


async def test_a_restart_raises_what_came_lately_by_the_same_name(
    center: Center, clock: ManualClock
) -> None:
    center.keep()
    await center.work(1)
    center.keep(reason="zone")
    await center.work(2)
    assert len(center.desk.raised) == 2
    assert center.desk.times == 3, "the first one was proposed again, by its name"
    clock.advance(2 * 3600)
    center.keep(reason="crowd")
    await center.work(3)
    assert center.desk.times == 4, "what came long ago is not"


async def test_many_pages_are_read_to_the_end(center: Center) -> None:
    for _ in range(450):
        center.keep()
    await center.work(450)
    assert center.desk.times == 450


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "refused"},
        {"reason": "motion"},
        {"reason": "something new"},
        {"camera": ""},
        {"camera": "commitment:" + "0" * 64},
    ],
)
async def test_what_asks_nothing_of_anybody_is_no_alert(
    center: Center, entry: dict[str, str]
) -> None:
    center.keep(**entry)  # type: ignore[arg-type]
    center.keep(reason="tamper", detail="")
    await center.work(1)
    assert list(center.desk.raised.values()) == [(AlertKind.TAMPER, "gudang", "cam-1", "")]
