"""What a camera's picture looks like when nothing happens, and what differs from it now.

Two models of different speed. The slow one is the empty scene: the mean of each pixel and how much
it wavers. The fast one is a second layer under whatever stands before the scene: its latest value
and since when it holds. A pixel that differs from the first and has long agreed with the second
belongs to something that came and stays.

All comparing is done in the background's own exposure and place: an automatic exposure changes the
whole picture by one factor, a pole in the wind shifts it by some pixels, and both are taken out
first. What does not belong here: objects.
"""

from collections import deque
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
Plane = NDArray[np.float32]
Mask = NDArray[np.uint8]

#: OpenCV takes numbers and array sizes where its stubs insist on arrays.
cv: Any = cv2

#: The longer side of the picture that is analyzed; 320x180 of a 16:9 substream.
LONG_SIDE_PX = 320

_FLOOR_LEVELS = 3.5  # no difference below this many gray levels counts
_DEVIATIONS = 4.0
_LIMIT_SHARE = 0.02  # and none below this share of the brightness
_LEARN_S = 12.0  # time constant of the empty scene
_FIRST_S = 3.0  # the first pictures count more
_RESTLESS_S = 20.0  # how long a pixel that kept changing is trusted less
_DEVIATION_MIN, _DEVIATION_MAX = 0.6, 24.0
_SAME_LEVELS = 7.0  # two values of the second layer closer than this are one
_OVER_RATE = 8.0
_SETTLED_MAX_S = 30.0
_WHITE = 248.0
_EXPOSURE_S = 40.0
_DROP_LEVELS, _RAINS_SHARE, _RAIN_S = 18, 0.005, 1.5
_CELLS = (16, 9)
_LIGHT_S = 0.6  # how fast light that spreads is followed
_DARK_LEVEL = 4.0  # of a cell's mean; what is darker, or all foreground, says nothing of light
_SHIFT_LEAST_PX = 0.08
_TRUST = 0.8  # of a measured shift
_SHIFT_MAX_SHARE = 0.03
_SLOPES_EVERY_S = 1.0
_SLOPE_LEAST = 0.5


def shrink(luma: Luma, long_side_px: int = LONG_SIDE_PX) -> Luma:
    """The picture with its longer side at most `long_side_px`, each pixel a mean."""
    high, wide = luma.shape
    by = long_side_px / max(high, wide)
    if by >= 1:
        return luma
    size = (max(8, round(wide * by)), max(8, round(high * by)))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


class _Drying:
    """Takes rain and snow out: what is bright in one picture only, when the air is full of it. The
    price is that who walks is shown a picture later."""

    def __init__(self) -> None:
        self._last: deque[Luma] = deque(maxlen=2)
        self._drops = 0.0  # share of the picture

    def update(self, luma: Luma, step_s: float) -> Luma:
        """The picture, or the median of the last three where it rains."""
        if len(self._last) < 2:
            self._last.append(luma)
            return luma
        older, last = self._last
        alone = cv.subtract(last, cv.max(older, luma))  # no less than 0
        drops = cv2.countNonZero(cv.compare(alone, _DROP_LEVELS, cv2.CMP_GT)) / luma.size
        self._drops += min(1.0, step_s / _RAIN_S) * (drops - self._drops)
        self._last.append(luma)
        if self._drops < _RAINS_SHARE:
            return luma
        low, high = cv.min(older, last), cv.max(older, last)
        return np.asarray(cv.max(low, cv.min(high, luma)), np.uint8)


