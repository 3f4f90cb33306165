"""What goes to the courier first, and what is dropped."""

import pytest

from serambi.base.errors import SerambiError
from serambi.base.limits import STATE_MAX_BYTES
from serambi.fabric.frames import Answer, Batch, Live, Purge, State, encode
from serambi.fabric.outbox import Outbox

CONFIG = b"\x01config"


def live(number: int, camera: str = "cam", stream: str = "main") -> Live:
    return Live(camera, stream, b"\x02" + bytes([number]))


def drain(outbox: Outbox) -> list[object]:
    items: list[object] = []
    while (item := outbox.next()) is not None:
        items.append(item)
    return items


def test_answers_go_before_the_state_then_a_batch_and_all_before_pictures() -> None:
    outbox = Outbox()
    outbox.put_live(live(0), key=True)
    outbox.put_batch(Batch(0, b"given up"))
    outbox.put_batch(Batch(1, b"entries"))
    outbox.put_state(b"state")
    outbox.put_answer(Answer(7, True, b"answer"))
    assert drain(outbox) == [
        encode(Answer(7, True, b"answer")),
        encode(State(b"state")),
        encode(Batch(1, b"entries")),
        live(0),
    ]


def test_only_the_newest_state_waits() -> None:
    outbox = Outbox()
    outbox.put_state(b"old")
    outbox.put_state(b"new")
    assert drain(outbox) == [encode(State(b"new"))]


def test_a_state_that_is_too_large_is_refused_and_the_old_one_kept() -> None:
    outbox = Outbox()
    outbox.put_state(b"old")
    with pytest.raises(SerambiError):
        outbox.put_state(bytes(STATE_MAX_BYTES + 1))
    assert drain(outbox) == [encode(State(b"old"))]


def test_a_stream_begins_with_a_key_message() -> None:
    outbox = Outbox()
    outbox.put_live(live(0), key=False)
    outbox.put_live(live(1), key=True)
    outbox.put_live(live(2), key=False)
    assert drain(outbox) == [live(1), live(2)]
    assert outbox.dropped == 1


def test_a_full_queue_drops_to_the_next_key_message() -> None:
    outbox = Outbox(size=3)
    for number in range(5):
        outbox.put_live(live(number), key=number == 0)
    assert drain(outbox) == []
    outbox.put_live(live(5), key=False)
    outbox.put_live(live(6), key=True)
    outbox.put_live(live(7), key=False)
    assert drain(outbox) == [live(6), live(7)]
    assert outbox.dropped == 6


def test_a_key_message_at_a_full_queue_begins_it_anew() -> None:
    outbox = Outbox(size=3)
    for number in range(3):
        outbox.put_live(live(number), key=number == 0)
    outbox.put_live(live(3), key=True)
    assert drain(outbox) == [live(3)]
    assert outbox.dropped == 3


def test_an_overflow_keeps_the_configuration() -> None:
    outbox = Outbox(size=3)
    outbox.put_live(Live("cam", "main", CONFIG), key=True)
    for number in range(4):
        outbox.put_live(live(number), key=number == 0)
    outbox.put_live(live(9), key=True)
    assert drain(outbox) == [Live("cam", "main", CONFIG), live(9)]


def test_streams_take_turns() -> None:
    outbox = Outbox()
    for number in range(3):
        outbox.put_live(live(number, "a"), key=True)
    outbox.put_live(live(9, "b"), key=True)
    assert drain(outbox) == [live(0, "a"), live(9, "b"), live(1, "a"), live(2, "a")]


def test_purge_takes_one_stream_or_all_of_a_camera() -> None:
    outbox = Outbox()
    for camera in ("a", "b"):
        for stream in ("main", "sub"):
            outbox.put_live(live(0, camera, stream), key=True)
    outbox.purge("a", "sub")
    outbox.purge("b", None)
    outbox.purge("c", None)
    assert drain(outbox) == [live(0, "a", "main")]


def test_a_purged_stream_begins_again_with_a_key_message() -> None:
    outbox = Outbox()
    outbox.put_live(live(0), key=True)
    outbox.purge("cam", "main")
    outbox.put_live(live(1), key=False)
    assert drain(outbox) == []


def test_a_purge_goes_first_and_is_said_once() -> None:
    outbox = Outbox()
    outbox.put_live(live(0), key=True)
    outbox.put_state(b"state")
    for _ in range(3):
        outbox.purge("cam", None)
        outbox.put_purge(Purge("cam", None))
    outbox.put_purge(Purge("cam", "main"))
    outbox.put_live(live(1), key=True)
    assert outbox.purges
    assert drain(outbox) == [
        Purge("cam", None),
        Purge("cam", "main"),
        encode(State(b"state")),
        live(1),
    ]
    assert not outbox.purges


def test_pictures_can_be_held_back() -> None:
    outbox = Outbox()
    outbox.put_live(live(0), key=True)
    outbox.put_state(b"state")
    assert outbox.next(pictures=False) == encode(State(b"state"))
    assert outbox.next(pictures=False) is None
    assert outbox.next() == live(0)
    outbox.put_live(live(1), key=True)
    outbox.clear_pictures()
    assert outbox.next() is None


def test_what_waited_too_long_makes_room_for_the_next_key_message() -> None:
    """On a link that is too narrow, pictures are to be fresh rather than complete."""
    now = 0.0
    outbox = Outbox(size=100, wait_s=1.0, now=lambda: now)
    outbox.put_live(Live("cam", "main", CONFIG), key=True)
    for number in range(4):
        outbox.put_live(live(number), key=number == 0)
        now += 0.3
    outbox.put_live(live(4), key=False)  # the first has waited for 1.2 s
    outbox.put_live(live(5), key=False)
    assert outbox.dropped == 6
    outbox.put_live(live(6), key=True)
    assert drain(outbox) == [Live("cam", "main", CONFIG), live(6)]
    outbox.put_live(live(7), key=False)
    now += 0.9
    assert drain(outbox) == [live(7)]
