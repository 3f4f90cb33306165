"""The keeper's hand on its ledger: order, commitments, a disk that refuses, a crash."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.keeper.journal import Journal
from serambi.ledger.entry import Entry, EntryKind
from serambi.ledger.names import Names
from tests.builders import NOW, Town, make_roster
from tests.fakes.keeper_site import WatchedStore, ledger_of, open_store


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def store(tmp_path: Path, town: Town, clock: ManualClock) -> AsyncIterator[WatchedStore]:
    with open_store(tmp_path, town, clock, []) as store:
        assert isinstance(store, WatchedStore)
        yield store


@pytest.fixture
def names(tmp_path: Path, clock: ManualClock) -> Names:
    return Names(tmp_path / "names", clock, 86_400)


@pytest.fixture
def journal(store: WatchedStore, names: Names) -> Journal:
    return Journal(store, names, "gudang-kpu", b"salt" * 4)


def kinds(store: WatchedStore) -> list[str]:
    return [entry.kind for entry in ledger_of(store)]


async def test_it_is_durable_on_return_and_dated(journal: Journal, store: WatchedStore) -> None:
    await journal.write(journal.entry("started"))
    (entry,) = ledger_of(store)
    assert (entry.kind, entry.site, entry.at_ms) == ("started", "gudang-kpu", int(NOW * 1000))


async def test_names_of_agreed_cameras_only(journal: Journal) -> None:
    plain = journal.entry("stopped", camera="cam-1", agreement="2026-03", party="kpu")
    assert (plain.camera, plain.party) == ("cam-1", "kpu")
    hidden = journal.entry("stopped", camera="cam-1")
    assert hidden.camera == journal.commitment("stopped", "cam-1") != "cam-1"
    assert journal.entry("stopped").camera == ""
    other = Journal(journal.store, journal.names, "gudang-kpu", b"tlas" * 4)
    assert other.commitment("stopped", "cam-1") != hidden.camera
    assert journal.entry("refused", camera="cam-1").camera != hidden.camera


async def test_writers_take_turns_and_nothing_is_lost(
    journal: Journal, store: WatchedStore
) -> None:
    entries = [journal.entry("refused", detail=str(n)) for n in range(20)]
    await asyncio.gather(*(journal.write(entry) for entry in entries))
    assert [entry.detail for entry in ledger_of(store)] == [str(n) for n in range(20)]


async def test_what_is_noted_waits_for_the_disk_in_order(
    journal: Journal, store: WatchedStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.full = True
    with pytest.raises(SerambiError, match="disk is full"):
        await journal.write(journal.entry("session_opened"))
    assert not await journal.note(journal.entry("session_closed"), journal.entry("stopped"))
    clock.advance(30)
    assert not await journal.note(journal.entry("resumed"))
    said = len(caplog.records)
    assert not await journal.note(), "a mere retry"
    assert journal.owed == 3
    assert len(caplog.records) == said, "a retry does not fill the log as well"
    with pytest.raises(SerambiError, match="disk is full"):
        await journal.write(journal.entry("started"))
    store.full = False
    await journal.write(journal.entry("started"))
    assert journal.owed == 0
    assert kinds(store) == ["session_closed", "stopped", "resumed", "started"]
    times = [entry.at_ms / 1000 - NOW for entry in ledger_of(store)]
    assert times == [0, 0, 30, 30], "dated when it happened"


async def test_a_clock_set_back_does_not_block_what_waits(
    journal: Journal, store: WatchedStore, clock: ManualClock
) -> None:
    store.full = True
    await journal.note(journal.entry("stopped"))
    clock.step(NOW - 3600)
    await journal.note(journal.entry("resumed"))
    store.full = False
    assert await journal.note(journal.entry("started"))
    times = [entry.at_ms for entry in ledger_of(store)]
    assert times == sorted(times)
    assert kinds(store) == ["stopped", "resumed", "started"]


async def test_what_waits_is_bounded(
    journal: Journal, store: WatchedStore, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.keeper.journal.ENTRIES_OWED", 300)
    journal = Journal(store, names, "gudang-kpu", b"salt" * 4)
    store.full = True
    await journal.note(*(journal.entry("refused", detail=str(n)) for n in range(350)))
    assert journal.owed == 300
    store.full = False
    assert await journal.note()
    assert store.size == 300
    assert store.entries(299, 300)[0].detail == "349"


def view(journal: Journal, session: str, camera: str = "cam-1") -> Entry:
    class View:
        purpose, person, unit, party, salt = "p", "petugas1", "Regu", "polres", ""

        def __init__(self) -> None:
            self.session, self.camera = session, camera

    return journal.entry("session_opened", View(), agreement="2026-03")


async def test_views_left_open_by_a_crash_are_closed(
    journal: Journal, store: WatchedStore, clock: ManualClock
) -> None:
    await journal.begin()
    assert kinds(store) == ["started"]
    await journal.write(view(journal, "older"))
    await journal.write(journal.entry("started"))
    await journal.write(view(journal, "a"), view(journal, "b", "cam-2"))
    closed = view(journal, "a")
    await journal.write(Entry(kind="session_closed", at_ms=0, session=closed.session))
    await journal.write(*[journal.entry("refused")] * 600)  # more than a page
    clock.advance(5)
    await journal.begin()
    last = ledger_of(store)[-2]
    assert (last.kind, last.session, last.camera) == ("session_closed", "b", "cam-2")
    assert (last.reason, last.agreement) == ("restarted", "2026-03")
    assert journal.names.who(last.person) == "petugas1"
    assert last.at_ms == int((NOW + 5) * 1000)
    size = store.size
    await journal.begin()
    assert store.size == size + 1, "once"


async def test_a_start_on_a_full_disk_is_written_down_later(
    journal: Journal, store: WatchedStore
) -> None:
    await journal.write(view(journal, "a"))
    store.full = True
    await journal.begin()
    assert journal.owed == 2
    with pytest.raises(SerambiError):
        await journal.write(view(journal, "b"))
    store.full = False
    await journal.write(view(journal, "b"))
    assert kinds(store) == ["session_opened", "session_closed", "started", "session_opened"]


async def test_stops_that_stand_in_the_ledger_alone_are_found(
    journal: Journal, clock: ManualClock
) -> None:
    async def happened(kind: EntryKind, camera: str, agreement: str = "") -> None:
        clock.advance(10)
        await journal.write(journal.entry(kind, camera=camera, agreement=agreement))

    def standing(since_s: float = 0.0) -> dict[str, float]:
        return journal.stops_since(NOW + since_s, ["cam-1", "cam-in"])

    assert standing() == {}
    await happened("stopped", "cam-1", "2026-03")
    await happened("stopped", "cam-in")
    await happened("stopped", "cam-1", "2026-03")
    await happened("refused", "elsewhere", "2026-03")
    assert standing() == {"cam-1": NOW + 10, "cam-in": NOW + 20}
    assert standing(15) == {"cam-in": NOW + 20, "cam-1": NOW + 30}
    assert standing(60) == {}
    await happened("resumed", "cam-in")
    assert standing() == {"cam-1": NOW + 10}
    await happened("stopped", "")
    assert standing() == {"cam-1": NOW + 10, "": NOW + 60}
    await happened("resumed", "")
    assert standing() == {}


async def test_many_entries_are_looked_through(journal: Journal) -> None:
    await journal.write(journal.entry("stopped"))
    for _ in range(3):
        await journal.write(*[journal.entry("refused", camera="cam-1") for _ in range(200)])
    assert journal.stops_since(0.0, ["cam-1"]) == {"": NOW}


async def test_a_view_is_not_written_without_the_name_but_its_end_is(
    journal: Journal, store: WatchedStore, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal.write(view(journal, "a"))

    def refuse() -> None:
        raise SerambiError(Kind.UNAVAILABLE, "the disk is full")

    monkeypatch.setattr(names, "save", refuse)
    with pytest.raises(SerambiError, match="the disk is full"):
        await journal.write(view(journal, "b"))
    assert await journal.note(journal.entry("stopped"))
    assert kinds(store) == ["session_opened", "stopped"]


async def test_entries_hold_no_name(journal: Journal, store: WatchedStore) -> None:
    await journal.write(view(journal, "a"))
    (entry,) = ledger_of(store)
    assert entry.person.startswith("commitment:")
    assert journal.names.who(entry.person) == "petugas1"
