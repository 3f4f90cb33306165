"""A database that its process holds alone, read while it runs."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_TRIES = 20
_LOG_HEADER_BYTES = 32
"""Of SQLite's log, with salts that are others each time it is begun anew."""


@contextmanager
def copied_database(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of it as it was at one moment: a log that was not begun anew meanwhile makes a
    database whole that was copied while it was written to."""
    log = path.with_name(f"{path.name}-wal")
    with tempfile.TemporaryDirectory(prefix="copy-") as folder:
        for _ in range(_TRIES):
            begun = _beginning(log)
            for file in (path, log):
                with suppress(FileNotFoundError):
                    shutil.copy(file, folder)
            copy = Path(folder) / log.name
            if _beginning(log) == begun == _beginning(copy):
                break
            copy.unlink(missing_ok=True)
        else:
            raise OSError(f"{path} was never left alone for the time of a copy")
        with closing(sqlite3.connect(Path(folder) / path.name)) as database:
            yield database


def _beginning(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            return file.read(_LOG_HEADER_BYTES)
    except FileNotFoundError:
        return b""
