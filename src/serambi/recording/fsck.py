"""After an abrupt end: make index and files agree again, losing nothing that is whole.

A half-written fragment at a file's end is cut off, and so is one whose bytes are not those of its
hash; a whole one that the index lacks is added; a row without bytes is dropped, and one without a
file is told as a deletion; a file without a row is put back into the index.
"""

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from serambi.base.limits import RECORDING_TAIL_S
from serambi.recording.boxes import (
    HEAD_MAX_BYTES,
    Found,
    never_began,
    read_init,
    samples_are_whole,
    scan,
)
from serambi.recording.index import GAP_MIN_US, Fragment, Gap, Index, Segment, Why

log = logging.getLogger(__name__)

_TIMESCALE = 90_000
_NAME = re.compile(r"[0-9]{1,18}\.mp4\Z")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done, for the log: numbers of fragments and files, bytes cut off."""

    added: int = 0
    dropped: int = 0
    cut_bytes: int = 0
    lost_files: int = 0
    found_files: int = 0


def check_recordings(folder: Path, index: Index) -> Repaired:
    """Check the newest segment of each camera thoroughly and every other by its size."""
    added = dropped = cut_bytes = lost = 0
    adopted = _adopt(folder, index)
    newest: dict[str, Segment] = {}
    segments = index.segments()
    for segment in segments:
        newest[segment.camera] = segment
    for segment in segments:
        path = folder / segment.path
        if not path.is_file():
            index.delete_segments([segment], Why.MISSING)
            lost += 1
            continue
        if (
            path.stat().st_size != segment.size_bytes
            or newest[segment.camera] == segment
            or not segment.end_us
        ):
            one = _check_segment(path, segment, index)
            added, dropped, cut_bytes = (
                added + one.added,
                dropped + one.dropped,
                cut_bytes + one.cut_bytes,
            )
    if adopted:
        _mark_holes(index, {segment.camera for segment in segments})
    repaired = Repaired(added, dropped, cut_bytes, lost, adopted)
    if repaired != Repaired():
        log.warning("recordings repaired after an abrupt end: %s", repaired)
    return repaired


def _mark_holes(index: Index, cameras: set[str]) -> None:
    """A file that came back may lie behind a gap whose row was lost with its own."""
    for camera in cameras:
        known = {gap.from_us for gap in index.gaps(camera)}
        holes = [
            Gap(camera, before.end_us, after.start_us, "restart")
            for before, after in pairwise(index.segments(camera))
            if after.start_us - before.end_us >= GAP_MIN_US and before.end_us not in known
        ]
        index.add(holes)


def _adopt(folder: Path, index: Index) -> int:
    """Give every file of ours without a row one again. -> number of files."""
    known = {segment.path for segment in index.segments()}
    adopted = 0
    for path in sorted(folder.glob("*/*.mp4")):
        name = path.relative_to(folder).as_posix()
        if name in known or not _NAME.match(path.name):
            continue
        with path.open("rb") as file:
            head = file.read(HEAD_MAX_BYTES)
        init = read_init(head)
        if init is None:
            if len(head) < HEAD_MAX_BYTES and never_began(head):
                path.unlink()
            else:
                log.warning("%s is no recording that could be repaired; it is left alone", name)
            continue
        index.add_segment(
            Segment(
                id=0,
                camera=path.parent.name,
                path=name,
                start_us=int(path.stem),
                end_us=0,
                init_bytes=init.size_bytes,
                size_bytes=0,
                codec=init.codec,
                width=init.width,
                height=init.height,
            )
        )
        adopted += 1
    return adopted


def _check_segment(path: Path, segment: Segment, index: Index) -> Repaired:
    known = index.fragments(segment.id)
    found = list(scan(path, segment.init_bytes))
    good, damaged = _agreeing(path, known, found)
    if damaged:
        found = found[:good]
    late_us = _ends_us(segment, found[good - 1]) - known[good - 1].end_us if good else 0
    new = _whole(path, segment, found[good:], known[:good], late_us)
    ends = found[good + len(new) - 1] if good + len(new) else None
    whole_bytes = ends.offset + ends.size_bytes if ends else segment.init_bytes
    cut = path.stat().st_size - whole_bytes
    if cut > 0:
        os.truncate(path, whole_bytes)
    if good < len(known):
        index.remove_fragments(segment.id, known[good].number)
    if new:
        index.add((segment, fragment) for fragment in new)
    if not ends:
        index.remove_segments([segment.id])
        path.unlink()
    return Repaired(len(new), len(known) - good, max(0, cut))


def _agreeing(path: Path, known: list[Fragment], found: list[Found]) -> tuple[int, bool]:
    """How many fragments from the start are in the file as the index says, by place and size;
    and whether the next one is not what was recorded. That is seen by hashes, near the end,
    where a power cut may have taken bytes."""
    tail_us = (known[-1].end_us if known else 0) - RECORDING_TAIL_S * 1e6
    with path.open("rb") as file:
        for good, (row, one) in enumerate(zip(known, found, strict=False)):
            if (row.offset, row.size_bytes) != (one.offset, one.size_bytes):
                return good, False
            if row.end_us > tail_us:
                file.seek(row.offset)
                if hashlib.sha256(file.read(row.size_bytes)).digest() != row.sha256:
                    return good, True
    return min(len(known), len(found)), False


def _begins_us(segment: Segment, one: Found) -> int:
    """By the camera's clock, counted from the start of the file."""
    return segment.start_us + one.first_dts * 1_000_000 // _TIMESCALE


def _ends_us(segment: Segment, one: Found) -> int:
    return segment.start_us + (one.first_dts + one.duration) * 1_000_000 // _TIMESCALE


def _whole(
    path: Path, segment: Segment, found: list[Found], known: list[Fragment], late_us: int
) -> list[Fragment]:
    """Rows for fragments without one, up to the first that is damaged. Their wall clock goes on
    from the rows that are known, behind which the camera's is `late_us`: the two run apart while a
    date that was set back is caught up with."""
    new: list[Fragment] = []
    end_us = known[-1].end_us if known else 0
    with path.open("rb") as file:
        for number, one in enumerate(found, len(known)):
            file.seek(one.offset)
            content = file.read(one.size_bytes)
            if not samples_are_whole(one, content):
                break
            start_us = max(end_us, _begins_us(segment, one) - late_us)
            end_us = start_us + one.duration * 1_000_000 // _TIMESCALE
            new.append(
                Fragment(
                    number=number,
                    start_us=start_us,
                    end_us=end_us,
                    offset=one.offset,
                    size_bytes=one.size_bytes,
                    units=len(one.sample_bytes),
                    key=one.key,
                    sha256=hashlib.sha256(content).digest(),
                )
            )
    return new
