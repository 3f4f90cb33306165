"""The fourteen cameras: which place each looks at, from where, in what light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import places_inside as inside
import places_outside as outside
from stage import Stage


@dataclass(frozen=True)
class View:
    place: Callable[[Stage], None]
    light: str  # "dusk", "day" or "inside"
    at: tuple[float, float, float]
    aim: tuple[float, float, float]
    fov_deg: float  # horizontal
    seed: int
    mono: bool = False


VIEWS: dict[str, View] = {
    "gate": View(outside.warehouse, "dusk", (9.4, -8.3, 4.9), (-0.6, -5.3, 0.5), 78, 11),
    "crossing": View(outside.crossing, "dusk", (9.2, -9.6, 7.4), (-5.5, 2.6, 0), 84, 5),
    "street": View(outside.street, "dusk", (0.6, -3.9, 5.4), (17, -0.6, 0.2), 76, 21),
    "yard": View(outside.warehouse, "dusk", (21.8, 4.2, 6.2), (1, 13.5, 0.2), 84, 11),
    "wall": View(outside.warehouse, "dusk", (-20.9, -3.6, 5), (-24.9, 12, 0.2), 70, 11),
    "dock": View(outside.warehouse, "dusk", (-13.5, 15.2, 4.6), (2, 18.2, 0.6), 80, 11, True),
    "square": View(outside.square, "dusk", (4.5, -27, 6.2), (-1.5, -4, 1.2), 80, 33),
    "kpu_front": View(outside.kpu_front, "day", (-11, -5.6, 5.6), (1.5, 9.5, 1.6), 80, 41),
    "lane": View(outside.lane, "day", (-1.0, -2.0, 5.2), (16, 0.6, 0.2), 74, 43),
    "bawaslu_front": View(
        outside.bawaslu_front, "day", (11.5, -5.4, 5.4), (-2.5, 9.0, 1.6), 80, 47
    ),
    "store": View(inside.store, "inside", (1.0, 0.9, 3.6), (7.2, 5.6, 0.5), 78, 51),
    "hall": View(inside.hall, "inside", (0.4, 1.75, 2.75), (8, 1.35, 0.6), 78, 53),
    "meeting": View(inside.meeting, "inside", (0.4, 0.5, 2.8), (5.4, 3.8, 0.6), 88, 57),
    "desk": View(inside.desk, "inside", (0.4, 0.4, 2.85), (4.8, 4.6, 0.7), 86, 59),
}

#: Where the parcel of the scene "gate" lies, x and y in meters.
PARCEL_AT = (3.45, -4.75)
