"""Is the camera still seeing? Covered, sprayed, defocused, blinded, frozen, moved.

Without an attestation the reference is the camera's own recent view. Each kind has its physics:
what lies on a lens is out of focus and shows no detail; a lens out of focus loses fine detail and
keeps coarse; a sensor that lives has noise; a moved view is the old one transformed (view.py).
What does not belong here: agreement and attested views.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from serambi.analytics.background import Background, Luma, Mask, Plane, cv, shrink
from serambi.analytics.blobs import Box, area, overlap
from serambi.analytics.tracks import Tracker
from serambi.analytics.view import Marks, ReferenceViews, Sight, edge_cells

_LEARN_S = 6.0  # a first view is believed after this
_RENEW_S = 60.0
_ACCEPT_S = 600.0  # what has been seen this long is the view from now on
_DETAIL_PX = 640

_COVER_SHARE = 0.075  # of the picture
_BLOT_SHARE = 0.012
_COVER_LEVELS = 18.0
_COVER_S = 3.0
_WALKED_S = 1.5
_COVER_SLOPE = 2.0  # gray levels a pixel: most of what lies on a lens is smoother than this
_EDGES_LOST = 0.2  # of the cells with edges: fewer are left of a covered view
_LOST_S = 3.0
_BLIND_LEVEL, _BLIND_SHARE = 247, 0.3
_BLUR, _BLUR_S = 0.78, 3.0
_FROZEN_S = 6.0
_FROZEN_SHARE = 0.08  # of the usual difference between two pictures
_FROZEN_LEAST = 0.12  # gray levels: with less noise than this one cannot tell
_ALIKE = 0.5
_MARKS_ALIKE = 0.25
_CHECK_EVERY_S = 1.5
_REPLACED_S = 4.0
_OVER_S = 4.0


@dataclass(slots=True)
class _Suspicion:
    """How long one kind has been seen without a break."""

    since_s: float
    last_s: float
    raised: bool = False


class Tamper:
    """Call `notice` with every picture and `look` about once a second."""

    def __init__(self) -> None:
        self._views: ReferenceViews | None = None
        self._marks: Marks | None = None
        self._renewed_s = -1e9
        self._healthy_s = -1e9
        self._edges = 0
        self._fineness = 0.0
        self._checked_s = -1e9
        self._still_s = 0.0
        self._usual = 0.0
        self._last: Luma | None = None
        self._cover: tuple[Mask, Plane] | None = None
        self._suspicions: dict[str, _Suspicion] = {}

    def notice(self, small: Luma, step_s: float) -> None:
        """Take the shrunk picture: does the sensor still live?"""
        if self._last is not None:
            difference = float(np.mean(cv2.absdiff(small, self._last)))
            still = difference < _FROZEN_SHARE * self._usual and self._usual > _FROZEN_LEAST
            self._still_s = self._still_s + step_s if still else 0.0
            if not still:
                rate = 0.2 if self._usual == 0 else 0.02
                self._usual += rate * (min(difference, 4.0) - self._usual)
        self._last = small

    def look(
        self, luma: Luma, scene: Background, tracker: Tracker, now_s: float
    ) -> dict[str, float]:
        """Kinds of tampering that are certain now, with the time since when."""
        detail = shrink(luma, _DETAIL_PX)
        if self._views is None:
            if scene.age_s >= _LEARN_S:
                self._renew(detail, scene, now_s)
            return {}
        seen = self._seen(detail, scene, tracker, now_s)
        for kind in seen:
            suspicion = self._suspicions.setdefault(kind, _Suspicion(now_s, now_s))
            suspicion.last_s = now_s
            suspicion.raised |= now_s - suspicion.since_s >= _WAIT_S[kind]
        for kind, suspicion in list(self._suspicions.items()):
            if now_s - suspicion.last_s > (_OVER_S if suspicion.raised else 1.5):
                del self._suspicions[kind]
        if not self._suspicions:
            self._healthy_s = now_s
            if now_s - self._renewed_s > _RENEW_S:
                self._renew(detail, scene, now_s)
        elif now_s - self._healthy_s > _ACCEPT_S:
            self._suspicions.clear()
            self._cover = None
            self._renew(detail, scene, now_s)
        return {k: s.since_s for k, s in self._suspicions.items() if s.raised}

    def _seen(self, detail: Luma, scene: Background, tracker: Tracker, now_s: float) -> set[str]:
        seen: set[str] = set()
        if self._views is None:
            return seen
        if self._still_s >= _FROZEN_S:
            seen.add("frozen")
        edges = edge_cells(detail)
        blind = float(np.mean(detail >= _BLIND_LEVEL)) > _BLIND_SHARE
        if self._edges >= 12 and edges < _EDGES_LOST * self._edges:
            seen.add("blinded" if blind or detail.mean() > 225 else "covered")
        elif self._covered(scene, tracker):
            seen.add("covered")
        alike = self._views.glance(detail)
        changed = cv2.countNonZero(scene.foreground) / scene.foreground.size
        odd = alike < _ALIKE and (alike >= 0 or changed > 0.1)
        if self._suspicions.keys() & {"moved", "replaced"} or (odd and not seen):
            seen |= self._moved(detail, now_s, odd)
        # Too plain a scene for cells: have its few marks gone, though it is still to be seen?
        if alike < 0 and not seen and self._marks is not None and self._marks.clear:
            strange = self._marks.alike(scene.now) < _MARKS_ALIKE
            seen |= {"replaced"} if strange else set()
        # Judged only while the view is the same: another view has another fineness.
        if (
            not seen
            and edges >= 12
            and self._fineness
            and _fineness(detail) < (_BLUR * self._fineness)
        ):
            seen.add("defocused")
        return seen

    def _moved(self, detail: Luma, now_s: float, odd: bool) -> set[str]:
        if self._views is None:
            return set()
        if now_s - self._checked_s < _CHECK_EVERY_S:
            return set(self._suspicions.keys() & {"moved", "replaced"}) if odd else set()
        self._checked_s = now_s
        view = self._views.check(detail)
        if view.sight is not Sight.CHANGED:
            return set()
        return {"moved"} if view.inliers else {"replaced"}

    def _covered(self, scene: Background, tracker: Tracker) -> bool:
        """A large resting region without any detail of its own."""
        if self._cover is not None:
            mask, before = self._cover
            still = cv2.absdiff(scene.now, before)[mask > 0] > 10
            if float(np.mean(still)) > 0.5:
                return True
            self._cover = None
        rests = cv.compare(scene.settled_s, 1.0, cv2.CMP_GE)
        whole = cv.bitwise_and(rests, scene.foreground)
        if cv2.countNonZero(whole) < _COVER_SHARE * whole.size:
            return False
        count, labels, stats, _ = cv2.connectedComponentsWithStats(whole)
        mask = np.zeros_like(scene.foreground)
        for label in range(1, count):  # a spray leaves several blots
            left, top, wide, high, size = (int(v) for v in stats[label])
            box = (left, top, left + wide, top + high)
            if size >= _BLOT_SHARE * whole.size and not _walked_in(box, tracker):
                mask[labels == label] = 255
        if cv2.countNonZero(mask) < _COVER_SHARE * mask.size:
            return False
        inside = cv2.erode(mask, _DEEP) > 0
        hidden = cv2.absdiff(scene.now, scene.mean)[inside]
        if hidden.size and float(np.median(hidden)) < _COVER_LEVELS:
            return False  # a wall in another light
        if np.count_nonzero(inside) < 0.5 * _COVER_SHARE * whole.size:
            return False
        if float(np.percentile(_steepness(scene.now)[inside], 75)) > _COVER_SLOPE:
            return False
        if cv2.mean(scene.mean, mask)[0] < 20 and cv2.mean(scene.now, mask)[0] < 20:
            return False
        self._cover = (mask, scene.mean.copy())
        return True

    def _renew(self, detail: Luma, scene: Background, now_s: float) -> None:
        # The mean of many pictures, so that nobody who stands there now becomes the reference.
        empty = np.clip(scene.mean, 0, 255).astype(np.uint8)
        self._views = ReferenceViews([empty])
        self._marks = Marks(scene.mean)
        self._edges = edge_cells(detail)
        fine = _fineness(detail)
        self._fineness = fine if not self._fineness else 0.5 * (self._fineness + fine)
        self._renewed_s = self._healthy_s = now_s


def _walked_in(box: Box, tracker: Tracker) -> bool:
    """Somebody who was about in the picture before he stood still there: a hand or a spray comes
    over the lens at once."""
    for track in (*tracker.tracks, *tracker.past):
        there = next((t for t, old in track.path if _nearly_same(old, box)), None)
        if there is None:
            continue
        first = track.path[0][1]
        way = (
            max(
                abs(first[0] + first[2] - box[0] - box[2]),
                abs(first[1] + first[3] - box[1] - box[3]),
            )
            / 2
        )
        if there - track.born_s > _WALKED_S or way > 0.55 * max(box[2] - box[0], box[3] - box[1]):
            return True
    return False


def _nearly_same(a: Box, b: Box) -> bool:
    smaller, larger = sorted((area(a), area(b)))
    return overlap(a, b) > 0.85 and smaller > 0.7 * larger


def _fineness(luma: Luma) -> float:
    """How much of the steepest edges is finer than four pixels; contrast and light cancel out."""
    plane = luma.astype(np.float32)
    fine = _steepness(cv.GaussianBlur(plane, (3, 3), 0))
    coarse = _steepness(cv.GaussianBlur(plane, (0, 0), 3.0))
    # About the steepest fiftieth: a quantile of every fifth pixel costs a tenth of sorting all.
    steep = coarse >= np.quantile(coarse[::5, ::3], 0.98)
    return float(fine[steep].mean() / max(1e-3, float(coarse[steep].mean())))


def _steepness(plane: Plane) -> Plane:
    dx = cv2.Sobel(plane, cv2.CV_32F, 1, 0, scale=0.125)
    dy = cv2.Sobel(plane, cv2.CV_32F, 0, 1, scale=0.125)
    return np.asarray(cv2.magnitude(dx, dy), np.float32)


_WAIT_S = {
    "frozen": 0.0,
    "covered": _COVER_S,
    "blinded": _LOST_S,
    "defocused": _BLUR_S,
    "moved": 2.0,
    "replaced": _REPLACED_S,
}
_DEEP = cv2.getStructuringElement(cv2.MORPH_RECT, (9, 9))
