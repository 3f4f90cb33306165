"""What is recorded, looked at from outside: by SQLite and another player, not by our reader."""

import hashlib
import io
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av

from tests.fakes.copied import copied_database

HOLE_US = 1_000_000
_DECODE_PACKETS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A fragment, with the path of its file."""

    path: str
    start_us: int
    end_us: int
    offset: int
    size_bytes: int
    units: int
    sha256: bytes


@dataclass
class Recordings:
    """One site's. `look` again and again: each fragment is read once."""

    folder: Path
    read: dict[str, int] = field(default_factory=dict)
    fragments: int = 0
    decoded: int = 0

    def look(self) -> tuple[list[str], dict[str, list[tuple[int, int]]], dict[str, int]]:
        """-> what is wrong, the gaps and the end of the recordings by camera."""
        wrong: list[str] = []
        gaps: dict[str, list[tuple[int, int]]] = {}
        ends: dict[str, int] = {}
        with copied_database(self.folder / "index.db") as index:
            cameras = [row[0] for row in index.execute("SELECT DISTINCT camera FROM segments")]
            for camera in cameras:
                rows = list(_rows(index, camera))
                found = index.execute(
                    "SELECT from_us, to_us FROM gaps WHERE camera = ? ORDER BY from_us", (camera,)
                ).fetchall()
                gaps[camera] = found
                ends[camera] = max((row.end_us for row in rows), default=0)
                wrong += [f"{camera}: {what}" for what in _order(rows, found)]
                wrong += [f"{camera}: {what}" for what in self._bytes(rows)]
        return wrong, gaps, ends

    def ends(self) -> dict[str, float]:
        """Camera -> until when it is recorded, unix seconds."""
        with copied_database(self.folder / "index.db") as index:
            return {
                camera: end_us / 1e6
                for camera, end_us in index.execute(
                    "SELECT camera, max(f.end_us) FROM fragments f"
                    " JOIN segments s ON f.segment = s.id GROUP BY camera"
                )
            }

    def _bytes(self, rows: list[Row]) -> Iterator[str]:
        by_path: dict[str, list[Row]] = {}
        for row in rows:
            by_path.setdefault(row.path, []).append(row)
        for path, fragments in by_path.items():
            done = self.read.get(path, 0)
            if done == len(fragments):
                continue
            try:
                content = (self.folder / "recordings" / path).read_bytes()
            except FileNotFoundError:
                continue  # retention was faster than we were
            for row in fragments[done:]:
                part = content[row.offset : row.offset + row.size_bytes]
                if hashlib.sha256(part).digest() != row.sha256:
                    yield f"{path}: a fragment at {row.offset} has another hash"
            end = fragments[-1].offset + fragments[-1].size_bytes
            yield from self._play(path, content[:end], sum(row.units for row in fragments))
            self.read[path] = len(fragments)
            self.fragments += len(fragments) - done

    def _play(self, path: str, content: bytes, units: int) -> Iterator[str]:
        try:
            with av.open(io.BytesIO(content), "r") as container:
                times = [p.dts for p in container.demux(video=0) if p.dts is not None]
                if len(times) != units:
                    yield f"{path}: {len(times)} pictures of {units}"
                if not all(a < b for a, b in pairwise(times)):
                    yield f"{path}: times do not rise"
            with av.open(io.BytesIO(content), "r") as container:
                for number, packet in enumerate(container.demux(video=0)):
                    self.decoded += len(packet.decode())
                    if number >= _DECODE_PACKETS:
                        break
        except av.FFmpegError as error:
            yield f"{path} does not play: {error}"


def _rows(index: sqlite3.Connection, camera: str) -> Iterator[Row]:
    for row in index.execute(
        "SELECT path, f.start_us, f.end_us, offset, size_bytes, units, sha256"
        " FROM fragments f JOIN segments s ON f.segment = s.id"
        " WHERE camera = ? ORDER BY s.start_us, number",
        (camera,),
    ):
        yield Row(*row)


def _order(rows: list[Row], gaps: list[tuple[int, int]]) -> Iterator[str]:
    """Times only rise, and what is missing is marked."""
    for a, b in pairwise(rows):
        if a.start_us >= a.end_us or a.end_us > b.start_us:
            yield f"{a.path} at {a.offset}: [{a.start_us}, {a.end_us}] before {b.start_us}"
    holes = {(a.end_us, b.start_us) for a, b in pairwise(rows) if b.start_us - a.end_us >= HOLE_US}
    begin = rows[0].start_us if rows else 0
    end = rows[-1].end_us if rows else 0
    marked = {(a, b) for a, b in gaps if a >= begin and b <= end}
    for start, stop in sorted(holes - marked):
        yield f"a hole of {(stop - start) / 1e6:.1f} s at {start} is not marked"
    for start, stop in sorted(marked - holes):
        yield f"a gap of {(stop - start) / 1e6:.1f} s at {start} is marked and not there"
