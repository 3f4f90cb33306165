"""Recordings as a crash or a bad disk leaves them, and what is made of hostile live messages.

The first byte says which. A repaired recording needs no second repair; every fragment that the
index knows lies in its file, one after the other, with the digest that is written down; and what
goes to a browser is well-formed boxes.
"""

import hashlib
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fuzz._target import Target, require
from serambi.base.errors import SerambiError
from serambi.media import wire
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import Muxer, fragment, init_segment
from serambi.recording.fsck import Repaired, check_recordings
from serambi.recording.index import Index, Segment

_CONFIG = VideoConfig("avc1.64001f", bytes.fromhex("0164001fffe1000467640000"), 64, 48)
_MADE_AT_US = 1_790_000_000_000_000
_WHOLE, _BEHIND_INIT, _INDEXED, _MESSAGES = range(4)
_GROWTH_MAX = 4096
"""An initialisation segment around its decoder record, with room to spare."""


def _units(start: int) -> list[AccessUnit]:
    return [
        AccessUnit(start + at * 3600, start + at * 3600, at == 0, _MADE_AT_US, b"\0\0\0\2\x65\x80")
        for at in range(3)
    ]


def _recording() -> bytes:
    parts = [b"".join(fragment(number, _units(10_800 * number), 10_800 * (number + 1)))
             for number in range(3)]  # fmt: skip
    return b"".join(parts)


def seeds() -> Iterator[bytes]:
    init = init_segment(_CONFIG)
    yield bytes([_WHOLE]) + init + _recording()
    for mode in (_BEHIND_INIT, _INDEXED):
        yield bytes([mode]) + _recording()
        yield bytes([mode]) + _recording()[:-3]
        yield bytes([mode]) + _recording() + b"\0\0\0\x10moof"
    messages = [wire.encode_config(_CONFIG), wire.again(wire.encode_config(_CONFIG))]
    messages += [wire.encode_unit(unit, at) for at, unit in enumerate(_units(0))]
    odd = VideoConfig("hvc1.1.6.L93.b0", b"\1" * 23, 70_000, -1)
    far = AccessUnit(2**40, 0, True, 2**63, b"\0\0\0\1\x65")
    yield bytes([_MESSAGES]) + _framed(messages)
    yield bytes([_MESSAGES]) + _framed([wire.encode_config(odd), wire.encode_unit(far, 1)])


def _framed(messages: list[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(message)) + message for message in messages)


@cache
def _folder() -> Path:
    memory = Path("/dev/shm")
    made = tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
    _KEPT.append(made)
    return Path(made.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def check(raw: bytes) -> None:
    if not raw:
        return
    mode, body = raw[0] % 4, raw[1:]
    if mode == _MESSAGES:
        _check_muxer(body)
        return
    shutil.rmtree(_folder() / "cam-1", ignore_errors=True)
    path = _folder() / "cam-1" / f"{_MADE_AT_US}.mp4"
    path.parent.mkdir()
    init = b"" if mode == _WHOLE else init_segment(_CONFIG)
    path.write_bytes(init + body)
    index = Index(Path(":memory:"))
    try:
        if mode == _INDEXED:
            name = path.relative_to(_folder()).as_posix()
            index.add_segment(
                Segment(0, "cam-1", name, _MADE_AT_US, 0, len(init), 0, _CONFIG.codec, 64, 48)
            )
        check_recordings(_folder(), index)
        _check_agrees(path, index)
        require(check_recordings(_folder(), index) == Repaired(), "repaired twice")
    finally:
        index.close()


def _check_agrees(path: Path, index: Index) -> None:
    """File and index say the same."""
    for segment in index.segments():
        content = path.read_bytes()
        require(segment.size_bytes == len(content), "the index has another size than the file")
        at = segment.init_bytes
        for one in index.fragments(segment.id):
            require(one.offset == at, "fragments do not follow each other")
            at += one.size_bytes
            digest = hashlib.sha256(content[one.offset : at]).digest()
            require(digest == one.sha256, "a digest is not that of the bytes")
            require(
                one.start_us <= one.end_us and one.units > 0, "a fragment ends before it begins"
            )


def _check_muxer(body: bytes) -> None:
    muxer = Muxer()
    at = 0
    while at + 2 <= len(body):
        size = int.from_bytes(body[at : at + 2], "big")
        message = body[at + 2 : at + 2 + size]
        at += 2 + size
        try:
            made = muxer.feed(message)
        except SerambiError:
            continue
        if made is not None:
            require(len(made) <= len(message) + _GROWTH_MAX, "more came out than went in")
            kinds = _boxes(made)
            require(kinds in ([b"ftyp", b"moov"], [b"prft", b"moof", b"mdat"]), f"boxes {kinds}")


def _boxes(content: bytes) -> list[bytes]:
    kinds, at = [], 0
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        kinds.append(kind)
        at += max(size, 8)
    require(at == len(content), "a box does not end where the bytes do")
    return kinds


TARGET = Target(("serambi.recording.fsck", "serambi.media.fmp4"), seeds, check, max_bytes=4096)
