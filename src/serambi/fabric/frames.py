"""Frames on the Unix socket between keeper and courier: u32 length, u8 kind, body. Strict.

The length counts kind and body. Integers are big-endian.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.limits import (
    BATCH_MAX_BYTES,
    COMMAND_MAX_BYTES,
    LIVE_MESSAGE_MAX_BYTES,
    PLAYBACK_WINDOW_MAX_BYTES,
    RECEIPT_MAX_BYTES,
    STATE_MAX_BYTES,
)

_HEAD = struct.Struct(">IB")
_ID = struct.Struct(">Q")
HEAD_BYTES = _HEAD.size
_NAMES_MAX_BYTES = 2 * (1 + 64)

_COMMAND, _REPLY, _STATE, LIVE_KIND, _LINK, _PURGE, _BATCH, _RECEIPT = 1, 2, 3, 4, 5, 6, 7, 8
_FETCH, PART_KIND = 9, 10
_LIMITS = {
    _COMMAND: _ID.size + COMMAND_MAX_BYTES,
    _REPLY: _ID.size + 1 + COMMAND_MAX_BYTES,
    _STATE: STATE_MAX_BYTES,
    LIVE_KIND: _NAMES_MAX_BYTES + LIVE_MESSAGE_MAX_BYTES,
    _LINK: 1,
    _PURGE: _NAMES_MAX_BYTES,
    _BATCH: _ID.size + BATCH_MAX_BYTES,
    _RECEIPT: _ID.size + 1 + RECEIPT_MAX_BYTES,
    _FETCH: _ID.size + COMMAND_MAX_BYTES,
    PART_KIND: _ID.size + _NAMES_MAX_BYTES + PLAYBACK_WINDOW_MAX_BYTES,
}


@dataclass(frozen=True, slots=True)
class Command:
    """Courier -> keeper."""

    id: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Keeper -> courier; `ok` is false when the keeper failed, and `raw` then says why."""

    id: int
    ok: bool
    raw: bytes


@dataclass(frozen=True, slots=True)
class State:
    """Keeper -> courier."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Live:
    """Keeper -> courier."""

    camera: str
    stream: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Link:
    """Courier -> keeper: whether the center is reached now."""

    up: bool


@dataclass(frozen=True, slots=True)
class Purge:
    """Keeper -> courier: forget what waits of a stream, of all streams of the camera if None."""

    camera: str
    stream: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Keeper -> courier: ledger entries for the center."""

    id: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """Courier -> keeper; `ok` is false when the center gave none, and `raw` then says why."""

    id: int
    ok: bool
    raw: bytes


