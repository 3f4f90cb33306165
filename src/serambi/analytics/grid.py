"""Where something moved, second by second, coarse enough to keep beside the index for years.

A region drawn later is searched in these grids without decoding a picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serambi.analytics.background import Mask

COLUMNS, ROWS = 32, 18
GRID_BYTES = COLUMNS * ROWS


@dataclass(frozen=True, slots=True)
class GridSecond:
    """One second: `cells` are ROWS x COLUMNS bytes, row by row, each the largest share of a cell
    (0 to 255) that differed from the empty scene in any picture of that second."""

    second: int
    cells: bytes

    def moved_in(self, box: tuple[float, float, float, float], least: int = 25) -> bool:
        """Whether any cell under a box (shares of width and height) reached `least`."""
        grid = np.frombuffer(self.cells, np.uint8).reshape(ROWS, COLUMNS)
        left, top = int(box[0] * COLUMNS), int(box[1] * ROWS)
        right, bottom = int(np.ceil(box[2] * COLUMNS)), int(np.ceil(box[3] * ROWS))
        part = grid[max(0, top) : max(bottom, top + 1), max(0, left) : max(right, left + 1)]
        return bool(part.size and part.max() >= least)


class MotionGrid:
    """Give every foreground; get each second when it is over."""

    def __init__(self) -> None:
        self._second: int | None = None
        self._cells: NDArray[np.uint8] = np.zeros((ROWS, COLUMNS), np.uint8)

    def add(self, foreground: Mask, t_s: float) -> GridSecond | None:
        """Take one picture's foreground; the second before, once a new one has begun."""
        second = int(t_s)
        over = None
        if self._second is not None and second != self._second:
            over = GridSecond(self._second, self._cells.tobytes())
            self._cells[:] = 0
        self._second = second
        cells = cv2.resize(foreground, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
        np.maximum(self._cells, cells, out=self._cells)
        return over
