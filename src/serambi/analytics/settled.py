"""Things that came to rest: left behind, taken away, parked, standing, or only light.

What tells them apart is physics, in this order:
- light keeps the ground's texture or has no sharp border;
- of a thing taken away the empty scene shows the border, not the picture of now;
- whoever stands still sways: the pixels around the quiet core keep changing;
- what walked or drove up and stopped is the size of what came, and nothing went away from it;
  what was left is smaller than who brought it, and that one is gone.
What does not belong here: zones, thresholds, alerts (see zones.py).
"""

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from serambi.analytics.background import Background, Mask, cv
from serambi.analytics.blobs import OWN_BORDER, Blob, Box, Look, find_blobs, look, overlap
from serambi.analytics.tracks import Tracker
from serambi.analytics.visits import gap, usual_height, visit_of

SMALLEST_PX = 20
_FROM_S = 1.5  # younger than this, nothing is said to rest
_LARGEST_SHARE = 0.25  # of the picture; what is larger is no object
_LARGEST_LEFT = 0.07  # a thing that one leaves, as a share of the picture
_LARGEST_ALONE = 0.025  # and one that nobody was seen to bring
_UPRIGHT = 1.7
_ARM = 0.4  # of somebody's height
_SMALLER = 1.15  # who brings a thing is taller than it by this factor
_MATURE_S = 6.0  # the empty scene must have been known this long
_LIVELY = 1.55  # connected foreground beyond this many times the resting area moves
_ATTACHED = 2.2
_PIECE = 3.0  # and beyond this it is a piece of what moves
_GRADUAL_S = 1.5
_CLEAR = 0.25  # what nobody brought must have a border at least this sharp
_PERSON_TALL = 0.68
_WAVERS = 1.9  # gray levels
_STEADY = 0.72  # likeness of the resting region's shape from one look to the next
_KEPT_S = 600.0  # a left object is the scene's own after this
_PARKED_S = 150.0  # and what stopped by itself after this
_GONE_LOOKS = 3
_BELIEVED_S = 3.0


class Nature(Enum):
    """What a resting thing is."""

    UNSURE = "unsure"
    LIGHT = "light"
    LEFT = "left"
    REMOVED = "removed"
    ALIVE = "alive"
    ARRIVED = "arrived"  # came and stopped by itself, or went by itself


#: Natures that are neither people nor vehicles, and how long until that is believed.
_LIFELESS = {Nature.LIGHT: 1.0, Nature.LEFT: 8.0, Nature.REMOVED: 2.0}


@dataclass(slots=True)
class Resting:
    """One resting region. `age_s` counts from `since_s`; `sure_s` how long its nature has held."""

    blob: Blob
    since_s: float
    nature: Nature = Nature.UNSURE
    seen: Look | None = None
    sure_s: float = 0.0
    doubts: int = 0  # looks in a row that said otherwise
    lively: float = 1.0
    steady: float = 0.8
    missing: int = 0
    startled: bool = False  # the light changed when it came
    restless: bool = False  # what the empty scene shows here had wavered
    gradual: bool = False  # it grew over seconds
    young_scene: bool = False  # the empty scene was hardly known when it came
    tall_px: float = 0.0  # with what hangs together with it and hardly differs

    def age_s(self, now_s: float) -> float:
        return now_s - self.since_s

    @property
    def confidence(self) -> float:
        """0..1, from how clear the border is, how quiet it lies and how long that has held."""
        if self.seen is None:
            return 0.0
        clear = min(1.0, self.seen.sharp / 0.5)
        quiet = min(1.0, max(0.0, (self.steady - 0.5) / 0.4))
        return round(0.4 + 0.25 * clear + 0.2 * quiet + 0.15 * min(1.0, self.sure_s / 10), 2)


