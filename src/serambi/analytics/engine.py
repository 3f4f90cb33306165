"""One camera's analysis: pictures with their times in, events out. Pure: no clock, no threads.

About five pictures a second are enough, and they may come unevenly. What does not belong here:
decoding (media/pyav.py), who may be told (agreement/decide.py).
"""

from collections import deque

import cv2
import numpy as np

from serambi.analytics.background import LONG_SIDE_PX, Background, Luma, Mask, shrink
from serambi.analytics.blobs import Blob, find_blobs, look
from serambi.analytics.events import WHOLE, Event
from serambi.analytics.grid import GridSecond, MotionGrid
from serambi.analytics.rules import Rules
from serambi.analytics.settled import RestingThings
from serambi.analytics.tamper import Tamper
from serambi.analytics.tracks import Tracker
from serambi.analytics.zones import Book, Picture, watchers

EVERY_S = 0.2

_SMALLEST_SHARE = 0.0007  # of the picture: about 40 pixels
_LOOK_EVERY_S = 0.9  # at resting things
_STEP_MAX_S = 2.0
_ALL_CHANGED = 0.55
_RESTART_S = 7.0
_SECONDS_KEPT = 120
_FIRST_S = 3.0


class Engine:
    """Feed `update`; what `rules` describe comes back as events, each when it begins and again
    when it ends. All pictures have one shape."""

    def __init__(self, rules: Rules) -> None:
        self._watchers = watchers(rules)
        self._book = Book()
        self._grid = MotionGrid()
        self._seconds: deque[GridSecond] = deque(maxlen=_SECONDS_KEPT)
        self._scene: Background | None = None
        self._tracker = Tracker((1, 1))
        self._resting = RestingThings()
        self._tamper = next((Tamper() for s in rules.settings if s.rule == "tamper"), None)
        self._last_s = 0.0
        self._looked_s = -1e9
        self._changed_since_s: float | None = None
        self._tampered = False

    def update(self, luma: Luma, t_s: float, minute: int | None = None) -> list[Event]:
        """Take the picture of time `t_s` (seconds, never backwards; `minute` of the local day for
        rules with hours). A copy is made of what is kept."""
        small = shrink(luma, LONG_SIDE_PX)
        if self._scene is None or self._scene.mean.shape != small.shape:
            self._scene = Background(small)
            self._tracker = Tracker((small.shape[1], small.shape[0]))
            self._last_s = t_s
            return []
        step = min(max(t_s - self._last_s, 1e-3), _STEP_MAX_S)
        self._last_s = t_s
        self._scene.update(small, step)
        second = self._grid.add(self._scene.foreground, t_s)
        if second is not None:
            self._seconds.append(second)
        if self._tamper is not None:
            self._tamper.notice(small, step)
        if t_s - self._looked_s >= _LOOK_EVERY_S:
            self._look(luma, self._scene, t_s)
        self._follow(self._scene, t_s, minute)
        return self._book.take()

    def take_seconds(self) -> list[GridSecond]:
        """Motion grids of the seconds that are over since this was last asked; the latest
        _SECONDS_KEPT when it was not asked for long."""
        seconds = list(self._seconds)
        self._seconds.clear()
        return seconds

    def finish(self) -> list[Event]:
        """The pictures have ended, and with them whatever was open."""
        for key in list(self._book.open):
            self._book.end(key, self._last_s)
        return self._book.take()

    def _look(self, luma: Luma, scene: Background, t_s: float) -> None:
        """What need not be asked of every picture."""
        past = min(t_s - self._looked_s, _STEP_MAX_S)
        self._looked_s = t_s
        moving = _solid(find_blobs(scene.foreground, _smallest(scene) // 2), scene)
        self._resting.update(scene, moving, self._tracker, t_s, past)
        if self._tamper is None:
            return
        found = self._tamper.look(luma, scene, self._tracker, t_s)
        for kind, since_s in found.items():
            self._book.begin(("tamper", kind), Event("tamper", t_s, since_s, WHOLE, 0.9, "", kind))
        for key in [k for k in self._book.open if k[0] == "tamper" and k[1] not in found]:
            self._book.end(key, t_s)
        if self._tampered and not found:
            self._restart(scene)
        self._tampered = bool(found)

    def _follow(self, scene: Background, t_s: float, minute: int | None) -> None:
        high, wide = scene.mean.shape
        smallest = _smallest(scene)
        if self._everything_changed(scene, t_s):
            return
        foreground = scene.foreground
        quiet = self._resting.quiet_mask(foreground.shape)
        alive = cv2.bitwise_and(foreground, cv2.bitwise_not(quiet))
        blobs = _solid(find_blobs(np.asarray(alive, np.uint8), smallest), scene)
        self._tracker.update(blobs, t_s)
        if scene.age_s < _FIRST_S or self._tampered:
            return  # what is seen is not known yet, or not what the rules were drawn for
        picture = Picture(
            t_s, (wide, high), blobs, self._tracker.tracks, self._resting.things, minute
        )
        for watcher in self._watchers:
            watcher(picture, self._book)

    def _everything_changed(self, scene: Background, t_s: float) -> bool:
        """The light was switched or the camera turned: begin anew once that has lasted."""
        share = cv2.countNonZero(scene.foreground) / scene.foreground.size
        if share > 0.3:
            self._resting.startle(t_s)
        if share < _ALL_CHANGED:
            self._changed_since_s = None
            return False
        if self._changed_since_s is None:
            self._changed_since_s = t_s
        if t_s - self._changed_since_s >= _RESTART_S:
            self._restart(scene)
        return True

    def _restart(self, scene: Background) -> None:
        """What is seen now is the empty scene."""
        scene.restart()
        self._resting.forget()
        self._tracker.forget()
        self._changed_since_s = None


def _smallest(scene: Background) -> int:
    return max(24, round(_SMALLEST_SHARE * scene.mean.size))


def _solid(blobs: list[Blob], scene: Background) -> list[Blob]:
    """Without those that are only light."""
    return [b for b in blobs if not look(b, scene.now, scene.mean).soft]


__all__ = ["EVERY_S", "Engine", "Mask"]
