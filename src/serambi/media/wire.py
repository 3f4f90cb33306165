"""One message for each configuration and each access unit, built once at the keeper: courier and
center pass on the very same bytes.

A configuration is 0x01 and JSON, or 0x03 and the same JSON when it is said again before a key
frame, for receivers that missed it; a unit is 0x02, flags (bit 0: key), sequence number, pts, dts,
wall clock in microseconds, all big-endian, and then the unit's bytes as they are. The sequence
number counts messages of a stream from a random start, so that a receiver can tell what it lost.
"""

import base64
import secrets
import struct

import msgspec

from serambi.base.canonical import decode as decode_document
from serambi.base.canonical import encode as encode_document
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, LIVE_MESSAGE_MAX_BYTES
from serambi.media.access_unit import AccessUnit, VideoConfig

_CONFIG = 0x01
_UNIT = 0x02
_CONFIG_AGAIN = 0x03
_KEY = 0x01
_HEAD = struct.Struct(">BBIqqQ")
_SIDE_MAX = 16_384
_REORDER_MAX = 2**31 - 1  # between decoding and showing: what fMP4 has room for


class _Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    codec: str
    record: str
    width: int
    height: int


class MessageBuilder:
    """Builds the messages of one stream, numbering its units."""

    def __init__(self) -> None:
        self._sequence = secrets.randbits(31)

    def build(self, item: VideoConfig | AccessUnit) -> bytes:
        """One item -> one message."""
        if isinstance(item, VideoConfig):
            return encode_config(item)
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        return encode_unit(item, self._sequence)


def encode_config(config: VideoConfig) -> bytes:
    record = base64.b64encode(config.record).decode()
    document = _Config(config.codec, record, config.width, config.height)
    return bytes([_CONFIG]) + encode_document(document)


def again(config_message: bytes) -> bytes:
    """The same configuration, marked as one that may be known already."""
    return bytes([_CONFIG_AGAIN]) + config_message[1:]


def is_again(message: bytes, known: bytes | None) -> bool:
    """Whether `message` only says again what the configuration message `known` said."""
    return known is not None and message[:1] == b"\x03" and message[1:] == known[1:]


def encode_unit(unit: AccessUnit, sequence: int) -> bytes:
    """Raises `LIMIT` for a unit larger than ACCESS_UNIT_MAX_BYTES."""
    if len(unit.data) > ACCESS_UNIT_MAX_BYTES:
        raise SerambiError(Kind.LIMIT, f"a picture has {len(unit.data)} bytes")
    flags = _KEY if unit.key else 0
    head = _HEAD.pack(_UNIT, flags, sequence, unit.pts, unit.dts, unit.wall_us)
    return head + unit.data


def sequence_of(message: bytes) -> int | None:
    """The sequence number of a unit, None for a configuration."""
    if message[:1] != bytes([_UNIT]) or len(message) < _HEAD.size:
        return None
    return int(_HEAD.unpack_from(message)[2])


def restarts(message: bytes) -> bool:
    """Whether this is a configuration said for the first time: a stream begins, or begins anew."""
    return message[:1] == bytes([_CONFIG])


def begins(message: bytes) -> bool:
    """Whether a decoder can begin here: a configuration or a key frame."""
    if message[:1] == bytes([_UNIT]):
        return bool(message[1:2] > b"\0")
    return True


def decode(message: bytes) -> VideoConfig | AccessUnit:
    """Strict: what is accepted was made by the functions above. Raises `SerambiError`."""
    if len(message) > LIVE_MESSAGE_MAX_BYTES:
        raise SerambiError(Kind.LIMIT, f"a live message has {len(message)} bytes")
    kind = message[0] if message else None
    if kind in (_CONFIG, _CONFIG_AGAIN):
        return _decode_config(message[1:])
    if kind != _UNIT or len(message) <= _HEAD.size:
        raise SerambiError(Kind.BAD_INPUT, "a live message is neither configuration nor picture")
    _, flags, _, pts, dts, wall_us = _HEAD.unpack_from(message)
    if len(message) > _HEAD.size + ACCESS_UNIT_MAX_BYTES:
        raise SerambiError(Kind.LIMIT, f"a picture has {len(message) - _HEAD.size} bytes")
    if flags & ~_KEY or dts < 0 or abs(pts - dts) > _REORDER_MAX:
        raise SerambiError(Kind.BAD_INPUT, "a picture has unknown flags or an impossible time")
    return AccessUnit(pts, dts, bool(flags & _KEY), wall_us, message[_HEAD.size :])


def _decode_config(raw: bytes) -> VideoConfig:
    found = decode_document(_Config, raw, what="a configuration", max_bytes=65_536)
    try:
        record = base64.b64decode(found.record, validate=True)
    except ValueError as error:
        raise SerambiError(Kind.BAD_INPUT, "a configuration's record is not base64") from error
    if base64.b64encode(record).decode() != found.record:
        raise SerambiError(Kind.BAD_INPUT, "a configuration's record is not in its one right form")
    if not (0 < found.width <= _SIDE_MAX and 0 < found.height <= _SIDE_MAX):
        raise SerambiError(Kind.BAD_INPUT, "a configuration's picture size is not possible")
    return VideoConfig(found.codec, record, found.width, found.height)