class RestingThings:
    """Call `update` about once a second; read `things`."""

    def __init__(self) -> None:
        self.things: list[Resting] = []
        self._startled_s = -1e9
        self._gain = 1.0

    def startle(self, now_s: float) -> None:
        """Light changed all over the picture: what comes now needs somebody who brought it."""
        self._startled_s = now_s

    def forget(self) -> None:
        self.things = []

    def update(
        self, scene: Background, moving: list[Blob], tracker: Tracker, now_s: float, step_s: float
    ) -> None:
        """Look at everything that rests; `moving` are the blobs of this picture, `step_s` the
        time since the last look."""
        if abs(scene.gain - self._gain) > 0.12 * self._gain:
            self.startle(now_s)
        self._gain += 0.3 * (scene.gain - self._gain)
        found = find_blobs(_resting_mask(scene), SMALLEST_PX, join=False)
        self._match(found, moving, scene, now_s)
        for thing in self.things:
            if not thing.missing:
                _judge(thing, scene, moving, tracker, self.things, now_s, step_s)
        for thing in [t for t in self.things if _is_scenery(t, scene.gain, now_s)]:
            _absorb(thing, scene)
            self.things.remove(thing)
        # Who stands there, pale and swaying, must not seep into the empty scene.
        held = [t.blob for t in self.things if t.nature is not Nature.LIGHT]
        scene.held = _mask_of(held, scene.mean.shape)

    def quiet_mask(self, shape: tuple[int, ...]) -> Mask:
        """Where differing pixels are neither people nor vehicles."""
        return _mask_of(
            [
                t.blob
                for t in self.things
                if t.nature in _LIFELESS and t.sure_s >= _LIFELESS[t.nature]
            ],
            shape,
        )

    def _match(
        self, found: list[Blob], moving: list[Blob], scene: Background, now_s: float
    ) -> None:
        high, wide = scene.mean.shape
        free = [b for b in found if b.area_px < _LARGEST_SHARE * high * wide]
        for thing in self.things:
            best = max(free, key=lambda b: _shape_likeness(thing.blob, b), default=None)
            alike = _shape_likeness(thing.blob, best) if best is not None else 0.0
            if best is None or alike < 0.2:
                thing.missing += 1
                continue
            free.remove(best)
            thing.missing = 0
            thing.steady += 0.2 * (alike - thing.steady)
            thing.blob = best
        self.things = [t for t in self.things if t.missing < _GONE_LOOKS]
        for blob in free:
            if any(overlap(blob.box, t.blob.box) > 0.5 for t in self.things):
                continue  # a part of what is already looked at
            if _around(blob, moving) > _PIECE * blob.area_px:
                continue  # a quiet piece of somebody
            rested = _inside(scene.settled_s, blob)
            since = now_s - float(np.percentile(rested, 60))
            self.things.append(
                Resting(
                    blob,
                    since,
                    startled=abs(since - self._startled_s) < 4.0,
                    restless=_wavered(scene, blob),
                    gradual=float(np.median(_inside(scene.raised_s, blob) - rested)) > _GRADUAL_S,
                    young_scene=scene.age_s - (now_s - since) < _MATURE_S,
                )
            )


def _mask_of(blobs: list[Blob], shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, np.uint8)
    for blob in blobs:
        left, top, right, bottom = blob.box
        part = mask[top:bottom, left:right]
        np.maximum(part, blob.mask, out=part)
    return np.asarray(cv2.dilate(mask, _SQUARE), np.uint8)


def _resting_mask(scene: Background) -> Mask:
    """Where the second layer has held for a while and differs from the empty scene; a passer-by
    in front does not change that."""
    apart = cv.absdiff(scene.layer, scene.mean)
    limit = cv2.addWeighted(scene.deviation, 3.0, scene.mean, 0.02, 4.5)
    differs = cv.compare(apart, limit, cv2.CMP_GT)
    rests = cv.compare(scene.settled_s, _FROM_S, cv2.CMP_GE)
    both = cv.bitwise_and(differs, rests)
    return np.asarray(cv2.morphologyEx(both, cv2.MORPH_CLOSE, _SQUARE), np.uint8)


def _judge(
    thing: Resting,
    scene: Background,
    moving: list[Blob],
    tracker: Tracker,
    others: list[Resting],
    now_s: float,
    step_s: float,
) -> None:
    around = max(_around(thing.blob, moving), _company(thing.blob, moving, scene))
    # Bounded, so that one who passes by is soon forgotten.
    company = min(max(1.0, around / max(1, thing.blob.area_px)), 2.6)
    thing.lively += 0.25 * (company - thing.lively)
    thing.seen = look(thing.blob, scene.layer, scene.mean)
    thing.tall_px = _whole_height(thing.blob, scene)
    nature = _nature(thing, scene, tracker, now_s)
    if _vanished(thing.blob, scene) or (
        nature in (Nature.LEFT, Nature.REMOVED) and _attended(thing, others, tracker, now_s)
    ):
        nature = Nature.UNSURE
    if nature is thing.nature:
        thing.sure_s, thing.doubts = thing.sure_s + step_s, 0
        return
    # One look may fall on somebody who passes, or on a headlight.
    thing.doubts += 1
    if thing.sure_s < _BELIEVED_S or thing.doubts >= 2:
        thing.nature, thing.sure_s, thing.doubts = nature, 0.0, 0


