"""After a crash: make index and files agree again, losing nothing that is whole.

A half-written fragment at a file's end is cut off; a whole one that the index lacks is added; a
row without bytes is dropped; a file without a row is put back into the index.
"""

import hashlib
import logging
import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from serambi.base.errors import SerambiError
from serambi.media import h265
from serambi.recording.index import Fragment, Index, Segment

log = logging.getLogger(__name__)

_TIMESCALE = 90_000
_FILE_MAX = 24 * 3600 * _TIMESCALE  # what lies further on in a file, we did not write
_HEAD_MAX_BYTES = 256 * 1024
_NAME = re.compile(r"[0-9]{1,18}\.mp4\Z")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done, for the log: numbers of fragments and files, bytes cut off."""

    added: int = 0
    dropped: int = 0
    cut_bytes: int = 0
    lost_files: int = 0
    found_files: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    offset: int
    size_bytes: int
    units: int
    first_dts: int
    duration: int
    key: bool


def check_recordings(folder: Path, index: Index) -> Repaired:
    """Check the newest segment of each camera thoroughly and every other by its size."""
    added = dropped = cut_bytes = lost = 0
    adopted = _adopt(folder, index)
    newest: dict[str, Segment] = {}
    for segment in index.segments():
        newest[segment.camera] = segment
    for segment in index.segments():
        path = folder / segment.path
        if not path.is_file():
            index.remove_segments([segment.id])
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
    repaired = Repaired(added, dropped, cut_bytes, lost, adopted)
    if repaired != Repaired():
        log.warning("recordings repaired after an abrupt end: %s", repaired)
    return repaired


def _adopt(folder: Path, index: Index) -> int:
    """Give every file of ours without a row one again. -> number of files."""
    known = {segment.path for segment in index.segments()}
    adopted = 0
    for path in sorted(folder.glob("*/*.mp4")):
        name = path.relative_to(folder).as_posix()
        if name in known or not _NAME.match(path.name):
            continue
        with path.open("rb") as file:
            head = file.read(_HEAD_MAX_BYTES)
        init = _parse_init(head)
        if init is None:
            log.warning("%s is no recording that could be repaired; it is left alone", name)
            continue
        size, codec, width, height = init
        start_us = int(path.stem)
        index.add_segment(
            Segment(0, path.parent.name, name, start_us, 0, size, 0, codec, width, height)
        )
        adopted += 1
    return adopted


def _parse_init(head: bytes) -> tuple[int, str, int, int] | None:
    """-> bytes of `ftyp` and `moov`, codec, width, height; None for what we did not write."""
    if len(head) < 16 or head[4:8] != b"ftyp":
        return None
    (begin,) = struct.unpack_from(">I", head)
    if head[begin + 4 : begin + 8] != b"moov":
        return None
    end = begin + struct.unpack_from(">I", head, begin)[0]
    if end > len(head):
        return None
    for sample, box in ((b"avc1", b"avcC"), (b"hvc1", b"hvcC")):
        entry, record = head.find(sample, begin, end), head.find(box, begin, end)
        if entry < 0 or record < entry + 32:
            continue
        codec = _codec(sample, head[record + 4 : end])
        width, height = struct.unpack_from(">HH", head, entry + 28)
        return None if codec is None else (end, codec, width, height)
    return None


def _codec(sample: bytes, record: bytes) -> str | None:
    if sample == b"avc1":
        return f"avc1.{record[1:4].hex()}" if len(record) >= 4 else None
    try:
        return h265.codec_string(record)
    except SerambiError:
        return None


def _check_segment(path: Path, segment: Segment, index: Index) -> Repaired:
    found = list(_scan(path, segment.init_bytes))
    whole_bytes = found[-1].offset + found[-1].size_bytes if found else segment.init_bytes
    cut = path.stat().st_size - whole_bytes
    if cut > 0:
        os.truncate(path, whole_bytes)
    known = index.fragments(segment.id)
    good = 0
    while good < min(len(known), len(found)) and (known[good].offset, known[good].size_bytes) == (
        found[good].offset,
        found[good].size_bytes,
    ):
        good += 1
    if good < len(known):
        index.remove_fragments(segment.id, known[good].number)
    _add(path, segment, index, found, known[:good])
    if not found:
        index.remove_segments([segment.id])
        path.unlink()
    return Repaired(len(found) - good, len(known) - good, max(0, cut))


def _add(
    path: Path, segment: Segment, index: Index, found: list[_Found], known: list[Fragment]
) -> None:
    # Wall clock of a fragment nobody indexed: counted on from the start of its file.
    with path.open("rb") as file:
        for number, one in enumerate(found[len(known) :], len(known)):
            file.seek(one.offset)
            start_us = segment.start_us + one.first_dts * 1_000_000 // _TIMESCALE
            index.add_fragment(
                segment.id,
                Fragment(
                    number=number,
                    start_us=start_us,
                    end_us=start_us + one.duration * 1_000_000 // _TIMESCALE,
                    offset=one.offset,
                    size_bytes=one.size_bytes,
                    units=one.units,
                    key=one.key,
                    sha256=hashlib.sha256(file.read(one.size_bytes)).digest(),
                ),
            )


def _scan(path: Path, begin: int) -> Iterator[_Found]:
    """Whole fragments from `begin` on; ends at the first that is not."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = begin
        while at + 8 <= size:
            file.seek(at)
            moof_size, kind = struct.unpack(">I4s", file.read(8))
            if kind != b"moof" or moof_size < 16 or at + moof_size + 8 > size:
                return
            moof = file.read(moof_size - 8)
            mdat_size, mdat = struct.unpack(">I4s", file.read(8))
            if mdat != b"mdat" or at + moof_size + mdat_size > size:
                return
            parsed = _parse(moof)
            if parsed is None or parsed[3] != mdat_size - 8:
                return
            first_dts, duration, units, _, key = parsed
            yield _Found(at, moof_size + mdat_size, units, first_dts, duration, key)
            at += moof_size + mdat_size


def _parse(moof: bytes) -> tuple[int, int, int, int, bool] | None:
    """-> first dts, duration, units, payload bytes, key; None for what we did not write."""
    time_at, run_at = moof.find(b"tfdt"), moof.find(b"trun")
    if time_at < 0 or run_at < time_at or run_at + 16 > len(moof):
        return None
    (first_dts,) = struct.unpack_from(">Q", moof, time_at + 8)
    (count,) = struct.unpack_from(">I", moof, run_at + 8)
    if not count or run_at + 16 + count * 16 > len(moof):
        return None
    samples = [struct.unpack_from(">IIIi", moof, run_at + 16 + i * 16) for i in range(count)]
    duration = sum(sample[0] for sample in samples)
    if max(first_dts, duration) > _FILE_MAX:
        return None
    payload = sum(sample[1] for sample in samples)
    return first_dts, duration, count, payload, not samples[0][2] & 0x10000