class Background:
    """Feed pictures of one size in order of time; read `foreground` and `settled_s` after each."""

    def __init__(self, first: Luma) -> None:
        self._dry = _Drying()
        self.now: Plane = _smooth(first)
        self.mean: Plane = self.now.copy()
        self.deviation: Plane = np.full_like(self.mean, 3.0)
        self.foreground: Mask = np.zeros(first.shape, np.uint8)
        self._raised = self.foreground
        self.layer: Plane = self.now.copy()
        self.held: Mask = np.zeros(first.shape, np.uint8)  # where nothing may be learned
        self.settled_s: Plane = np.zeros_like(self.mean)
        self.raised_s: Plane = np.zeros_like(self.mean)  # how long each pixel has differed
        self.gain = 1.0
        self._light: Plane = np.ones(_CELLS[::-1], np.float32)  # beside the gain, place by place
        self.shift_px = (0.0, 0.0)  # of the picture against the empty scene
        self.age_s = 0.0
        self._slopes: tuple[Plane, Plane] | None = None
        self._sloped_s = 0.0

    def update(self, luma: Luma, step_s: float) -> None:
        """Take the next picture, `step_s` after the last one."""
        self.age_s += step_s
        smooth = _smooth(self._dry.update(luma, step_s))
        raw = self._in_place(smooth)
        self.gain = _gain(raw, self.mean, self.gain)
        self.now = self._in_light(raw)
        if self._follow_shift():
            self.now = self._in_light(self._in_place(smooth))
        self._rebase(step_s)
        # What one exposure shows as plain white is not compared in another.
        white = _WHITE / max(1.0, self.gain)
        difference = cv.absdiff(cv.min(self.now, white), cv.min(self.mean, white))
        limit = cv.addWeighted(self.deviation, _DEVIATIONS, self.mean, _LIMIT_SHARE, _FLOOR_LEVELS)
        raised = cv.compare(difference, limit, cv2.CMP_GT)
        self._clear_rim(raised)
        before, self._raised = self._raised, raised
        # Where the mask is 0, OpenCV leaves 0 in a new array: a new count begins.
        self.raised_s = np.asarray(cv.add(self.raised_s, step_s, mask=raised), np.float32)
        # A drop of rain is somewhere else in the next picture; who walks is still near.
        twice = cv.bitwise_and(raised, cv.dilate(before, _NEAR))
        self.foreground = np.asarray(cv2.morphologyEx(twice, cv2.MORPH_OPEN, _CROSS), np.uint8)
        calm = cv.bitwise_not(cv.dilate(cv.bitwise_or(self.foreground, raised), _SQUARE))
        self._learn(difference, raised, before, step_s)
        self._follow_light(calm, step_s)
        self._settle(raised, step_s)

    def _in_light(self, raw: Plane) -> Plane:
        """The picture as it would be in the empty scene's exposure and light."""
        even = cv.resize(self._light, (raw.shape[1], raw.shape[0]), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv.divide(raw, even, scale=1.0 / self.gain), np.float32)

    def _follow_light(self, calm: Mask, step_s: float) -> None:
        """Light that spreads over the scene changes it by a factor that differs little from one
        place to the next: the ratio of what is no foreground, cell by cell, smoothed."""
        now = cv.resize(cv.bitwise_and(self.now, self.now, mask=calm), _CELLS, interpolation=_AREA)
        then = cv.resize(
            cv.bitwise_and(self.mean, self.mean, mask=calm), _CELLS, interpolation=_AREA
        )
        now, then = cv.GaussianBlur(now, (3, 3), 0), cv.GaussianBlur(then, (3, 3), 0)
        ratio = np.where(then > _DARK_LEVEL, now / np.maximum(then, 1.0), 1.0)
        rate = min(1.0, step_s / _LIGHT_S)
        self._light *= 1 + rate * (np.clip(ratio, 0.8, 1.25).astype(np.float32) - 1)
        np.clip(self._light, 0.4, 2.5, out=self._light)

    def _in_place(self, raw: Plane) -> Plane:
        dx, dy = self.shift_px
        if abs(dx) + abs(dy) < _SHIFT_LEAST_PX:
            return raw
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (raw.shape[1], raw.shape[0])
        return np.asarray(
            cv2.warpAffine(raw, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        )

    def _clear_rim(self, mask: Mask) -> None:
        """Where a shifted picture has no pixels, nothing is compared."""
        dx, dy = (int(np.sign(v) * np.ceil(abs(v) + 1)) for v in self.shift_px)
        if abs(self.shift_px[0]) > _SHIFT_LEAST_PX:
            mask[:, -dx if dx > 0 else 0 : None if dx > 0 else -dx] = 0
        if abs(self.shift_px[1]) > _SHIFT_LEAST_PX:
            mask[-dy if dy > 0 else 0 : None if dy > 0 else -dy, :] = 0

    def _follow_shift(self) -> bool:
        """One step of Lucas and Kanade for the whole picture, on what is not foreground; whether
        this picture must be laid anew."""
        if self._slopes is None or self.age_s - self._sloped_s > _SLOPES_EVERY_S:
            self._slopes = (
                np.asarray(cv2.Sobel(self.mean, cv2.CV_32F, 1, 0, scale=0.125)),
                np.asarray(cv2.Sobel(self.mean, cv2.CV_32F, 0, 1, scale=0.125)),
            )
            self._sloped_s = self.age_s
        sx, sy = self._slopes
        change = cv.subtract(self.now, self.mean)
        hidden = cv.dilate(self.foreground, _SQUARE)
        change[hidden > 0] = 0
        change = cv.max(cv.min(change, 30.0), -30.0)
        xx, xy, yy = float(np.vdot(sx, sx)), float(np.vdot(sx, sy)), float(np.vdot(sy, sy))
        solvable = xx * yy - xy * xy
        if solvable < (_SLOPE_LEAST * sx.size) ** 2:
            return False  # nothing to hold on to
        xt, yt = float(np.vdot(sx, change)), float(np.vdot(sy, change))
        dx = -(yy * xt - xy * yt) / solvable
        dy = -(xx * yt - xy * xt) / solvable
        far = _SHIFT_MAX_SHARE * max(self.mean.shape)
        self.shift_px = (
            min(max(self.shift_px[0] + _TRUST * min(max(dx, -1.0), 1.0), -far), far),
            min(max(self.shift_px[1] + _TRUST * min(max(dy, -1.0), 1.0), -far), far),
        )
        return abs(dx) + abs(dy) > _SHIFT_LEAST_PX

    def _rebase(self, step_s: float) -> None:
        """Follow a lasting change of exposure slowly: at dusk the old one means little."""
        by = self.gain ** (step_s / _EXPOSURE_S)
        if abs(by - 1) > 1e-4:
            for plane in (self.mean, self.layer, self.now):
                cv.multiply(plane, by, dst=plane)
            self.gain /= by

    def _learn(self, difference: Plane, raised: Mask, before: Mask, step_s: float) -> None:
        calm = cv.bitwise_not(cv.bitwise_or(cv.dilate(self.foreground, _SQUARE), self.held))
        first = self.age_s < _FIRST_S
        rate = step_s / (step_s + self.age_s) if first else step_s / _LEARN_S
        cv.accumulateWeighted(self.now, self.mean, rate, mask=calm)
        # One value far out must not widen the limit; many of them, coming and going, must.
        clipped = cv.min(difference, cv.multiply(self.deviation, 3.0, dtype=cv2.CV_32F))
        cv.accumulateWeighted(clipped, self.deviation, rate, mask=calm)
        flicker = cv.bitwise_and(raised, cv.bitwise_not(cv.bitwise_or(before, self.held)))
        wide = cv.min(difference, _DEVIATION_MAX)
        cv.accumulateWeighted(wide, self.deviation, 2.5 * step_s / _RESTLESS_S, mask=flicker)
        cv.max(self.deviation, _DEVIATION_MIN, dst=self.deviation)

    def _settle(self, raised: Mask, step_s: float) -> None:
        """Advance the second layer; see the module."""
        off = cv.absdiff(self.now, self.layer)
        same = cv.compare(off, cv.add(self.deviation, _SAME_LEVELS), cv2.CMP_LE)
        holds = cv.bitwise_and(same, raised)
        cv.accumulateWeighted(self.now, self.layer, 0.2, mask=holds)
        # Hidden behind a passer-by it waits; where the empty scene shows again it is soon over,
        # though not at once: for a moment a coat or a lamp may look like the empty scene.
        fade = cv.bitwise_or(raised, same)
        faded = cv.subtract(self.settled_s, _OVER_RATE * step_s)
        cv.subtract(self.settled_s, step_s, dst=faded, mask=fade)
        cv.add(self.settled_s, step_s, dst=faded, mask=holds)
        self.settled_s = np.asarray(cv.min(cv.max(faded, 0.0), _SETTLED_MAX_S), np.float32)
        free = cv.compare(self.settled_s, 1e-6, cv2.CMP_LE)
        cv.copyTo(self.now, free, self.layer)

    def absorb(self, mask: Mask) -> None:
        """What is seen now under `mask` is the empty scene from here on."""
        where = mask.astype(bool)
        np.copyto(self.mean, self.now, where=where)
        self.foreground[where] = 0
        self.settled_s[where] = 0.0
        self.raised_s[where] = 0.0

    def restart(self) -> None:
        """Everything that is seen now is the empty scene: the light was switched, the camera
        turned."""
        self.mean = self.now.copy()
        self.deviation[:] = 4.0
        self.foreground[:] = 0
        self.settled_s[:] = 0.0
        self.raised_s[:] = 0.0
        self.age_s = 0.0
        self._light[:] = 1.0
        self.held[:] = 0
        self._slopes = None


_AREA = cv2.INTER_AREA
_NEAR = cv2.getStructuringElement(cv2.MORPH_RECT, (9, 9))
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 5))


def _smooth(luma: Luma) -> Plane:
    return np.asarray(cv2.GaussianBlur(luma, (3, 3), 0).astype(np.float32))


def _gain(raw: Plane, mean: Plane, last: float) -> float:
    """By how much the whole picture is brighter than the background: the median over a sparse
    grid, which anything smaller than half the picture cannot move."""
    now, then = raw[3::6, 3::6].ravel(), mean[3::6, 3::6].ravel()
    usable = (then > 12) & (now > 8) & (now < 245) & (then * last < 245)
    if np.count_nonzero(usable) < 100:
        return last
    return float(np.clip(np.median(now[usable] / then[usable]), 0.25, 4.0))