def _nature(thing: Resting, scene: Background, tracker: Tracker, now_s: float) -> Nature:
    seen, box = thing.seen, thing.blob.box
    if seen is None or thing.age_s(now_s) < _FROM_S:
        return Nature.UNSURE
    if seen.only_light:
        return Nature.LIGHT if thing.lively < _ATTACHED else Nature.ALIVE
    if thing.lively > _LIVELY or thing.steady < _STEADY:
        return Nature.ALIVE
    visit = visit_of(box, thing.since_s, tracker)
    # What set out from here drove off, if nothing is here now; else it left this behind, whoever
    # lost sight of its coming.
    if (visit.set_out and seen.ghost) or (visit.stayed and not seen.ghost):
        return Nature.ARRIVED
    alone = not (visit.came_and_went or visit.stayed or visit.set_out)
    upright = thing.tall_px > _UPRIGHT * (box[2] - box[0])
    if alone:
        alike = seen.texture > 1.2 and seen.likeness > 0.45 and seen.sharp < OWN_BORDER
        if thing.gradual or seen.sharp < _CLEAR or alike:
            return Nature.LIGHT
        if thing.startled or upright:
            return Nature.UNSURE
    if seen.ghost and alone and (thing.young_scene or thing.restless):
        return Nature.LIGHT  # somebody who stood there when we began to look
    none = Nature.ARRIVED if seen.ghost else Nature.UNSURE  # of a ghost nothing is left to doubt
    tall = thing.tall_px
    largest = _LARGEST_ALONE if alone else _LARGEST_LEFT
    if thing.blob.area_px > largest * scene.mean.size:
        return none
    if not alone and visit.tall_px < _SMALLER * tall:
        return none  # nobody carries what is as large as he is
    usual = usual_height(box, tracker)
    if usual and tall > max(_PERSON_TALL * usual, 0.8 * (box[2] - box[0])):
        return none  # as tall as those who pass here: rather somebody than something
    return Nature.REMOVED if seen.ghost else Nature.LEFT


def _vanished(blob: Blob, scene: Background) -> bool:
    """The empty scene shows again where it was; what rested is remembered a little longer."""
    left, top, right, bottom = blob.box
    still = cv.absdiff(scene.now, scene.mean)[top:bottom, left:right]
    usual = cv.absdiff(scene.layer, scene.mean)[top:bottom, left:right]
    return float(np.mean((still < 0.5 * usual)[blob.mask > 0])) > 0.6


def _attended(thing: Resting, others: list[Resting], tracker: Tracker, now_s: float) -> bool:
    """Somebody is within arm's length: then it is his, or a part of him."""
    box = thing.blob.box
    people = [
        t.box
        for t in tracker.tracks
        if t.real() and now_s - t.seen_s < 0.5 and _tall(t.box) > _SMALLER * thing.tall_px
    ]
    people += [
        o.blob.box for o in others if o is not thing and o.nature in (Nature.ARRIVED, Nature.ALIVE)
    ]
    return any(gap(person, box) < _ARM * _tall(person) for person in people)


def _tall(box: Box) -> int:
    return box[3] - box[1]


