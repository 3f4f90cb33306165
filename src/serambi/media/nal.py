"""NAL units as H.264 and H.265 share them: their two framings, and the bits of a parameter set.

Strict: what cannot be read raises `SerambiError`.
"""

import struct
from collections.abc import Iterable, Iterator

from serambi.base.errors import Kind, SerambiError

_PARAMETER_SET_MAX_BYTES = 0xFFFF  # more cannot stand in a decoder configuration record


def split_annex_b(data: bytes) -> Iterator[bytes]:
    """NAL units between start codes; trailing zero bytes belong to the start codes."""
    begin = data.find(b"\0\0\1")
    if begin < 0:
        raise _bad("no start code where NAL units were expected")
    while begin >= 0:
        begin += 3
        end = data.find(b"\0\0\1", begin)
        nal = data[begin : end if end >= 0 else len(data)].rstrip(b"\0")
        if nal:
            yield nal
        begin = end


def to_length_prefixed(nals: Iterable[bytes]) -> bytes:
    """NAL units with four bytes of length each."""
    return b"".join(struct.pack(">I", len(nal)) + nal for nal in nals)


def split_length_prefixed(data: bytes) -> Iterator[bytes]:
    """The reverse; raises `SerambiError` unless the lengths fit exactly."""
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise _bad("a NAL unit's length is cut off")
        (size,) = struct.unpack_from(">I", data, at)
        at += 4
        if not size or at + size > len(data):
            raise _bad("a NAL unit's length does not fit its access unit")
        yield data[at : at + size]
        at += size


class BitReader:
    """Reads a parameter set's bits from the front, without the bytes that only prevent start
    codes. Past the end raises `SerambiError`; `where` names the codec in it."""

    def __init__(self, payload: bytes, where: str) -> None:
        if len(payload) > _PARAMETER_SET_MAX_BYTES:
            raise _bad("a parameter set is too long", where)
        raw = payload.replace(b"\0\0\3", b"\0\0")
        self._value = int.from_bytes(raw)
        self._left = len(raw) * 8
        self._where = where

    def read(self, count: int) -> int:
        if count > self._left:
            raise _bad("a parameter set ends too early", self._where)
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def exp_golomb(self) -> int:
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 31:
                raise _bad("a number in a parameter set is too long", self._where)
        return (1 << zeros) - 1 + self.read(zeros)

    def signed_exp_golomb(self) -> int:
        value = self.exp_golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def _bad(what: str, where: str = "") -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where=where or "NAL units")
