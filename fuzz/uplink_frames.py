"""Frames between keeper and courier: a stream of them, read as the socket's reader reads it."""

from collections.abc import Iterator

from fuzz._target import Target, require
from serambi.base.limits import LIVE_MESSAGE_MAX_BYTES
from serambi.fabric.frames import (
    HEAD_BYTES,
    Answer,
    Batch,
    Command,
    Link,
    Live,
    Purge,
    Receipt,
    State,
    decode,
    encode,
    read_head,
)

_BODY_MAX_BYTES = LIVE_MESSAGE_MAX_BYTES + 256


def seeds() -> Iterator[bytes]:
    frames = (
        Command(7, b"{}"),
        Answer(7, True, b"{}"),
        Answer(2**64 - 1, False, b"no"),
        State(b"{}"),
        Live("cam-1", "main", b"\2\0picture"),
        Link(True),
        Link(False),
        Batch(3, b"{}"),
        Receipt(3, True, b"{}"),
        Purge("cam-1", None),
        Purge("cam-1", "sub"),
    )
    for frame in frames:
        yield encode(frame)
    yield b"".join(encode(frame) for frame in frames)


def check(raw: bytes) -> None:
    at = 0
    while at + HEAD_BYTES <= len(raw):
        kind, size = read_head(raw[at : at + HEAD_BYTES])
        require(0 <= size <= _BODY_MAX_BYTES, "a body without bounds would be read")
        end = at + HEAD_BYTES + size
        if end > len(raw):
            return
        frame = decode(kind, raw[at + HEAD_BYTES : end])
        require(encode(frame) == raw[at:end], "a frame has a second spelling")
        at = end


TARGET = Target(("serambi.fabric.frames", "serambi.base.ids"), seeds, check)
