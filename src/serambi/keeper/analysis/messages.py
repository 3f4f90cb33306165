"""What the keeper and its analyst say to each other over a socket pair: each message MessagePack
behind four bytes of length. The analyst has nothing else: no network, no password, no folder.

It opens pictures that anybody may have made, so what it answers is bounded in every part."""

from typing import Annotated, Literal

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    ANALYST_FIGURE_MAX,
    ANALYST_MESSAGE_MAX_BYTES,
    ANALYST_TEXT_MAX_CHARACTERS,
)

_LENGTH_BYTES = 4
_ERROR_MAX_CHARACTERS = 300

_Text = Annotated[str, msgspec.Meta(max_length=ANALYST_TEXT_MAX_CHARACTERS)]
_Figure = Annotated[float, msgspec.Meta(ge=-ANALYST_FIGURE_MAX, le=ANALYST_FIGURE_MAX)]
"""Neither infinite nor no number."""


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

    camera: _Text
    sight: Literal["match", "changed", "undecidable"]
    shift: _Figure
    roll_deg: _Figure
    zoom: _Figure
    picture: bytes


class Happened(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A rule was met, `over`: no longer. `box` in shares of width and height. Times as in `Unit`:
    `since_s` is when it began to be."""

    camera: _Text
    rule: _Text
    place: _Text
    kind: _Text
    at_s: _Figure
    since_s: _Figure
    box: tuple[_Figure, _Figure, _Figure, _Figure]
    confidence: _Figure
    over: bool


class Moved(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Where something moved within one second: `cells` as in `analytics/grid.py`; `second` counts
    monotonic seconds as `at_s` does."""

    camera: _Text
    second: int
    cells: bytes


class Trouble(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """This camera cannot be looked at, and why."""

    camera: _Text
    what: _Text


class Load(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """What the analyst used of a core lately, and how often it looks at each camera."""

    cores: _Figure
    every_s: _Figure
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
    # Cut short: the text may quote what the other end wrote.
    said = str(error)[:_ERROR_MAX_CHARACTERS]
    return SerambiError(Kind.BAD_INPUT, f"a message cannot be read: {said}", where="the analyst")
