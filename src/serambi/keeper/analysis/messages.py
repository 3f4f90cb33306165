"""What the keeper and its analyst say to each other over a socket pair: each message MessagePack
behind four bytes of length. The analyst has nothing else: no network, no password, no folder."""

from typing import Literal

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ANALYST_MESSAGE_MAX_BYTES

_LENGTH_BYTES = 4


class Watch(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Look at this camera from now on, afresh: its approved pictures (files of any format), its
    rules as JSON ("" for none: then only its view is checked), the time zone of their hours."""

    camera: str
    references: tuple[bytes, ...]
    rules: str
    zone: str


class Config(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What the camera's next pictures are decoded with (see `VideoConfig`)."""

    camera: str
    codec: str
    record: bytes


class Unit(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """One encoded picture. `at_s` is monotonic, `wall_us` unix microseconds."""

    camera: str
    key: bool
    at_s: float
    wall_us: int
    data: bytes


class Seen(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """One look at a camera's view: `match`, `changed` or `undecidable`, with what was measured
    (share of the width, degrees, factor). `picture` is a JPEG where the answer became another."""

    camera: str
    sight: Literal["match", "changed", "undecidable"]
    shift: float
    roll_deg: float
    zoom: float
    picture: bytes


class Happened(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A rule was met, `over`: no longer. `box` in shares of width and height. Times as in `Unit`:
    `since_s` is when it began to be."""

    camera: str
    rule: str
    place: str
    kind: str
    at_s: float
    since_s: float
    box: tuple[float, float, float, float]
    confidence: float
    over: bool


class Moved(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Where something moved within one second: `cells` as in `analytics/grid.py`; `second` counts
    monotonic seconds as `at_s` does."""

    camera: str
    second: int
    cells: bytes


class Trouble(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """This camera cannot be looked at, and why."""

    camera: str
    what: str


class Load(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What the analyst used of a core lately, and how often it looks at each camera."""

    cores: float
    every_s: float
    pictures: int


ToAnalyst = Watch | Config | Unit
FromAnalyst = Seen | Happened | Moved | Trouble | Load

_encoder = msgspec.msgpack.Encoder()
_to_analyst: msgspec.msgpack.Decoder[ToAnalyst] = msgspec.msgpack.Decoder(ToAnalyst)
_from_analyst: msgspec.msgpack.Decoder[FromAnalyst] = msgspec.msgpack.Decoder(FromAnalyst)


def frame(message: ToAnalyst | FromAnalyst) -> bytes:
    """The message as it goes over the socket. Raises `SerambiError(LIMIT)` when it is too long."""
    raw = _encoder.encode(message)
    check_length(len(raw))
    return len(raw).to_bytes(_LENGTH_BYTES) + raw


def length_of(head: bytes) -> int:
    """The length that the first four bytes of a frame tell. Raises `SerambiError(LIMIT)`."""
    length = int.from_bytes(head)
    check_length(length)
    return length


def check_length(length: int) -> None:
    if length > ANALYST_MESSAGE_MAX_BYTES:
        raise SerambiError(
            Kind.LIMIT, f"a message of {length} bytes is too long", where="the analyst"
        )


def for_analyst(raw: bytes) -> ToAnalyst:
    """Raises `SerambiError(BAD_INPUT)`."""
    try:
        return _to_analyst.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(error) from None


def from_analyst(raw: bytes) -> FromAnalyst:
    """Raises `SerambiError(BAD_INPUT)`."""
    try:
        return _from_analyst.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, f"a message cannot be read: {error}", where="the analyst")
