"""Where every recorded picture lies: SQLite, one file a site.

Wall-clock times are unix microseconds as the keeper saw them. A segment is one file; a fragment
is one group of pictures in it. What does not belong here: bytes of video.
"""

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serambi.base.errors import Kind, SerambiError

_FORMAT = 1
_SCHEMA = """
CREATE TABLE meta (format INTEGER NOT NULL);
CREATE TABLE segments (
  id INTEGER PRIMARY KEY, camera TEXT NOT NULL, path TEXT NOT NULL UNIQUE,
  start_us INTEGER NOT NULL, init_bytes INTEGER NOT NULL, codec TEXT NOT NULL,
  width INTEGER NOT NULL, height INTEGER NOT NULL);
CREATE INDEX segments_by_time ON segments (camera, start_us);
CREATE TABLE fragments (
  segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE, number INTEGER NOT NULL,
  start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, offset INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL, units INTEGER NOT NULL, key INTEGER NOT NULL,
  sha256 BLOB NOT NULL, PRIMARY KEY (segment, number)) WITHOUT ROWID;
CREATE TABLE gaps (
  camera TEXT NOT NULL, from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, cause TEXT NOT NULL,
  PRIMARY KEY (camera, from_us)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Segment:
    """One file, relative to the recordings' folder. `end_us` is 0 for one without fragments."""

    id: int
    camera: str
    path: str
    start_us: int
    end_us: int
    init_bytes: int
    size_bytes: int
    codec: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """`key`: it begins with a key frame. `sha256` is over its bytes, `moof` and `mdat`."""

    number: int
    start_us: int
    end_us: int
    offset: int
    size_bytes: int
    units: int
    key: bool
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing was recorded from `from_us` to `to_us`, and why."""

    camera: str
    from_us: int
    to_us: int
    cause: str


class Index:
    """One connection, shared by the recorders' threads behind a lock."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            raise SerambiError(
                Kind.CORRUPT,
                f"the index of recordings cannot be used: {error}",
                where=str(path),
                hint="move the file away: it is built again from the recordings",
            ) from error

    def _prepare(self, path: Path) -> None:
        known = self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
        if not known:
            self._db.executescript(_SCHEMA)
            self._db.execute("INSERT INTO meta VALUES (?)", (_FORMAT,))
        (found,) = self._db.execute("SELECT format FROM meta").fetchone()
        if found != _FORMAT:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"the index has format {found}, this Serambi knows {_FORMAT}",
                where=str(path),
                hint="install a newer Serambi",
            )

    def add_segment(self, segment: Segment) -> int:
        """-> its id. The id of `segment` is ignored."""
        with self._lock:
            done = self._db.execute(
                "INSERT INTO segments (camera, path, start_us, init_bytes, codec, width, height)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    segment.camera,
                    segment.path,
                    segment.start_us,
                    segment.init_bytes,
                    segment.codec,
                    segment.width,
                    segment.height,
                ),
            )
            return int(done.lastrowid or 0)

    def add_fragment(self, segment: int, fragment: Fragment) -> None:
        with self._lock:
            self._db.execute(
                "INSERT INTO fragments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    segment,
                    fragment.number,
                    fragment.start_us,
                    fragment.end_us,
                    fragment.offset,
                    fragment.size_bytes,
                    fragment.units,
                    fragment.key,
                    fragment.sha256,
                ),
            )

    def add_gap(self, gap: Gap) -> None:
        """Keep a gap; one that begins at the same time is replaced by the longer one."""
        with self._lock:
            self._db.execute(
                "INSERT INTO gaps VALUES (?, ?, ?, ?) ON CONFLICT (camera, from_us)"
                " DO UPDATE SET to_us = max(to_us, excluded.to_us)",
                (gap.camera, gap.from_us, gap.to_us, gap.cause),
            )

    def segments(self, camera: str | None = None) -> list[Segment]:
        """In the order of time."""
        where, values = ("WHERE camera = ?", (camera,)) if camera else ("", ())
        with self._lock:
            rows = self._db.execute(
                "SELECT id, camera, path, segments.start_us, coalesce(max(end_us), 0), init_bytes,"
                " init_bytes + coalesce(sum(size_bytes), 0), codec, width, height FROM segments"
                f" LEFT JOIN fragments ON segment = id {where}"
                " GROUP BY id ORDER BY segments.start_us, id",
                values,
            ).fetchall()
        return [Segment(*row) for row in rows]

    def fragments(self, segment: int) -> list[Fragment]:
        with self._lock:
            rows = self._db.execute(
                "SELECT number, start_us, end_us, offset, size_bytes, units, key, sha256"
                " FROM fragments WHERE segment = ? ORDER BY number",
                (segment,),
            ).fetchall()
        return [
            Fragment(number, start, end, offset, size, units, bool(key), sha256)
            for number, start, end, offset, size, units, key, sha256 in rows
        ]

    def gaps(self, camera: str) -> list[Gap]:
        with self._lock:
            rows = self._db.execute(
                "SELECT camera, from_us, to_us, cause FROM gaps WHERE camera = ? ORDER BY from_us",
                (camera,),
            ).fetchall()
        return [Gap(*row) for row in rows]

    def end_of(self, camera: str) -> int:
        """When the newest recorded picture of a camera ends; 0 when there is none."""
        with self._lock:
            (end,) = self._db.execute(
                "SELECT coalesce(max(end_us), 0) FROM fragments JOIN segments ON segment = id"
                " WHERE camera = ?",
                (camera,),
            ).fetchone()
        return int(end)

    def remove_segments(self, ids: Sequence[int]) -> None:
        """Forget segments and their fragments."""
        with self._lock:
            self._db.executemany("DELETE FROM segments WHERE id = ?", [(i,) for i in ids])

    def remove_fragments(self, segment: int, from_number: int) -> None:
        with self._lock:
            self._db.execute(
                "DELETE FROM fragments WHERE segment = ? AND number >= ?", (segment, from_number)
            )

    def close(self) -> None:
        with self._lock:
            self._db.close()
