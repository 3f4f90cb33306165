"""Live messages (`media/wire.py`): what is accepted is written back to the same bytes."""

import struct
from collections.abc import Iterator
from random import Random

from fuzz import _json
from fuzz._target import Target, require
from serambi.media import wire
from serambi.media.access_unit import AccessUnit, VideoConfig

_UNIT = AccessUnit(7200, 3600, True, 1_790_000_000_000_000, b"\0\0\0\2\x65\x80")
_CONFIG = VideoConfig("avc1.64001f", b"\x01\x64\x00\x1f\xff\xe1", 1280, 720)


def seeds() -> Iterator[bytes]:
    config = wire.encode_config(_CONFIG)
    yield config
    yield wire.again(config)
    yield wire.encode_unit(_UNIT, 7)
    yield wire.encode_unit(AccessUnit(-900, 0, False, 0, b"\0\0\0\1\x41"), 2**32 - 1)


def check(raw: bytes) -> None:
    sequence = wire.sequence_of(raw)
    item = wire.decode(raw)
    if isinstance(item, VideoConfig):
        config = wire.encode_config(item)
        require(raw in (config, wire.again(config)), "a configuration has a second spelling")
        require(sequence is None, "a configuration has a sequence number")
        require(wire.is_again(raw, config) == (raw != config), "said again, or not")
    else:
        require(sequence == struct.unpack_from(">I", raw, 2)[0], "the sequence number differs")
        require(wire.encode_unit(item, sequence or 0) == raw, "a unit has a second spelling")


def mutate(raw: bytes, rng: Random) -> bytes | None:
    return _json.mutate(raw, rng, prefix_bytes=1)


TARGET = Target(("serambi.media.wire", "serambi.base.canonical"), seeds, check, mutate=mutate)
