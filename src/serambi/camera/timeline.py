"""Times of a camera made fit for a file: dts that only rises, pts not far from it.

Cameras repeat timestamps, step their clock and jump (QUIRKS: moonfire-nvr#352, #36; frigate
#8007). A step is replaced by the usual distance between pictures, so that nothing is lost.
"""

from fractions import Fraction

_TIMESCALE = 90_000
_JUMP_MAX = 10 * _TIMESCALE
_REORDER_MAX = 2 * _TIMESCALE
_NOMINAL = _TIMESCALE // 25


class Timeline:
    """Turns a camera's times into 90 kHz from zero."""

    def __init__(self) -> None:
        self.repaired = 0
        self._offset: int | None = None
        self._last = 0
        self._step = _NOMINAL

    def place(self, pts: int | None, dts: int | None, base: Fraction) -> tuple[int, int]:
        """(pts, dts) of the next picture; times are given in units of `base` seconds."""
        given = dts if dts is not None else pts
        if given is None:
            return self._repair(0)
        at = round(given * base * _TIMESCALE)
        delay = 0 if pts is None else round(pts * base * _TIMESCALE) - at
        if not -_REORDER_MAX <= delay <= _REORDER_MAX:
            delay = 0
        if self._offset is None:
            self._last += self._step if self.repaired else 0
            self._offset = at - self._last
            return self._last + delay, self._last
        moved = at - self._offset
        if dts is None and 0 <= self._last - moved <= _REORDER_MAX:
            # Without dts a step back within reach is a picture out of order: shown at its time.
            self._last += 1
            return moved, self._last
        if not self._last < moved <= self._last + _JUMP_MAX:
            # Go on as usual from here; later times count from the camera's new clock.
            self._offset = at - (self._last + self._step)
            return self._repair(delay)
        self._step = moved - self._last
        self._last = moved
        return moved + delay, moved

    def _repair(self, delay: int) -> tuple[int, int]:
        self.repaired += 1
        self._last += self._step
        return self._last + delay, self._last
