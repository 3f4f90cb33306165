"""What keeper and analyst say to each other: frames as the socket's reader reads them.

The analyst opens pictures that anybody may have made, so what it says is bounded in every part. The
first byte says which way the frames go.
"""

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec

from fuzz import _json
from fuzz._target import Target, require
from serambi.base.limits import (
    ANALYST_FIGURE_MAX,
    ANALYST_MESSAGE_MAX_BYTES,
    ANALYST_TEXT_MAX_CHARACTERS,
)
from serambi.keeper.analysis.messages import (
    Config,
    FromAnalyst,
    Happened,
    Load,
    Moved,
    Seen,
    ToAnalyst,
    Trouble,
    Unit,
    Watch,
    for_analyst,
    frame,
    from_analyst,
    length_of,
)

_HEAD_BYTES = 4
_BOX = (0.1, 0.2, 0.3, 0.4)
_TO: tuple[ToAnalyst, ...] = (
    Watch("cam-1", (b"picture", b""), '{"zones": []}', "Asia/Jakarta"),
    Config("cam-1", "avc1.64001f", b"\1record"),
    Unit("cam-1", True, 12.5, 1_790_000_000_000_000, b"\0\0\0\1\x65"),
)
_FROM: tuple[FromAnalyst, ...] = (
    Seen("cam-1", "changed", 0.1, 2.0, 1.05, b"jpeg"),
    Happened("cam-1", "line_crossed", "gate", "person", 12.5, 11.0, _BOX, 0.9, False),
    Moved("cam-1", 12, b"\1\2\3"),
    Trouble("cam-1", "the rules cannot be read"),
    Load(0.4, 0.2, 31),
)
_READERS: tuple[Callable[[bytes], ToAnalyst | FromAnalyst], ...] = (for_analyst, from_analyst)


def seeds() -> Iterator[bytes]:
    for way, messages in enumerate((_TO, _FROM)):
        frames = [frame(message) for message in messages]
        for each in frames:
            yield bytes([way]) + each
        yield bytes([way]) + b"".join(frames)


def check(raw: bytes) -> None:
    if not raw:
        return
    way, at = raw[0] % 2, 1
    while at + _HEAD_BYTES <= len(raw):
        length = length_of(raw[at : at + _HEAD_BYTES])
        require(0 <= length <= ANALYST_MESSAGE_MAX_BYTES, "a message without bounds would be read")
        at += _HEAD_BYTES
        if at + length > len(raw):
            return
        message = _READERS[way](raw[at : at + length])
        at += length
        again = frame(message)
        require(length_of(again[:_HEAD_BYTES]) == len(again) - _HEAD_BYTES, "a wrong length")
        same = frame(_READERS[way](again[_HEAD_BYTES:])) == again
        require(same, "a message is not what it was when it comes back")
        if way == 1:
            _check_bounds(msgspec.structs.astuple(message))


def _check_bounds(values: tuple[Any, ...]) -> None:
    for value in values:
        if isinstance(value, tuple):
            _check_bounds(value)
        elif isinstance(value, str):
            require(len(value) <= ANALYST_TEXT_MAX_CHARACTERS, "a text without bounds")
        elif isinstance(value, float):
            require(math.isfinite(value), "a figure that is no number")
            require(abs(value) <= ANALYST_FIGURE_MAX, "a figure without bounds")


def mutate(raw: bytes, rng: Random) -> bytes | None:
    """One frame with its parts changed, its length told rightly again."""
    try:
        parts = msgspec.msgpack.decode(raw[1 + _HEAD_BYTES :])
        changed = msgspec.msgpack.encode(_json.change(parts, rng, odd=_ODD))
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    return raw[:1] + len(changed).to_bytes(_HEAD_BYTES) + changed


_ODD: tuple[Any, ...] = (
    math.nan, math.inf, -math.inf, 1e300, -0.0, 2**63, -(2**63), "x" * 600, b"", b"\0" * 300,
    "Seen", "Happened", "Watch", "undecidable", None, True, [], {}, [[0.0] * 4],
)  # fmt: skip

TARGET = Target(("serambi.keeper.analysis.messages",), seeds, check, mutate=mutate)
