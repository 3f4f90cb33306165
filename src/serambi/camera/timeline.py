"""Times of a camera made fit for a file: dts that only rises, pts not far from it.

Cameras repeat timestamps, step their clock and jump (QUIRKS: moonfire-nvr#352, #36; frigate
#8007). A step is replaced by the usual distance between pictures, so that nothing is lost.
"""

from fractions import Fraction

TIMESCALE = 90_000
_JUMP_MAX = 10 * TIMESCALE
_REORDER_MAX = 2 * TIMESCALE
_REORDER_PICTURES = 16  # as many as a decoder may hold back
_NOMINAL = TIMESCALE // 25


class Timeline:
    """Turns a camera's times into 90 kHz from zero."""

    def __init__(self) -> None:
        self.repaired = 0
        self._offset: int | None = None
        self._last = 0
        self._step = _NOMINAL

    def place(
        self, pts: int | None, dts: int | None, base: Fraction | None = None
    ) -> tuple[int, int]:
        """(pts, dts) of the next picture; times are given in units of `base` seconds, or in 90 kHz
        when there is none. Without `dts` it follows from the order of the pictures."""
        if base is not None:
            pts = None if pts is None else round(pts * base * TIMESCALE)
            dts = None if dts is None else round(dts * base * TIMESCALE)
        at = dts if dts is not None else pts
        if at is None:
            return self._repair(0)
        delay = 0 if pts is None else pts - at
        if not -_REORDER_MAX <= delay <= _REORDER_MAX:
            delay = 0
        if self._offset is None:
            self._last += self._step if self.repaired else 0
            self._offset = at - self._last
            return self._last + delay, self._last
        moved = at - self._offset
        if self._last < moved <= self._last + _JUMP_MAX:
            self._step = moved - self._last
            self._last = moved
            return moved + delay, moved
        within = min(_REORDER_MAX, _REORDER_PICTURES * self._step)
        if dts is None and 0 < self._last - moved <= within:
            # Without dts a step back within reach is a picture out of order: shown at its time.
            self._last += 1
            return moved, self._last
        # Go on as usual from here; later times count from the camera's new clock.
        self._offset = at - (self._last + self._step)
        return self._repair(delay)

    def _repair(self, delay: int) -> tuple[int, int]:
        self.repaired += 1
        self._last += self._step
        return self._last + delay, self._last
