"""Who was at a thing when it came to rest: brought, taken, parked, or nobody.

Only tracks are asked, never the picture. What does not belong here: what the thing looks like
(blobs.py) and what follows from both (settled.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from serambi.analytics.blobs import Box, overlap
from serambi.analytics.tracks import Track, Tracker, beside

_BEFORE_S = 8.0
_PARTS_S = 6.0  # who leaves a thing behind is on his way this long after he put it down
_LAST_STEP_S = 2.0
_SHRUNK = 0.68
_SAME_ROW_PX = 14
_TALL_QUANTILE = 0.8  # parts of people that merge with the ground make many boxes too low


@dataclass(frozen=True, slots=True)
class Visit:
    """What the tracks tell of one resting region."""

    came_and_went: bool = False  # somebody came from elsewhere, was here, and is gone
    stayed: bool = False  # what came from elsewhere is still here, and nothing parted from it
    set_out: bool = False  # something appeared here, not from elsewhere, and went away
    tall_px: float = 0.0  # how tall the visitor is


def visit_of(box: Box, since_s: float, tracker: Tracker) -> Visit:
    """Who was at `box` when it came to rest at `since_s`."""
    came_and_went = stayed = set_out = False
    tall = 0.0
    for track in _all(tracker):
        first_s, first = track.path[0]
        gone = apart(track.box, box) and track.seen_s > since_s
        came = any(t < since_s + 0.3 and apart(old, box) for t, old in track.path)
        if came and _was_at(track, box, since_s):
            tall = max(tall, _tall(track, box))
            if gone or _shed(track, box, since_s, tracker):
                came_and_went = True
            else:
                stayed = True
        elif (
            gone
            and not (came or track.from_rim)
            and since_s - _BEFORE_S < first_s < since_s + 2.0
            and beside(first, box)
        ):
            set_out, tall = True, max(tall, _tall(track, box))
    return Visit(came_and_went, stayed, set_out and not (came_and_went or stayed), tall)


def _was_at(track: Track, box: Box, since_s: float) -> bool:
    here = track.at(since_s)
    if here is not None:
        return overlap(here, box) > 0.3
    # He may have become pale before a pale wall on his last step.
    return 0 < since_s - track.seen_s < _LAST_STEP_S and beside(track.box, box)


def _shed(track: Track, box: Box, since_s: float, tracker: Tracker) -> bool:
    """The track stays with the thing, and its owner became another: what stayed is much smaller
    than what came, and somebody of that size was beside it and is gone."""
    after = [old[3] - old[1] for t, old in track.path if t > since_s + 1.0]
    tall = _tall(track, box)
    if not after or float(np.quantile(after, 0.3)) > _SHRUNK * tall:
        return False
    return any(
        apart(other.box, box)
        and other.seen_s > since_s
        and _tall(other, box) > 0.5 * tall
        and _set_off(other, box, since_s, tall)
        for other in _all(tracker)
        if other is not track
    )


def _set_off(track: Track, box: Box, since_s: float, tall: float) -> bool:
    """The track was beside `box` soon after `since_s`, or appeared near it out of nowhere: it may
    have been lost on its first steps."""
    begin, end = since_s - 1.0, since_s + _PARTS_S
    first_s, first = track.path[0]
    if begin < first_s < end and not track.from_rim and gap(first, box) < 2 * tall:
        return True
    return any(begin < t < end and gap(old, box) < tall / 2 for t, old in track.path)


def gap(a: Box, b: Box) -> int:
    """Pixels between two boxes, the larger way."""
    return max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3], 0)


def usual_height(box: Box, tracker: Tracker) -> float:
    """How tall those are who walk by at the distance of `box`, in pixels; 0 when nobody did."""
    near = [
        old[3] - old[1]
        for track in _all(tracker)
        if track.real() and apart(track.box, track.path[0][1])
        for _, old in track.path
        if abs(old[3] - box[3]) < _SAME_ROW_PX
    ]
    return float(np.quantile(near, _TALL_QUANTILE)) if len(near) >= 4 else 0.0


def apart(a: Box, b: Box) -> bool:
    """Their middles are more than half a size of the second away from each other, and they hardly
    overlap: somebody's foot is not apart from him."""
    reach = 0.5 * max(b[2] - b[0], b[3] - b[1])
    dx = abs(a[0] + a[2] - b[0] - b[2]) / 2
    dy = abs(a[1] + a[3] - b[1] - b[3]) / 2
    return (dx > reach or dy > reach) and overlap(a, b) < 0.3


def _tall(track: Track, box: Box) -> float:
    away = [old[3] - old[1] for _, old in track.path if apart(old, box)]
    return float(np.quantile(away, _TALL_QUANTILE)) if away else 0.0


def _all(tracker: Tracker) -> Iterator[Track]:
    yield from tracker.tracks
    yield from tracker.past
