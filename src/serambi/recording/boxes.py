"""Reads back what media/fmp4.py wrote, for repair: strict, and None for anything else."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from serambi.base.errors import SerambiError
from serambi.media import h265

HEAD_MAX_BYTES = 256 * 1024
_TIMESCALE = 90_000
_FILE_MAX = 24 * 3600 * _TIMESCALE
"""What lies further on in a file, we did not write."""
_BEGINNING = b"ftypiso6"


@dataclass(frozen=True, slots=True)
class Init:
    """`ftyp` and `moov`: their bytes, and what they say of the stream."""

    size_bytes: int
    codec: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Found:
    """A fragment in a file; times in ticks of 90 kHz, sizes in bytes."""

    offset: int
    size_bytes: int
    payload_at: int
    first_dts: int
    duration: int
    key: bool
    sample_bytes: tuple[int, ...]


def read_init(head: bytes) -> Init | None:
    """What the first bytes of a file say."""
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
        return None if codec is None else Init(end, codec, width, height)
    return None


def _codec(sample: bytes, record: bytes) -> str | None:
    if sample == b"avc1":
        return f"avc1.{record[1:4].hex()}" if len(record) >= 4 else None
    try:
        return h265.codec_string(record)
    except SerambiError:
        return None


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a fragment: where its bytes are, from the fragment's beginning; times in ticks
    of 90 kHz, `ticks` from the fragment's first decoding time."""

    at: int
    size_bytes: int
    ticks: int
    duration: int
    shift: int
    key: bool


def read_samples(moof: bytes) -> list[Sample] | None:
    """The pictures that a whole `moof` describes, None unless it is one of ours."""
    run_at = moof.find(b"trun")
    if len(moof) < 16 or moof[4:8] != b"moof" or run_at < 0 or run_at + 16 > len(moof):
        return None
    (count,) = struct.unpack_from(">I", moof, run_at + 8)
    if not count or run_at + 16 + count * 16 > len(moof):
        return None
    found = []
    at, ticks = len(moof) + 8, 0
    for number in range(count):
        duration, size, flags, shift = struct.unpack_from(">IIIi", moof, run_at + 16 + number * 16)
        found.append(Sample(at, size, ticks, duration, shift, not flags & 0x10000))
        at, ticks = at + size, ticks + duration
    return found


def read_record(init: bytes) -> bytes | None:
    """The decoder configuration record in an initialisation segment."""
    for box in (b"avcC", b"hvcC"):
        at = init.find(box)
        if at >= 4:
            (size,) = struct.unpack_from(">I", init, at - 4)
            return init[at + 4 : at - 4 + size] if 8 < size <= len(init) - at + 4 else None
    return None


def never_began(content: bytes) -> bool:
    """Whether a file is what a power cut leaves of one that had just been made: nothing, zeros,
    or the beginning of ours without its end."""
    if not content.strip(b"\0"):
        return True
    if content[:3].strip(b"\0") or not _BEGINNING.startswith(content[4:12]):
        return False
    if len(content) < 4:
        return True
    (begin,) = struct.unpack_from(">I", content)
    if len(content) < begin + 8 or not content[begin:].strip(b"\0"):
        return True
    size, kind = struct.unpack_from(">I4s", content, begin)
    return bool(kind == b"moov" and begin + size > len(content))


def scan(path: Path, begin: int) -> Iterator[Found]:
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
            found = _parse(moof, at, moof_size, mdat_size)
            if found is None:
                return
            yield found
            at += found.size_bytes


def _parse(moof: bytes, at: int, moof_size: int, mdat_size: int) -> Found | None:
    time_at, run_at = moof.find(b"tfdt"), moof.find(b"trun")
    if time_at < 0 or run_at < time_at or run_at + 16 > len(moof):
        return None
    (first_dts,) = struct.unpack_from(">Q", moof, time_at + 8)
    (count,) = struct.unpack_from(">I", moof, run_at + 8)
    if not count or run_at + 16 + count * 16 > len(moof):
        return None
    samples = [struct.unpack_from(">IIIi", moof, run_at + 16 + i * 16) for i in range(count)]
    sample_bytes = tuple(sample[1] for sample in samples)
    duration = sum(sample[0] for sample in samples)
    if max(first_dts, duration) > _FILE_MAX:
        return None
    if sum(sample_bytes) != mdat_size - 8:
        return None
    return Found(
        offset=at,
        size_bytes=moof_size + mdat_size,
        payload_at=moof_size + 8,
        first_dts=first_dts,
        duration=duration,
        key=not samples[0][2] & 0x10000,
        sample_bytes=sample_bytes,
    )


def samples_are_whole(found: Found, content: bytes) -> bool:
    """Whether each sample of a fragment is made of NAL units that fill it exactly. Bytes that
    never reached the disk read as zeros, and a unit of no length is none."""
    at = found.payload_at
    for size in found.sample_bytes:
        end = at + size
        while at < end:
            if at + 5 > end:
                return False
            (length,) = struct.unpack_from(">I", content, at)
            # No NAL unit begins with two zeros, neither in H.264 nor in H.265.
            if not length or at + 4 + length > end or content[at + 4 : at + 6] == b"\0\0":
                return False
            at += 4 + length
    return True
