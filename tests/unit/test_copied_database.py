"""A database is read beside its only process: as it was at one moment, whatever is written."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from serambi.base.files import sqlite_uri
from tests.fakes.copied import copied_database

ROWS = 50


def _write(database: sqlite3.Connection, until: threading.Event) -> None:
    """Every row is the same number in every transaction; the log is begun anew all the time."""
    number = 0
    while not until.is_set():
        number += 1
        with database:
            database.execute("UPDATE kept SET n = ?, more = zeroblob(3000)", (number,))


def test_a_copy_is_of_one_moment_and_never_older_than_the_one_before(tmp_path: Path) -> None:
    path, until = tmp_path / "index.db", threading.Event()
    opened = sqlite3.connect(sqlite_uri(path), uri=True, check_same_thread=False)
    with closing(opened) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA wal_autocheckpoint = 20")
        with database:
            database.execute("CREATE TABLE kept (n INTEGER, more BLOB)")
            database.executemany("INSERT INTO kept VALUES (0, NULL)", [()] * ROWS)
        writer = threading.Thread(target=_write, args=(database, until))
        writer.start()
        try:
            seen = []
            for _ in range(30):
                with copied_database(path) as copy:
                    numbers = [n for (n,) in copy.execute("SELECT n FROM kept")]
                assert len(numbers) == ROWS
                assert len(set(numbers)) == 1
                seen.append(numbers[0])
        finally:
            until.set()
            writer.join()
    assert seen == sorted(seen)
    assert seen[0] < seen[-1]


def test_what_is_not_there_is_no_database(tmp_path: Path) -> None:
    with copied_database(tmp_path / "none.db") as copy, pytest.raises(sqlite3.OperationalError):
        copy.execute("SELECT n FROM kept")
