"""What the center takes of a site's history, and what it refuses."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from serambi.base.canonical import encode
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BATCH_MAX_BYTES, HISTORY_KEPT_S
from serambi.center import entries as entries_module
from serambi.center import ingest as ingest_module
from serambi.fabric.messages import BATCH_TYPE, STATE_TYPE, Batch, epoch_of
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.ledger.entry import Entry, encode_entry
from tests.builders import NOW, SITE, make_roster
from tests.fakes.history import CenterSide

OTHER = "simpang"
TOWN = make_roster(sites={SITE: "kpu", OTHER: "bawaslu"})


def entry(number: int, **changes: Any) -> Entry:
    fields: dict[str, Any] = {"kind": "started", "at_ms": number, "site": SITE}
    return Entry(**{**fields, **changes})


def sealed(
    *entries: Entry, key: SigningKey | None = None, kind: str = BATCH_TYPE, **changes: Any
) -> bytes:
    """A batch of the gateway of SITE that begins an epoch unless told otherwise."""
    named = entries or (entry(0),)
    fields: dict[str, Any] = {
        "site": SITE,
        "epoch": epoch_of(named[0]),
        "since": 0,
        "first": 0,
        "entries": entries,
    }
    batch = Batch(**{**fields, **changes})
    return dsse.dump(dsse.sign(kind, encode(batch), [key or TOWN.gateways[SITE]]))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def center(tmp_path: Path, clock: ManualClock) -> AsyncIterator[CenterSide]:
    made = CenterSide(tmp_path, TOWN, clock)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("raw", "kind", "says"),
    [
        (b"", Kind.BAD_INPUT, "cannot be read"),
        (b"x" * (BATCH_MAX_BYTES + 1), Kind.LIMIT, "over the limit"),
        (sealed(entry(1), key=TOWN.gateways[OTHER]), Kind.DENIED, "not signed by this site"),
        (sealed(entry(1), key=TOWN.center), Kind.DENIED, "not signed by this site"),
        (sealed(entry(1), key=TOWN.keys["kpu"]), Kind.DENIED, "not signed by this site"),
        (sealed(entry(1), kind=STATE_TYPE), Kind.BAD_INPUT, "expected"),
        (sealed(entry(1), site=OTHER), Kind.DENIED, "speaks for another site"),
        (sealed(entry(1, site=OTHER)), Kind.DENIED, "speaks for another site"),
        (sealed(entry(1), epoch="0" * 32), Kind.BAD_INPUT, "its own name"),
        (sealed(entry(1), since=-1, first=-1), Kind.BAD_INPUT, "cannot be read"),
    ],
)
async def test_what_is_not_believed_leaves_nothing(
    center: CenterSide, raw: bytes, kind: Kind, says: str
) -> None:
    with pytest.raises(SerambiError, match=says) as caught:
        await center.ingest.receive(SITE, raw)
    assert caught.value.kind is kind
    assert center.kept() == []
    assert center.entries.alarms() == []


async def test_an_epoch_has_one_beginning(center: CenterSide) -> None:
    await center.ingest.receive(SITE, sealed(entry(1), entry(2)))
    with pytest.raises(SerambiError, match="begins twice"):
        await center.ingest.receive(
            SITE, sealed(entry(3), epoch=epoch_of(entry(1)), since=2, first=2)
        )
    assert len(center.kept()) == 2


async def test_what_comes_too_early_is_asked_for_from_the_start(center: CenterSide) -> None:
    epoch = epoch_of(entry(1))
    for raw in (
        sealed(entry(5), epoch=epoch, first=4),  # of an epoch nobody has heard of
        sealed(epoch=epoch),
    ):
        await center.ingest.receive(SITE, raw)
        assert center.kept() == []
    await center.ingest.receive(SITE, sealed(entry(1), entry(2)))
    await center.ingest.receive(SITE, sealed(entry(5), epoch=epoch, first=4))
    assert [seq for _, seq, _ in center.kept()] == [0, 1]


async def test_a_batch_with_one_entry_that_differs_is_taken_not_at_all(
    center: CenterSide,
) -> None:
    epoch = epoch_of(entry(1))
    await center.ingest.receive(SITE, sealed(entry(1), entry(2)))
    for _ in range(2):
        await center.ingest.receive(
            SITE, sealed(entry(1), entry(99), entry(3), epoch=epoch, first=0)
        )
    assert len(center.kept()) == 2
    assert [(alarm.site, alarm.seq) for alarm in center.entries.alarms()] == [(SITE, 1)]
    assert center.ledger.size == 1


async def test_leaves_are_those_of_the_ledgers_newest_life(
    center: CenterSide, clock: ManualClock
) -> None:
    """For witnesses: after a backup was restored, what the old life had is no more shown."""
    first = [entry(number) for number in range(1, 6)]
    await center.ingest.receive(SITE, sealed(*first))
    assert center.entries.leaves(SITE, 1, 4) == [encode_entry(e) for e in first[1:4]]
    assert center.entries.leaves(SITE, 3, 9) == [encode_entry(e) for e in first[3:]]
    clock.advance(1)
    again = [entry(number) for number in range(40, 44)]
    batch = sealed(*again, epoch=epoch_of(again[0]), since=3, first=3)
    await center.ingest.receive(SITE, batch)
    wanted = [encode_entry(e) for e in (*first[:3], *again)]
    assert center.entries.leaves(SITE, 0, 7) == wanted
    assert center.entries.leaves(SITE, 4, 6) == wanted[4:6]
    assert center.entries.leaves(SITE, 7, 9) == center.entries.leaves(OTHER, 0, 1) == []


async def test_epochs_of_a_site_are_bounded(
    center: CenterSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "HISTORY_EPOCHS_PER_SITE", 2)
    for number in range(2):
        await center.ingest.receive(SITE, sealed(entry(number)))
    with pytest.raises(SerambiError, match="began anew more than 2 times") as caught:
        await center.ingest.receive(SITE, sealed(entry(2)))
    assert caught.value.kind is Kind.LIMIT
    assert caught.value.hint


async def test_a_database_that_takes_nothing_gives_no_receipt(center: CenterSide) -> None:
    with center.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE site_entries")
    with pytest.raises(SerambiError, match="takes nothing") as caught:
        await center.ingest.receive(SITE, sealed(entry(1)))
    assert caught.value.kind is Kind.UNAVAILABLE


async def test_newest_first_in_pages_by_site_and_camera(
    center: CenterSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries_module, "HISTORY_PAGE_ENTRIES", 2)
    many = [entry(n, camera="cam-1" if n % 2 else "cam-2") for n in range(5)]
    await center.ingest.receive(SITE, sealed(*many))
    other = entry(9, site=OTHER)
    await center.ingest.receive(OTHER, sealed(other, site=OTHER, key=TOWN.gateways[OTHER]))
    first = center.entries.newest()
    assert [kept.entry for kept in first] == [other, many[4]]
    second = center.entries.newest(before=first[-1].id)
    assert [kept.entry for kept in second] == [many[3], many[2]]
    assert [kept.seq for kept in second] == [3, 2]
    assert [kept.entry for kept in center.entries.newest(site=OTHER)] == [other]
    assert [kept.entry for kept in center.entries.newest(camera="cam-1")] == [many[3], many[1]]
    assert center.entries.newest(site="nowhere") == []


async def test_old_entries_go_and_do_not_come_back(
    center: CenterSide, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = sealed(entry(1), entry(2))
    await center.ingest.receive(SITE, old)
    clock.advance(HISTORY_KEPT_S + 1)
    epoch = epoch_of(entry(1))
    await center.ingest.receive(SITE, sealed(entry(3), entry(4), epoch=epoch, first=2))
    center.entries.make_room()
    assert [seq for _, seq, _ in center.kept()] == [2, 3]
    await center.ingest.receive(SITE, old)
    assert [seq for _, seq, _ in center.kept()] == [2, 3]
    monkeypatch.setattr(entries_module, "HISTORY_ENTRIES_PER_SITE", 1)
    other = sealed(entry(9, site=OTHER), site=OTHER, key=TOWN.gateways[OTHER])
    await center.ingest.receive(OTHER, other)
    center.entries.make_room()
    assert [seq for _, seq, _ in center.kept()] == [3]
    assert len(center.kept(OTHER)) == 1
