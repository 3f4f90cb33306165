"""One window of recorded pictures, the same bytes at keeper, courier, center and browser: where to
go on (u64, unix microseconds, 0 when nothing is left), then live messages (media/wire.py), each
behind its length (u32). Big-endian. Only center and browser read it.
"""

import struct
from collections.abc import Iterable

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import LIVE_MESSAGE_MAX_BYTES

_HEAD = struct.Struct(">Q")
_LENGTH = struct.Struct(">I")


def encode_window(next_us: int, messages: Iterable[bytes]) -> bytes:
    """A whole window."""
    parts = [_HEAD.pack(next_us)]
    for message in messages:
        parts += (_LENGTH.pack(len(message)), message)
    return b"".join(parts)


def decode_window(raw: bytes) -> tuple[int, list[bytes]]:
    """Strict: -> where to go on, the messages. Raises BAD_INPUT."""
    if len(raw) < _HEAD.size:
        raise _bad()
    (next_us,) = _HEAD.unpack_from(raw)
    messages = []
    at = _HEAD.size
    while at < len(raw):
        if at + _LENGTH.size > len(raw):
            raise _bad()
        (length,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if not 0 < length <= min(LIVE_MESSAGE_MAX_BYTES, len(raw) - at):
            raise _bad()
        messages.append(raw[at : at + length])
        at += length
    return next_us, messages


def _bad() -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, "a window of recorded pictures is cut off or garbled")
