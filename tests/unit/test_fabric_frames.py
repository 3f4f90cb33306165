"""Framing between keeper and courier: strict, and the same bytes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import COMMAND_MAX_BYTES, LIVE_MESSAGE_MAX_BYTES, STATE_MAX_BYTES
from serambi.fabric import frames
from serambi.fabric.frames import Answer, Batch, Command, Frame, Live, Purge, Receipt, State

IDS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True)
NUMBERS = st.integers(0, 2**64 - 1)
FRAMES = st.one_of(
    st.builds(Command, NUMBERS, st.binary()),
    st.builds(Answer, NUMBERS, st.booleans(), st.binary()),
    st.builds(State, st.binary()),
    st.builds(Batch, NUMBERS, st.binary()),
    st.builds(Receipt, NUMBERS, st.booleans(), st.binary()),
    st.builds(Live, IDS, IDS, st.binary()),
    st.builds(Purge, IDS, st.one_of(st.none(), IDS)),
)


def decode(raw: bytes) -> Frame:
    kind, size = frames.read_head(raw[: frames.HEAD_BYTES])
    assert size == len(raw) - frames.HEAD_BYTES
    return frames.decode(kind, raw[frames.HEAD_BYTES :])


@given(FRAMES)
def test_a_frame_comes_back_as_it_was(frame: Frame) -> None:
    assert decode(frames.encode(frame)) == frame


@given(st.integers(0, 255), st.binary(max_size=300))
def test_any_body_is_refused_or_encodes_to_the_same_bytes(kind: int, body: bytes) -> None:
    head = (len(body) + 1).to_bytes(4, "big") + bytes([kind])
    try:
        frame = decode(head + body)
    except SerambiError:
        return
    assert frames.encode(frame) == head + body


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x00\x00\x03",
        b"\x00\x00\x00\x01\x00",
        b"\x00\x00\x00\x01\xff",
        b"\xff\xff\xff\xff\x04",
        (STATE_MAX_BYTES + 2).to_bytes(4, "big") + b"\x03",
        b"GET /",
    ],
)
def test_a_bad_head_is_refused_before_its_body_is_read(head: bytes) -> None:
    with pytest.raises(SerambiError) as caught:
        frames.read_head(head)
    assert caught.value.kind is Kind.BAD_INPUT


@pytest.mark.parametrize(
    "frame",
    [
        Command(1, bytes(COMMAND_MAX_BYTES + 1)),
        Answer(1, True, bytes(COMMAND_MAX_BYTES + 1)),
        State(bytes(STATE_MAX_BYTES + 1)),
        Live("c", "main", bytes(LIVE_MESSAGE_MAX_BYTES + 200)),
    ],
)
def test_what_is_too_large_is_refused_by_the_sender(frame: Frame) -> None:
    with pytest.raises(SerambiError) as caught:
        frames.encode(frame)
    assert caught.value.kind is Kind.LIMIT


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "x" * 65, "a*"])
def test_a_name_that_could_be_misread_is_not_sent(name: str) -> None:
    with pytest.raises(SerambiError):
        frames.encode(Live(name, "main", b""))
    with pytest.raises(SerambiError):
        frames.encode(Live("cam", name, b""))


def test_a_name_that_is_not_ascii_is_refused() -> None:
    with pytest.raises(SerambiError):
        frames.decode(4, b"\x01\xff\x01a")
