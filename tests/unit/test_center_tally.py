"""Counting what a stream lost, by its sequence numbers."""

from hypothesis import given
from hypothesis import strategies as st

from serambi.center.tally import Tally
from serambi.media.access_unit import AccessUnit
from serambi.media.wire import again, encode_unit
from tests.fakes.center_town import CONFIG

PICTURE = AccessUnit(0, 0, True, 0, b"\0\0\0\1x")


def messages(*numbers: int) -> list[bytes]:
    return [encode_unit(PICTURE, number % 2**32) for number in numbers]


def counted(*said: bytes) -> tuple[int, int]:
    tally = Tally()
    for message in said:
        tally.note(message)
    return tally.got, tally.missing


@given(st.integers(0, 2**32 - 1), st.lists(st.booleans(), min_size=1, max_size=200))
def test_got_and_missing_are_what_was_sent(start: int, arrive: list[bool]) -> None:
    """Between the first and the last that arrived; also over the end of the numbers."""
    numbers = [start + at for at, came in enumerate(arrive) if came]
    got, missing = counted(*messages(*numbers))
    assert got == len(numbers)
    assert got + missing == (numbers[-1] - numbers[0] + 1 if numbers else 0)


def test_a_new_beginning_is_no_loss() -> None:
    first, second = messages(5, 6), messages(90, 91)
    assert counted(*first, CONFIG, *second) == (4, 0)
    assert counted(*first, again(CONFIG), *second) == (4, 83)
    assert counted(*messages(5, 2_000_000_000)) == (2, 0)
    assert counted(*messages(50, 40, 41)) == (3, 0)
