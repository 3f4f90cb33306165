"""Does a camera still see what was attested? One picture against approved reference views.

Two looks. The cheap one compares edges cell by cell at the same place: light may change, edges
stay where they are; enough agreeing cells all over the picture are a match. Only when that fails
comes the full one: features matched and one transformation found among them (SIFT and RANSAC),
which tells how far the view has moved, turned or zoomed. Where neither can tell (dark, fog, a bus
before the lens) the answer is that one cannot tell. What does not belong here: what follows from
the answer (watch over time is `ViewWatch`, suspension the keeper's).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from serambi.analytics.background import Luma, Plane, cv, shrink

LONG_SIDE_PX = 480
CELLS = (16, 9)

_CELL_ALIKE = 0.45
_SHARE_ALIKE = 0.5  # of the cells with edges on both sides
_CELLS_LEAST = 24
_SPREAD_LEAST = 5  # different columns and rows (of 16 and 9) that must agree
_EDGE_RMS = 2.2  # gray levels a pixel: below this a cell has no edges
_FEATURES = 900
_RATIO = 0.78
_INLIERS_LEAST = 14
_SHIFT_SHARE = 0.025
_ROLL_DEG = 1.5
_ZOOM = 1.05
_MARKS_SHARE, _MARK_LEAST = 0.01, 1.5  # of the pixels; gray levels a pixel
_RICH = 220  # features of a picture that certainly shows something


class Sight(Enum):
    """The answer of one comparison."""

    MATCH = "match"
    CHANGED = "changed"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True, slots=True)
class View:
    """The answer with what was measured: shift as a share of the width, degrees, factor."""

    sight: Sight
    alike: float
    shift: float = 0.0
    roll_deg: float = 0.0
    zoom: float = 1.0
    inliers: int = 0


@dataclass(slots=True)
class _Prepared:
    slopes: NDArray[np.float32]
    strong: NDArray[np.bool_]
    keypoints: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    descriptors: NDArray[np.float32] | None = None


class ReferenceViews:
    """The approved pictures of one camera, in several lights."""

    def __init__(self, pictures: Sequence[Luma]) -> None:
        """`pictures`: brightness, any size of one aspect ratio, at least one."""
        self._sift = cv.SIFT_create(nfeatures=_FEATURES, contrastThreshold=0.02)
        self._references = [self._prepare(p, features=True) for p in pictures]

    def glance(self, luma: Luma) -> float:
        """Cheap: the share of cells whose edges agree with the best reference, 0..1; -1 when
        there are too few edges to say."""
        now = self._prepare(luma, features=False)
        return max(_agreement(now, reference) for reference in self._references)

    def check(self, luma: Luma) -> View:
        """The full comparison."""
        now = self._prepare(luma, features=False)
        alike = max(_agreement(now, reference) for reference in self._references)
        if alike >= _SHARE_ALIKE:
            return View(Sight.MATCH, alike)
        self._describe(now, luma)
        best = View(Sight.UNDECIDABLE, alike)
        for reference in self._references:
            found = _registered(now, reference, alike)
            if found is not None and found.inliers > best.inliers:
                best = found
        if best.inliers:
            return best
        # Much to see and nothing of it is known: another place, if it stays so (ViewWatch).
        rich = (
            len(now.keypoints) >= _RICH
            and max(len(r.keypoints) for r in self._references) >= _RICH // 2
        )
        return View(Sight.CHANGED if rich and alike < 0.15 else Sight.UNDECIDABLE, alike)

    def _prepare(self, luma: Luma, *, features: bool) -> _Prepared:
        slopes = _slopes(luma)
        energy = _cells(slopes[0] ** 2 + slopes[1] ** 2)
        prepared = _Prepared(slopes, np.sqrt(energy) > _EDGE_RMS)
        if features:
            self._describe(prepared, luma)
        return prepared

    def _describe(self, prepared: _Prepared, luma: Luma) -> None:
        # Equalized in tiles, so that night and glare leave something to describe.
        even = _TILES.apply(shrink(luma, LONG_SIDE_PX))
        points, described = self._sift.detectAndCompute(even, None)
        prepared.keypoints = np.array([p.pt for p in points], np.float32).reshape(-1, 2)
        prepared.descriptors = described


def edge_cells(luma: Luma) -> int:
    """How many of the CELLS show edges."""
    slopes = _slopes(luma)
    return int(np.count_nonzero(np.sqrt(_cells(slopes[0] ** 2 + slopes[1] ** 2)) > _EDGE_RMS))


def _slopes(luma: Luma) -> NDArray[np.float32]:
    small = cv2.GaussianBlur(shrink(luma, LONG_SIDE_PX // 2), (3, 3), 0)
    both = [cv2.Sobel(small, cv2.CV_32F, *way, scale=0.125) for way in ((1, 0), (0, 1))]
    return np.asarray(np.stack(both), np.float32)


def _agreement(now: _Prepared, reference: _Prepared) -> float:
    if now.slopes.shape != reference.slopes.shape:
        return 0.0
    a, b = now.slopes, reference.slopes
    both = _cells(a[0] * b[0] + a[1] * b[1])
    norm = np.sqrt(_cells(a[0] ** 2 + a[1] ** 2) * _cells(b[0] ** 2 + b[1] ** 2))
    likeness = both / np.maximum(norm, 1e-3)
    usable = reference.strong & now.strong
    if np.count_nonzero(usable) < _CELLS_LEAST:
        return -1.0
    agree = usable & (likeness > _CELL_ALIKE)
    rows, columns = np.nonzero(agree)
    if len(set(columns.tolist())) < _SPREAD_LEAST or len(set(rows.tolist())) < 3:
        return 0.0
    return float(np.count_nonzero(agree) / np.count_nonzero(usable))


def _registered(now: _Prepared, reference: _Prepared, alike: float) -> View | None:
    """How the reference lies in the picture of now; None when no one transformation explains
    enough of it."""
    if now.descriptors is None or reference.descriptors is None:
        return None
    if len(now.descriptors) < 8 or len(reference.descriptors) < 8:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(reference.descriptors, now.descriptors, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < _RATIO * p[1].distance]
    if len(good) < _INLIERS_LEAST:
        return None
    source = reference.keypoints[[m.queryIdx for m in good]]
    target = now.keypoints[[m.trainIdx for m in good]]
    matrix, mask = cv2.estimateAffinePartial2D(source, target, ransacReprojThreshold=4.0)
    inliers = int(mask.sum()) if mask is not None else 0
    if matrix is None or inliers < _INLIERS_LEAST or inliers < 0.2 * len(good):
        return None
    high, wide = now.slopes.shape[1] * 2, now.slopes.shape[2] * 2
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    roll = float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])))
    middle = matrix @ np.array([wide / 2, high / 2, 1.0])
    shift = float(np.hypot(middle[0] - wide / 2, middle[1] - high / 2) / wide)
    moved = shift > _SHIFT_SHARE or abs(roll) > _ROLL_DEG or not 1 / _ZOOM < zoom < _ZOOM
    sight = Sight.CHANGED if moved else Sight.MATCH
    return View(sight, alike, shift, roll, zoom, inliers)


class Marks:
    """The strongest edges of a scene, pixel by pixel: what is left to hold on to where hardly
    anything is to be seen, on plain asphalt with a few specks."""

    def __init__(self, scene: Plane) -> None:
        """`scene`: brightness, a mean of many pictures, so that its noise makes no edges."""
        slopes = _smooth_slopes(scene)
        steep = np.hypot(slopes[0], slopes[1])
        rows, columns = np.nonzero(steep >= np.quantile(steep, 1 - _MARKS_SHARE))
        self._at = rows, columns
        self._slopes = slopes[:, rows, columns]
        self.clear = bool(float(np.median(steep[rows, columns])) > _MARK_LEAST)

    def alike(self, now: Plane) -> float:
        """-1..1: how well a picture of the same size shows the same edges at the same places."""
        here = _smooth_slopes(now)[:, self._at[0], self._at[1]]
        norm = float(np.sqrt((here * here).sum() * (self._slopes * self._slopes).sum()))
        return float((here * self._slopes).sum()) / max(norm, 1e-3)


def _smooth_slopes(plane: Plane) -> Plane:
    both = [cv2.Sobel(plane, cv2.CV_32F, *way, scale=0.125) for way in ((1, 0), (0, 1))]
    return np.asarray(np.stack(both), np.float32)


def _cells(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(plane, CELLS, interpolation=cv2.INTER_AREA), np.float32)


_TILES = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 5))
