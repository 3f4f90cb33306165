"""The center's disk refuses: what has happened waits, what would need writing does not happen."""

import contextlib
import errno
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_together
from serambi.center import database
from serambi.center.accounts import Account, Accounts, Role
from serambi.center.database import meta, open_database
from serambi.center.history import History
from serambi.center.journal import Journal
from serambi.ledger.entry import Entry
from serambi.ledger.names import Names
from tests.clips import START_US
from tests.fakes.running import PASSWORD, eventually, quick_passwords


class Ledger:
    """Takes entries unless it is full."""

    def __init__(self) -> None:
        self.full = False
        self.entries: list[Entry] = []
        self.now_ms = 1000

    def append(self, entries: Sequence[Entry]) -> range:
        if self.full:
            raise SerambiError(Kind.UNAVAILABLE, "the disk is full")
        self.entries += entries
        return range(0)

    def publish(self) -> None:
        return

    def stamp(self) -> int:
        return max([self.now_ms, *(entry.at_ms for entry in self.entries)])

    def said(self) -> list[str]:
        return [entry.session for entry in self.entries]


def closed(session: str) -> Entry:
    return Entry(kind="session_closed", at_ms=1, session=session)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return Names(tmp_path / "names", ManualClock(START_US / 1e6), 86_400)


@pytest.fixture
async def journal(
    ledger: Ledger, names: Names, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Journal]:
    monkeypatch.setattr("serambi.center.journal.LEDGER_PUBLISH_EVERY_S", 0.01)
    journal = Journal(ledger, names, ManualClock(START_US / 1e6))
    yield journal
    journal.close()


async def test_what_has_happened_waits_and_goes_first(ledger: Ledger, journal: Journal) -> None:
    ledger.full = True
    assert not await journal.note(closed("a"))
    with pytest.raises(SerambiError, match="the ledger cannot be written"):
        await journal.append(closed("refused"))
    assert journal.owed == 1
    ledger.now_ms = 9000
    ledger.full = False
    await journal.append(closed("b"))
    assert ledger.said() == ["a", "b"]
    assert [entry.at_ms for entry in ledger.entries] == [1000, 9000], "dated when it happened"
    assert journal.owed == 0


async def test_what_waits_is_written_without_being_asked(ledger: Ledger, journal: Journal) -> None:
    ledger.full = True
    for name in "abc":
        await journal.note(closed(name))
    ledger.full = False
    await eventually(lambda: ledger.said() == ["a", "b", "c"])
    assert journal.owed == 0


async def test_what_waits_is_bounded(
    ledger: Ledger, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.center.journal.ENTRIES_OWED", 3)
    journal = Journal(ledger, names, ManualClock(0.0))
    ledger.full = True
    for name in "abcde":
        await journal.note(closed(name))
    ledger.full = False
    journal.close()
    assert ledger.said() == ["c", "d", "e"]


async def test_a_name_that_cannot_be_kept_holds_back_what_is_yet_to_happen(
    ledger: Ledger, journal: Journal, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise SerambiError(Kind.UNAVAILABLE, "the disk is full")

    monkeypatch.setattr(names, "save", refuse)
    with pytest.raises(SerambiError, match="the disk is full"):
        await journal.append(closed("wanted"))
    assert await journal.note(closed("over"))
    assert ledger.said() == ["over"]


class Opened:
    grant, site, camera, stream = "s-1", "site", "cam", "sub"
    action, purpose, agreement = "live", "watch", "k-1"
    owner = Account("petugas", "Petugas", Role.OPERATOR, "Regu 1")


@contextlib.contextmanager
def refusing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """New connections fail as they do on a full disk."""

    def refuse(*arguments: object, **more: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    engine.dispose()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", refuse)
        patch.setattr(sqlite3.dbapi2, "connect", refuse)
        yield


def test_a_database_on_a_full_disk_is_opened_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "center.db"
    with refusing(open_database(path), monkeypatch):
        engine = open_database(path)
        with pytest.raises(OperationalError):
            engine.connect()
        history = History(engine, ManualClock(0.0))
        history.opened(Opened())
        history.closed({"s-1": "closed"})
        history.close_left_open()
    with engine.connect() as connection:
        assert connection.execute(select(meta.c.value)).scalar() == str(database.FORMAT)
    engine.dispose()


def test_nothing_of_a_database_is_mapped_from_a_disk_that_may_be_full(tmp_path: Path) -> None:
    """And its connections, those that sync each commit too, see each other's all the same."""
    path = tmp_path / "a folder?" / "center.db"
    engine, durable = open_database(path), open_database(path, durable=True)
    with engine.connect() as reading:
        accounts = Accounts(durable, ManualClock(0.0), quick_passwords())
        accounts.create_account("sari", "Sari", Role.OPERATOR, "Unit 1", PASSWORD)
        assert reading.execute(select(database.accounts.c.account)).scalars().all() == ["sari"]
        assert sorted(file.name for file in path.parent.iterdir()) == ["center.db", "center.db-wal"]
        assert "center.db" not in Path("/proc/self/maps").read_text("utf-8")
    engine.dispose()
    durable.dispose()


def test_a_database_that_was_never_made_needs_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_database(tmp_path / "other.db")
    with refusing(other, monkeypatch), pytest.raises(SerambiError, match="cannot be made"):
        open_database(tmp_path / "center.db")


def test_files_that_belong_together_stay_as_they_were_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate must not lose its key."""
    write_together(tmp_path, {"key.pem": (b"old key", 0o600), "cert.pem": (b"old", 0o644)})
    written: list[int] = []

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_together(tmp_path, {"key.pem": (b"new", 0o600), "cert.pem": (b"new", 0o644)})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "key.pem": b"old key",
        "cert.pem": b"old",
    }
