"""From a mask of differing pixels to separate things, and whether a thing is one at all.

A light that falls on the scene, a shadow, a cloud: they change the brightness but not what is
there. They keep the ground's texture, or, where it has none, have no sharp border.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serambi.analytics.background import Mask, Plane

Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are outside

BLOBS_MAX = 64  # of one picture; the largest are kept
OWN_BORDER = 0.6  # a change this sharp is a thing's own border
_SOFT = 0.36  # and one as soft as this is light, if it moves
_STRONG = 50.0  # gray levels; a larger change needs no steeper border to be one
_CLEAR_SHARE = 0.25  # of the steepest border; less may be noise
_JOIN_PX = (5, 9)  # wide, high: parts of one upright person


@dataclass(frozen=True, slots=True)
class Blob:
    """One connected region; `mask` covers `box` alone, `area_px` counts differing pixels only."""

    box: Box
    area_px: int
    mask: Mask

    @property
    def foot(self) -> tuple[float, float]:
        """Where it stands: the middle of the lower side."""
        return (self.box[0] + self.box[2]) / 2, float(self.box[3])

    @property
    def center(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


def find_blobs(foreground: Mask, smallest_px: int, *, join: bool = True) -> list[Blob]:
    """Regions of at least `smallest_px` pixels, largest first, at most BLOBS_MAX."""
    x0, y0, wide, high = cv2.boundingRect(foreground)
    if wide == 0:
        return []  # most pictures; labeling them all would cost more than all the rest
    if join:
        x0, y0 = max(0, x0 - _JOIN_PX[0]), max(0, y0 - _JOIN_PX[1])
    foreground = foreground[y0 : y0 + high + 2 * _JOIN_PX[1], x0 : x0 + wide + 2 * _JOIN_PX[0]]
    joined = cv2.morphologyEx(foreground, cv2.MORPH_CLOSE, _JOIN) if join else foreground
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    order = sorted(range(1, count), key=lambda i: -int(stats[i, cv2.CC_STAT_AREA]))
    found = []
    for label in order[:BLOBS_MAX]:
        left, top, wide, high, area = (int(v) for v in stats[label])
        if area < smallest_px:
            break
        part = labels[top : top + high, left : left + wide] == label
        mask = np.asarray(part, np.uint8) * 255
        own = cv2.countNonZero(
            cv2.bitwise_and(mask, foreground[top : top + high, left : left + wide])
        )
        if own >= smallest_px:
            box = (x0 + left, y0 + top, x0 + left + wide, y0 + top + high)
            found.append(Blob(box, own, mask))
    return found


@dataclass(frozen=True, slots=True)
class Look:
    """How a region looks now beside the empty scene. Gray levels unless said otherwise."""

    change: float  # median difference inside
    likeness: float  # -1..1: the same texture, whatever its brightness
    texture: float  # how much there is to compare: root mean square of the slopes
    own: float  # along the border: 1 where the picture of now has it, 0 where the empty scene
    sharp: float  # 0..1: how much of the change happens from one pixel to the next

    @property
    def only_light(self) -> bool:
        """A change of light, a shadow: what is there has not changed."""
        if self.texture > 1.2 and self.likeness > 0.7 and self.sharp < OWN_BORDER:
            return True
        return self.sharp < 0.15

    @property
    def soft(self) -> bool:
        """Too soft a border for anything that moves before this camera: a headlight, a cloud."""
        return self.sharp < _SOFT or (
            self.texture > 1.2 and self.likeness > 0.45 and self.sharp < OWN_BORDER
        )

    @property
    def ghost(self) -> bool:
        """The empty scene shows a thing here that is no longer there."""
        return self.own < 0.45


def look(blob: Blob, now: Plane, then: Plane) -> Look:
    """Compare what is under `blob` in two pictures of the same exposure."""
    left, top, right, bottom = blob.box
    high, wide = now.shape
    pad = 5
    x0, y0 = max(0, left - pad), max(0, top - pad)
    x1, y1 = min(wide, right + pad), min(high, bottom + pad)
    a, b = now[y0:y1, x0:x1], then[y0:y1, x0:x1]
    mask = np.zeros(a.shape, np.uint8)
    mask[top - y0 : bottom - y0, left - x0 : right - x0] = blob.mask
    inside = mask > 0
    core = cv2.erode(mask, _DEEP) > 0  # where the region's own border does not reach
    core = core if np.count_nonzero(core) >= 24 else cv2.erode(mask, _CROSS) > 0
    core = core if np.count_nonzero(core) >= 12 else inside
    ring = (cv2.dilate(mask, _CROSS) > 0) & ~(cv2.erode(mask, _SQUARE) > 0)
    difference = np.abs(a - b)
    change = float(np.median(difference[inside]))
    slopes_now, slopes_then = _slopes(a), _slopes(b)
    grad_now, grad_then = _steepness(slopes_now), _steepness(slopes_then)
    grad_change = _steepness(slopes_now - slopes_then)
    likeness = _likeness(slopes_now[:, core], slopes_then[:, core])
    # Light spreads its change softly and scales the edges that are there; a thing has its own.
    scaled = 1.2 * abs(_ratio(a[inside], b[inside]) - 1) * max(0.0, 2 * likeness - 1)
    own = grad_change - scaled * grad_then
    steep = max(
        float(np.percentile(own[ring], 70)) if ring.any() else 0.0,
        float(np.percentile(own[inside], 95)),
    )
    return Look(
        change=change,
        likeness=likeness,
        texture=float(min(_rms(grad_now[core]), _rms(grad_then[core]))),
        own=_own_border(slopes_now, slopes_now - slopes_then, mask),
        sharp=min(1.0, steep / min(max(change, 8.0), _STRONG)),
    )


def _own_border(now: Plane, change: Plane, mask: Mask) -> float:
    """Whose border the change has. Where a thing's border runs, the slopes of the change are
    those of one of the two pictures; edges of the ground lie across it this way and that. A
    thing is convex, or nearly; a bay in the change is where it looks like its ground."""
    hull = np.zeros_like(mask)
    points = cv2.findNonZero(mask)
    cv2.fillConvexPoly(hull, cv2.convexHull(points), 255)
    ring = (cv2.dilate(hull, _CROSS) > 0) & ~(cv2.erode(hull, _SQUARE) > 0)
    if not ring.any():
        return 1.0  # it fills the picture
    own, steep = (now * change).sum(axis=0)[ring], (change * change).sum(axis=0)[ring]
    clear = steep >= _CLEAR_SHARE**2 * steep.max()
    return float(np.median(own[clear] / np.maximum(steep[clear], 1e-3)))


def overlap(a: Box, b: Box) -> float:
    """Common area as a share of the smaller box."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / min(area(a), area(b))


def area(box: Box) -> int:
    return max(1, (box[2] - box[0]) * (box[3] - box[1]))


def _ratio(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.clip(np.median(a) / max(1.0, float(np.median(b))), 0.2, 5.0))


def _slopes(plane: Plane) -> Plane:
    """Gray levels a pixel, across and down: (2, height, width)."""
    dx = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=0.125)
    dy = cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=0.125)
    return np.asarray(np.stack((dx, dy)), np.float32)


def _steepness(slopes: Plane) -> Plane:
    return np.asarray(cv2.magnitude(slopes[0], slopes[1]), np.float32)


def _rms(values: Plane) -> float:
    return float(np.sqrt(np.mean(values * values))) if values.size else 0.0


def _likeness(a: Plane, b: Plane) -> float:
    """Of slopes, so that being bright above and dark below is not yet being alike."""
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / norm) if norm > 1e-3 else 0.0


_JOIN = cv2.getStructuringElement(cv2.MORPH_RECT, _JOIN_PX)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_DEEP = cv2.getStructuringElement(cv2.MORPH_RECT, (7, 7))
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