def _whole_height(blob: Blob, scene: Background) -> int:
    """Its height with what hangs together with it and differs only a little: the pale half of
    somebody before a pale wall."""
    left, top, right, bottom = blob.box
    high, wide = bottom - top, right - left
    x0, y0 = max(0, left - wide // 2), max(0, top - 3 * high)
    part = slice(y0, bottom + high // 2), slice(x0, right + wide // 2)
    apart = cv.GaussianBlur(cv.absdiff(scene.layer[part], scene.mean[part]), (5, 5), 0)
    noise = float(np.median(scene.deviation[::6, ::6]))  # people nearby make the local one large
    limit = cv.multiply(scene.mean[part], 0.01)
    differs = cv.compare(apart, cv.add(limit, 2.0 + 1.3 * noise), cv2.CMP_GT)
    differs[top - y0 : bottom - y0, left - x0 : right - x0] |= blob.mask
    count, labels, stats, _ = cv2.connectedComponentsWithStats(differs)
    own = labels[top - y0 : bottom - y0, left - x0 : right - x0][blob.mask > 0]
    label = int(np.bincount(own, minlength=count).argmax())
    return int(stats[label, cv2.CC_STAT_HEIGHT])


def _wavered(scene: Background, blob: Blob) -> bool:
    """Around the region the empty scene is less steady than elsewhere: no thing, somebody."""
    mask = np.zeros(scene.mean.shape, np.uint8)
    left, top, right, bottom = blob.box
    mask[top:bottom, left:right] = blob.mask
    ring = cv2.subtract(cv2.dilate(mask, _WIDE), cv2.erode(mask, _SQUARE)) > 0
    return float(np.median(scene.deviation[ring]) - np.median(scene.deviation)) > _WAVERS


def _is_scenery(thing: Resting, gain: float, now_s: float) -> bool:
    """Whether it belongs to the empty scene from now on."""
    age = thing.age_s(now_s)
    if thing.nature is Nature.LIGHT:
        # In another exposure one cannot tell light from what the exposure did.
        return thing.sure_s >= 1.5 and 0.9 < gain < 1.1
    if thing.nature is Nature.LEFT:
        return age > _KEPT_S
    if thing.nature is Nature.REMOVED:
        return age > 60.0
    if thing.nature is Nature.ARRIVED and thing.seen is not None and thing.seen.ghost:
        return thing.sure_s >= 2.0
    return age > _PARKED_S


def _absorb(thing: Resting, scene: Background) -> None:
    mask = np.zeros(scene.mean.shape, np.uint8)
    left, top, right, bottom = thing.blob.box
    mask[top:bottom, left:right] = thing.blob.mask
    scene.absorb(np.asarray(cv2.dilate(mask, _SQUARE), np.uint8))


def _shape_likeness(a: Blob, b: Blob) -> float:
    """Intersection over union of two masks."""
    left, top = max(a.box[0], b.box[0]), max(a.box[1], b.box[1])
    right, bottom = min(a.box[2], b.box[2]), min(a.box[3], b.box[3])
    if right <= left or bottom <= top:
        return 0.0

    def part(blob: Blob) -> Mask:
        x, y = blob.box[:2]
        return blob.mask[top - y : bottom - y, left - x : right - x]

    common = cv2.countNonZero(cv2.bitwise_and(part(a), part(b)))
    total = cv2.countNonZero(a.mask) + cv2.countNonZero(b.mask) - common
    return common / max(1, total)


def _around(blob: Blob, moving: list[Blob]) -> int:
    """Area of the foreground that hangs together with a resting region."""
    return sum(b.area_px for b in moving if _touches(b, blob))


def _company(blob: Blob, moving: list[Blob], scene: Background) -> int:
    """Differing pixels around a region, mostly above it: the rest of somebody, if there are."""
    foreground = cv2.bitwise_and(scene.foreground, _mask_of(moving, scene.foreground.shape))
    left, top, right, bottom = blob.box
    wide, high = right - left, bottom - top
    x0, x1 = max(0, left - wide * 3 // 4), right + wide * 3 // 4
    y0, y1 = max(0, top - 5 * high // 2), bottom + high
    own = cv2.bitwise_and(foreground[top:bottom, left:right], blob.mask)
    rest = cv2.countNonZero(foreground[y0:y1, x0:x1]) - cv2.countNonZero(own)
    return blob.area_px + max(0, rest)


def _touches(a: Blob, b: Blob) -> bool:
    return overlap(a.box, b.box) > 0 and _shape_likeness(a, b) > 0


def _inside(plane: "np.typing.NDArray[np.float32]", blob: Blob) -> "np.typing.NDArray[np.float32]":
    left, top, right, bottom = blob.box
    return np.asarray(plane[top:bottom, left:right][blob.mask > 0], np.float32)


_WIDE = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 5))
_SQUARE = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
