"""Where every recorded picture lies: SQLite, one file a site.

Wall-clock times are unix microseconds as the keeper saw them. A segment is one file; a fragment
is one group of pictures in it. Rows come many at a time and are durable when `add` returns. What
does not belong here: bytes of video.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from serambi.base.errors import Kind, SerambiError
from serambi.base.files import sqlite_uri

GAP_MIN_US = 1_000_000
"""A shorter hole between two runs is within the usual distance of pictures."""

_FORMAT = 1
_BUSY_S = 1.0
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
# Of deletions nothing is kept but what the ledger has still to be told. An index that was made
# before there were any gets the table when it is opened.
_DELETIONS = """
CREATE TABLE IF NOT EXISTS deletions (
  camera TEXT NOT NULL, why TEXT NOT NULL, from_us INTEGER NOT NULL, until_us INTEGER NOT NULL,
  PRIMARY KEY (camera, why)) WITHOUT ROWID
"""
_ADD_DELETION = (
    "INSERT INTO deletions VALUES (?, ?, ?, ?) ON CONFLICT (camera, why)"
    " DO UPDATE SET from_us = min(from_us, excluded.from_us),"
    " until_us = max(until_us, excluded.until_us)"
)
_ADD_SEGMENT = (
    "INSERT INTO segments (camera, path, start_us, init_bytes, codec, width, height)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO NOTHING"
)
_ADD_FRAGMENT = (
    "INSERT OR REPLACE INTO fragments"
    " SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM segments WHERE path = ?"
)
_ADD_GAP = (
    "INSERT INTO gaps VALUES (?, ?, ?, ?) ON CONFLICT (camera, from_us)"
    " DO UPDATE SET to_us = max(to_us, excluded.to_us)"
)


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


class Why(StrEnum):
    """Why recordings are gone: kept for as long as they were to be, in the way of newer ones, or
    not there when the site looked."""

    RETENTION = "retention"
    DISK_FULL = "disk_full"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Deletion:
    """Recordings of a camera that are gone, the first from `from_us`, the last until `until_us`."""

    camera: str
    why: Why
    from_us: int
    until_us: int


Row = tuple[Segment, Fragment] | Gap
"""What is added. A segment is known by its path; its id and its end are not looked at."""


class Index:
    """Two connections behind locks: whoever reads does not wait for whoever makes durable.

    Raises `SerambiError` everywhere: UNAVAILABLE while the disk refuses, CORRUPT for a file that
    is no index, BAD_INPUT for one of a newer format. Opening it on a full disk is put off: the
    next call tries again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        try:
            self._open()
        except SerambiError as error:
            if error.kind is not Kind.UNAVAILABLE:
                raise

    def _open(self) -> sqlite3.Connection:
        """The writing connection; made, with its tables, when there is none."""
        if self._writer is None:
            with self._said():
                made = self._connect()
                try:
                    made.execute("PRAGMA foreign_keys = ON")
                    made.execute("PRAGMA journal_mode = WAL")
                    # A commit is durable when it returns. There is one every few seconds.
                    made.execute("PRAGMA synchronous = FULL")
                    self._prepare(made)
                except BaseException:
                    made.close()
                    raise
                self._writer = made
        return self._writer

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            sqlite_uri(self._path),
            uri=True,
            check_same_thread=False,
            isolation_level=None,
            timeout=_BUSY_S,
        )

    def _prepare(self, made: sqlite3.Connection) -> None:
        if not made.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            made.executescript(f"BEGIN; {_SCHEMA} INSERT INTO meta VALUES ({_FORMAT}); COMMIT")
        (found,) = made.execute("SELECT format FROM meta").fetchone()
        if found != _FORMAT:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"the index has format {found}, this Serambi knows {_FORMAT}",
                where=str(self._path),
                hint="install a newer Serambi",
            )
        made.execute(_DELETIONS)

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """What SQLite raises, in our words."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the index of recordings cannot be used now: {error}",
                where=str(self._path),
                hint="free space on the disk, or look at it",
            ) from error
        except sqlite3.DatabaseError as error:
            raise SerambiError(
                Kind.CORRUPT,
                f"the index of recordings cannot be used: {error}",
                where=str(self._path),
                hint="move the file away: it is built again from the recordings",
            ) from error

    @contextlib.contextmanager
    def _commit(self) -> Iterator[sqlite3.Connection]:
        """One transaction, all or nothing, durable at the end."""
        with self._write_lock, self._said():
            writer = self._open()
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield writer
                writer.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, and then refuses to again.
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        if self._writer is None:
            with self._write_lock:
                self._open()
        with self._read_lock, self._said():
            if self._reader is None:
                self._reader = self._connect()
                self._reader.execute("PRAGMA query_only = ON")
            return self._reader.execute(query, values).fetchall()

    def add(self, rows: Iterable[Row]) -> None:
        """Keep fragments with their segments, and gaps; durable on return, all or none. A
        fragment that is there already is replaced; a gap that begins at the same time as one
        that is there makes it longer."""
        with self._commit() as writer:
            for row in rows:
                if isinstance(row, Gap):
                    writer.execute(_ADD_GAP, (row.camera, row.from_us, row.to_us, row.cause))
                    continue
                of, one = row
                if not one.number:
                    writer.execute(_ADD_SEGMENT, _segment_values(of))
                writer.execute(_ADD_FRAGMENT, (*_fragment_values(one), of.path))

    def add_segment(self, segment: Segment) -> int:
        """A segment before its fragments -> its id. The id of `segment` is ignored."""
        with self._commit() as writer:
            done = writer.execute(_ADD_SEGMENT, _segment_values(segment))
            return int(done.lastrowid or 0)

    def segments(self, camera: str | None = None) -> list[Segment]:
        """In the order of time."""
        where, values = ("WHERE camera = ?", (camera,)) if camera else ("", ())
        rows = self._rows(
            "SELECT id, camera, path, segments.start_us, coalesce(max(end_us), 0), init_bytes,"
            " init_bytes + coalesce(sum(size_bytes), 0), codec, width, height FROM segments"
            f" LEFT JOIN fragments ON segment = id {where}"
            " GROUP BY id ORDER BY segments.start_us, id",
            values,
        )
        return [Segment(*row) for row in rows]

    def fragments(self, segment: int) -> list[Fragment]:
        rows = self._rows(
            "SELECT number, start_us, end_us, offset, size_bytes, units, key, sha256"
            " FROM fragments WHERE segment = ? ORDER BY number",
            (segment,),
        )
        return [_fragment(row) for row in rows]

    def within(
        self, camera: str, from_us: int, to_us: int, limit: int
    ) -> list[tuple[Segment, Fragment]]:
        """The first `limit` fragments that have something of this time, in order; of a segment
        only what is its own, `end_us` and `size_bytes` are 0."""
        rows = self._rows(
            "SELECT id, camera, path, segments.start_us, 0, init_bytes, 0, codec, width, height,"
            " number, f.start_us, f.end_us, offset, f.size_bytes, units, key, sha256"
            " FROM segments JOIN fragments AS f ON segment = id"
            " WHERE camera = ? AND f.start_us < ? AND f.end_us > ? AND segments.start_us < ?"
            " AND segments.start_us >= coalesce((SELECT max(start_us) FROM segments"
            " WHERE camera = ? AND start_us <= ?), 0)"
            " ORDER BY segments.start_us, number LIMIT ?",
            (camera, to_us, from_us, to_us, camera, from_us, limit),
        )
        return [(Segment(*row[:10]), _fragment(row[10:])) for row in rows]

    def spans(self, camera: str, from_us: int, to_us: int, limit: int) -> list[tuple[int, int]]:
        """When there are pictures that can be played from a key frame in this time, as (from,
        until); the first `limit` of them. What is apart by less than `GAP_MIN_US` is one."""
        rows = self._rows(
            "SELECT f.start_us, f.end_us FROM segments JOIN fragments AS f ON segment = id"
            " WHERE camera = ? AND f.start_us < ? AND f.start_us >= ? AND key"
            " AND segments.start_us < ?"
            " AND segments.start_us >= coalesce((SELECT max(start_us) FROM segments"
            " WHERE camera = ? AND start_us <= ?), 0)"
            " ORDER BY f.start_us",
            (camera, to_us, from_us, to_us, camera, from_us),
        )
        found: list[tuple[int, int]] = []
        for start, end in rows:
            if found and start - found[-1][1] < GAP_MIN_US:
                found[-1] = found[-1][0], max(end, found[-1][1])
            elif len(found) == limit:
                break
            else:
                found.append((start, end))
        return found

    def gaps(self, camera: str) -> list[Gap]:
        rows = self._rows(
            "SELECT camera, from_us, to_us, cause FROM gaps WHERE camera = ? ORDER BY from_us",
            (camera,),
        )
        return [Gap(*row) for row in rows]

    def end_of(self, camera: str) -> int:
        """When the newest recorded picture of a camera ends; 0 when there is none."""
        ((end,),) = self._rows(
            "SELECT coalesce(max(end_us), 0) FROM fragments JOIN segments ON segment = id"
            " WHERE camera = ?",
            (camera,),
        )
        return int(end)

    def remove_segments(self, ids: Sequence[int]) -> None:
        """Forget segments and their fragments."""
        with self._commit() as writer:
            writer.executemany("DELETE FROM segments WHERE id = ?", [(i,) for i in ids])

    def delete_segments(self, gone: Sequence[Segment], why: Why) -> None:
        """Forget segments whose pictures are gone, and remember that in `deletions`, all or
        nothing."""
        rows = [(s.camera, why, s.start_us, max(s.start_us, s.end_us)) for s in gone]
        with self._commit() as writer:
            writer.executemany("DELETE FROM segments WHERE id = ?", [(s.id,) for s in gone])
            writer.executemany(_ADD_DELETION, rows)

    def deletions(self) -> list[Deletion]:
        """What has been deleted and not told yet: one row a camera and reason."""
        rows = self._rows("SELECT camera, why, from_us, until_us FROM deletions")
        return [Deletion(camera, Why(why), *ends) for camera, why, *ends in rows]

    def told(self, deletions: Iterable[Deletion]) -> None:
        """Forget these, but for one that has grown meanwhile."""
        with self._commit() as writer:
            writer.executemany(
                "DELETE FROM deletions"
                " WHERE camera = ? AND why = ? AND from_us = ? AND until_us = ?",
                [(one.camera, one.why, one.from_us, one.until_us) for one in deletions],
            )

    def remove_fragments(self, segment: int, from_number: int) -> None:
        with self._commit() as writer:
            writer.execute(
                "DELETE FROM fragments WHERE segment = ? AND number >= ?", (segment, from_number)
            )

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()


def _fragment(row: Sequence[Any]) -> Fragment:
    number, start, end, offset, size, units, key, sha256 = row
    return Fragment(number, start, end, offset, size, units, bool(key), sha256)


def _segment_values(segment: Segment) -> tuple[object, ...]:
    return (
        segment.camera,
        segment.path,
        segment.start_us,
        segment.init_bytes,
        segment.codec,
        segment.width,
        segment.height,
    )


def _fragment_values(fragment: Fragment) -> tuple[object, ...]:
    return (
        fragment.number,
        fragment.start_us,
        fragment.end_us,
        fragment.offset,
        fragment.size_bytes,
        fragment.units,
        fragment.key,
        fragment.sha256,
    )