@dataclass(frozen=True, slots=True)
class Fetch:
    """Courier -> keeper: a question for the next window of a playback, answered by a `Part`, by an
    `Answer` that is not ok, or, when its session ends, by a `Purge`."""

    id: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Keeper -> courier: one window of recorded pictures."""

    id: int
    camera: str
    session: str
    raw: bytes


Frame = Command | Answer | State | Live | Link | Purge | Batch | Receipt | Fetch | Part


def encode(frame: Frame) -> bytes:
    """One frame as it is written. Raises LIMIT when it is too large."""
    match frame:
        case Command(number, raw):
            kind, body = _COMMAND, _ID.pack(number) + raw
        case Answer(number, ok, raw):
            kind, body = _REPLY, _ID.pack(number) + bytes([ok]) + raw
        case Fetch(number, raw):
            kind, body = _FETCH, _ID.pack(number) + raw
        case Part(number, camera, session, raw):
            names = _name(camera, "camera") + _name(session, "session")
            kind, body = PART_KIND, _ID.pack(number) + names + raw
        case Batch(number, raw):
            kind, body = _BATCH, _ID.pack(number) + raw
        case Receipt(number, ok, raw):
            kind, body = _RECEIPT, _ID.pack(number) + bytes([ok]) + raw
        case State(raw):
            kind, body = _STATE, raw
        case Link(up):
            kind, body = _LINK, bytes([up])
        case Purge(camera, of):
            body = _name(camera, "camera") + (b"\0" if of is None else _name(of, "stream"))
            kind = _PURGE
        case Live(camera, stream, message):
            body = b"".join((_name(camera, "camera"), _name(stream, "stream"), message))
            kind = LIVE_KIND
    if len(body) > _LIMITS[kind]:
        raise SerambiError(
            Kind.LIMIT,
            f"a message of {len(body)} bytes is more than the {_LIMITS[kind]} allowed",
            where="socket between keeper and courier",
        )
    return _HEAD.pack(len(body) + 1, kind) + body


def read_head(head: bytes) -> tuple[int, int]:
    """`HEAD_BYTES` bytes -> (kind, size of the body). Raises before anything large is read."""
    length, kind = _HEAD.unpack(head)
    limit = _LIMITS.get(kind)
    if limit is None:
        raise _bad(f"unknown kind {kind}")
    if not 1 <= length <= limit + 1:
        raise _bad(f"a length of {length} bytes")
    return kind, length - 1


def decode(kind: int, body: bytes) -> Frame:
    """A whole frame; whatever it accepts encodes to the very same bytes."""
    if kind == _STATE:
        return State(body)
    if kind == LIVE_KIND:
        camera, at = _read_name(body, 0, "camera")
        stream, at = _read_name(body, at, "stream")
        return Live(camera, stream, body[at:])
    if kind == _PURGE:
        return _decode_purge(body)
    if kind == _LINK:
        if body not in (b"\0", b"\1"):
            raise _bad("a link that is neither up nor down")
        return Link(body == b"\1")
    if kind == PART_KIND:
        return _decode_part(body)
    answers = kind in (_REPLY, _RECEIPT)
    if len(body) < _ID.size + answers:
        raise _bad("a frame that ends too soon")
    (number,) = _ID.unpack_from(body)
    if not answers:
        return _NUMBERED[kind](number, body[_ID.size :])
    if body[_ID.size] > 1:
        raise _bad("an answer that is neither good nor bad")
    ok, raw = bool(body[_ID.size]), body[_ID.size + 1 :]
    return Answer(number, ok, raw) if kind == _REPLY else Receipt(number, ok, raw)


_NUMBERED: dict[int, Callable[[int, bytes], Frame]] = {
    _COMMAND: Command,
    _BATCH: Batch,
    _FETCH: Fetch,
}


def _decode_part(body: bytes) -> Part:
    if len(body) < _ID.size:
        raise _bad("a frame that ends too soon")
    (number,) = _ID.unpack_from(body)
    camera, at = _read_name(body, _ID.size, "camera")
    session, at = _read_name(body, at, "session")
    return Part(number, camera, session, body[at:])


def _decode_purge(body: bytes) -> Purge:
    camera, at = _read_name(body, 0, "camera")
    if body[at:] == b"\0":
        return Purge(camera, None)
    stream, end = _read_name(body, at, "stream")
    if end != len(body):
        raise _bad("a frame that is too long")
    return Purge(camera, stream)


def _name(value: str, what: str) -> bytes:
    raw = check_id(value, what).encode("ascii")
    return bytes([len(raw)]) + raw


def _read_name(body: bytes, at: int, what: str) -> tuple[str, int]:
    if at >= len(body) or at + 1 + body[at] > len(body):
        raise _bad(f"a {what} that ends too soon")
    end = at + 1 + body[at]
    try:
        return check_id(body[at + 1 : end].decode("ascii"), what), end
    except UnicodeDecodeError:
        raise _bad(f"a {what} that is not an id") from None


def _bad(what: str) -> SerambiError:
    return SerambiError(
        Kind.BAD_INPUT,
        f"{what} was received",
        where="socket between keeper and courier",
        hint="keeper and courier must be of the same version",
    )
