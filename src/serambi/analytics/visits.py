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
_PARTED_S = 10.0  # who leaves a thing behind is gone this long after he put it down
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
    came_and_went = stayed = set_out = parted = False
    tall = 0.0
    for track in _all(tracker):
        here = track.at(since_s)
        first_s, first = track.path[0]
        gone = apart(track.box, box) and track.seen_s > since_s
        came = any(t < since_s + 0.3 and apart(old, box) for t, old in track.path)
        if here is not None and overlap(here, box) > 0.3 and came:
            came_and_went |= gone
            stayed |= not gone
            tall = max(tall, _tall(track, box))
        if gone and not came and not track.from_rim and beside(first, box):
            if since_s - _BEFORE_S < first_s < since_s + 2.0:
                set_out = True
            if since_s - 1.5 < first_s < since_s + _PARTED_S:
                parted = True
                tall = max(tall, _tall(track, box))
    if stayed and parted:  # the track stays with the thing, and its owner became a new one
        return Visit(came_and_went=True, tall_px=tall)
    return Visit(came_and_went, stayed, set_out and not came_and_went, tall)


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
    """Their middles are more than half a size of the second away from each other."""
    reach = 0.5 * max(b[2] - b[0], b[3] - b[1])
    dx = abs(a[0] + a[2] - b[0] - b[2]) / 2
    dy = abs(a[1] + a[3] - b[1] - b[3]) / 2
    return dx > reach or dy > reach


def _tall(track: Track, box: Box) -> float:
    away = [old[3] - old[1] for _, old in track.path if apart(old, box)]
    return float(np.quantile(away, _TALL_QUANTILE)) if away else 0.0


def _all(tracker: Tracker) -> Iterator[Track]:
    yield from tracker.tracks
    yield from tracker.past
