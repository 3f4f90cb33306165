"""A viewer's queue and the feed by themselves: what a slow browser misses, and what is kept."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.limits import VIEWER_QUEUE_MESSAGES
from serambi.center.live import Feed
from serambi.center.viewer import Piece, Viewer
from serambi.web.connection import framed
from tests.fakes.browsers import Sink
from tests.fakes.center_town import CONFIG, FakeLink, unit

STREAM = ("terminal", "terminal-1", "sub")
CONFIG_PIECE = Piece(framed(CONFIG[1:].decode()), None, config=True)


def piece(number: int, *, key: bool = False) -> Piece:
    return Piece(framed(unit(number, key=key)), None, key=key)


def taken(viewer: Viewer, sink: Sink, room: int = 10_000) -> list[bytes]:
    """What comes when the browser reads `room` messages."""
    before = len(sink.frames)
    sink.room = room
    viewer.flush()
    sink.room = 0
    return sink.frames[before:]


def frames(*pieces: Piece) -> list[bytes]:
    return [piece.units for piece in pieces]


def test_a_quick_viewer_gets_each_message_at_once_and_nothing_waits() -> None:
    sink = Sink(room=100)
    viewer = Viewer(sink, fmp4=False)
    viewer.start(CONFIG_PIECE, [piece(0, key=True)])
    viewer.offer(piece(1))
    assert sink.frames == frames(CONFIG_PIECE, piece(0, key=True), piece(1))
    assert viewer.waiting() == 0


def test_a_slow_viewer_drops_to_the_next_key_frame() -> None:
    sink = Sink()
    viewer = Viewer(sink, fmp4=False)
    viewer.start(CONFIG_PIECE, [piece(0, key=True)])
    for number in range(1, VIEWER_QUEUE_MESSAGES * 3):
        viewer.offer(piece(number))
        assert viewer.waiting() <= VIEWER_QUEUE_MESSAGES + 2
    assert viewer.dropped > 0
    taken(viewer, sink)
    viewer.offer(piece(900))
    assert viewer.waiting() == 0
    viewer.offer(piece(901, key=True))
    viewer.offer(piece(902))
    assert taken(viewer, sink) == frames(CONFIG_PIECE, piece(901, key=True), piece(902))


def test_a_long_gop_reaches_a_new_viewer_whole() -> None:
    sink = Sink()
    viewer = Viewer(sink, fmp4=False)
    gop = [piece(0, key=True), *(piece(n) for n in range(1, 3 * VIEWER_QUEUE_MESSAGES))]
    viewer.start(CONFIG_PIECE, gop)
    viewer.offer(piece(1000))
    assert taken(viewer, sink) == frames(CONFIG_PIECE, *gop, piece(1000))


def test_an_ended_viewer_holds_nothing_and_takes_nothing() -> None:
    sink = Sink()
    viewer = Viewer(sink, fmp4=False)
    viewer.start(CONFIG_PIECE, [piece(0, key=True)])
    viewer.end("revoked")
    viewer.end("other")
    viewer.offer(piece(1))
    viewer.tell("late")
    assert (viewer.waiting(), viewer.reason) == (0, "revoked")
    assert taken(viewer, sink) == []


def test_what_is_said_waits_its_turn_and_is_bounded() -> None:
    sink = Sink()
    viewer = Viewer(sink, fmp4=False)
    for number in range(2 * VIEWER_QUEUE_MESSAGES):
        viewer.tell(f"{number}")
    assert viewer.waiting() == VIEWER_QUEUE_MESSAGES
    assert taken(viewer, sink, room=1) == [framed("0")]


@given(st.lists(st.one_of(st.just("key"), st.just("picture"), st.integers(1, 5)), max_size=300))
def test_whoever_reads_however_slowly_gets_whole_groups_in_order(steps: list[str | int]) -> None:
    sink = Sink()
    viewer = Viewer(sink, fmp4=False)
    viewer.offer(CONFIG_PIECE)
    number, keys = 0, set()
    for step in steps:
        if isinstance(step, int):
            taken(viewer, sink, step)
            continue
        number += 1
        if step == "key":
            keys.add(number)
        viewer.offer(piece(number, key=step == "key"))
        assert viewer.waiting() <= VIEWER_QUEUE_MESSAGES + 2
    taken(viewer, sink)
    numbers = {piece(n, key=n in keys).units: n for n in range(1, number + 1)}
    shown = [numbers.get(frame, 0) for frame in sink.frames]  # 0: the configuration
    for before, now in pairwise(shown):
        assert now in (before + 1, 0) or (before == 0 and now in keys)


def test_a_feed_drops_what_it_cannot_read() -> None:
    feed = Feed(FakeLink({}), *STREAM)
    sink = Sink(room=100)
    feed.add(Viewer(sink, fmp4=False))
    for message in (b"", b"\x09junk", CONFIG, b"\x02short", unit(0, key=True)):
        feed.push(message)
    assert sink.frames == frames(CONFIG_PIECE, piece(0, key=True))


def test_a_feed_keeps_one_gop_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serambi.center.live.GOP_CACHE_MAX_UNITS", 5)
    feed = Feed(FakeLink({}), *STREAM)
    for message in (CONFIG, unit(0, key=True), *(unit(n) for n in range(1, 9))):
        feed.push(message)
    early, late = Sink(room=100), Sink(room=100)
    feed.add(Viewer(early, fmp4=False))
    assert early.frames == []
    feed.push(unit(9, key=True))
    feed.push(unit(10))
    feed.add(Viewer(late, fmp4=False))
    assert late.frames == frames(CONFIG_PIECE, piece(9, key=True), piece(10))


def test_after_a_lost_picture_nothing_until_the_next_key_frame() -> None:
    feed = Feed(FakeLink({}), *STREAM)
    sink = Sink(room=100)
    feed.add(Viewer(sink, fmp4=False))
    feed.push(CONFIG)
    for number in (0, 1, 3, 4, 5, 6):
        feed.push(unit(number, key=number % 5 == 0))
    wanted = (piece(0, key=True), piece(1), piece(5, key=True), piece(6))
    assert sink.frames == frames(CONFIG_PIECE, *wanted)


def test_all_viewers_share_the_same_bytes() -> None:
    feed = Feed(FakeLink({}), *STREAM)
    sinks = [Sink(room=10) for _ in range(3)]
    for sink in sinks:
        feed.add(Viewer(sink, fmp4=False))
    for message in (CONFIG, unit(0, key=True)):
        feed.push(message)
    for one, *others in zip(*(sink.frames for sink in sinks), strict=True):
        assert all(other is one for other in others)
