"""What happens in each scene: who walks and drives where, which lamps change.

Times are seconds into the 24 s loop and may run past its end; places are meters in the world
of scenes/places_outside.py and scenes/places_inside.py. Traffic keeps to the left. People
come and go out of sight: beyond the picture's edge or behind the walls of a building.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from serambi.sim.tracks import Track

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Lamp:
    """A light laid over the picture (BGR, 0..255 per full stroke scaled to 0..1)."""

    at: tuple[float, float, float]
    color: Color
    radius_m: float
    on: tuple[tuple[float, float], ...] = ((0.0, 24.0),)
    flicker: float = 0.0

    def level(self, t: float) -> float:
        """Brightness at second `t` of the loop."""
        if not any(start <= t < end for start, end in self.on):
            return 0.0
        turn = 2 * math.pi * t / 24
        wave = math.sin(turn * 61) * math.sin(turn * 23) + 0.6 * math.sin(turn * 97)
        return 1.0 - self.flicker * max(0.0, wave)


@dataclass(frozen=True)
class Script:
    tracks: tuple[Track, ...]
    lamps: tuple[Lamp, ...] = ()
    parcel: tuple[float, float] | None = None  # seconds during which the parcel lies there
    shadow: tuple[float, float] | None = None  # the sun's shadow over the ground, m per m


def _drive(kind: str, *points: tuple[float, float, float], lights: bool = True) -> Track:
    return Track(kind, points, lights=lights)


def _walk(
    kind: str, *points: tuple[float, float, float], facing: float | None = None, paint: str = ""
) -> Track:
    return Track(kind, points, facing, paint)


GATE = Script(
    tracks=(
        # The parcel comes across the street, is left at the pillar, and is carried away.
        _walk(
            "porter",
            (0.0, -7.0, -16.4),
            (9.0, 2.85, -5.15),
            (10.2, 2.9, -5.1),
            paint="courier",
            facing=40,
        ),
        _walk(
            "man",
            (10.2, 2.9, -5.1),
            (10.6, 2.6, -5.3),
            (27.0, -21.4, -5.1),
            (31.0, -21.2, 2.0),
            paint="courier",
        ),
        _walk("man", (17.4, 9.4, -5.4), (20.9, 4.15, -5.3), (21.0, 4.1, -5.3), paint="guard"),
        _walk("porter", (21.0, 4.1, -5.3), (22.0, 4.1, -5.3), paint="guard", facing=140),
        _walk("porter", (22.0, 4.1, -5.35), (22.3, 4.2, -5.4), (25.9, 9.4, -5.5), paint="guard"),
        _walk("hijab", (2.0, -36, -15.2), (28, 3.5, -15.3)),
        _drive("bike", (2.5, 8.5, -12.3), (11.0, -75, -12.2)),
        _drive("car", (11.0, -80, -7.9), (20.5, 13, -7.9)),
        _drive("bike", (3.0, -80, -8.8), (12.0, 13, -8.6)),
        _drive("car", (14.6, 9, -12.1), (22.8, -80, -12.0)),
    ),
    lamps=(Lamp((3.0, -12.5, 7.4), (0.10, 0.17, 0.24), 2.6, flicker=0.5),),
    parcel=(9.5, 21.5),
)

YARD = Script(
    tracks=(
        _drive(
            "truck",
            (1.0, 2.2, -9),
            (4.0, 2.4, -1),
            (7.0, 4.2, 5.5),
            (9.2, 5.2, 9.4),
            (10.5, 5.4, 10.4),
            (15.0, 5.4, 10.4),
            (17.5, 4.4, 14.2),
            (19.0, 1.6, 15.0),
            (20.5, 0.2, 12.2),
            (22.4, 0.8, 6),
            (26.0, 1.2, -9),
        ),
        _drive(
            "forklift",
            (0, -3, 15.0),
            (6, 9, 15.4),
            (7.2, 10.4, 16.4),
            (8.6, 9, 17.0),
            (14, -1.8, 16.5),
            (16, -3.6, 16.3),
            (19, -3.6, 16.3),
            (20, -4, 15.4),
            (24, -3, 15.0),
        ),
        _walk("man", (0, 14.5, -2), (10.5, 13.0, 11), (12, 12.6, 11.6), (24, 0.5, 21.6)),
        _walk(
            "porter",
            (1.2, -18.8, 10.0),
            (22, 8.5, 13.0),
            (24.2, 11.6, 13.4),
            (28, 16.5, 12.0),
            (36.0, 20.5, 3.0),
        ),
        _walk("hijab", (8, 17.5, -2), (30, -12, 9.5), (34, -17, 10)),
    ),
    lamps=(Lamp((-1, 20.1, 5.2), (0.24, 0.23, 0.22), 2.2, flicker=0.6),),
)

DOCK = Script(
    tracks=(
        _walk(
            "porter", (0, 11.5, 14.8), (10, -2.9, 16.4), (11.2, -3.0, 16.5), paint="a", facing=135
        ),
        _walk("man", (11.2, -3.0, 16.5), (21.8, 11.6, 14.4), (24, 11.5, 14.8), paint="a"),
        _walk(
            "man",
            (0, 1, 13.8),
            (3, 1, 13.8),
            (7, 5.5, 14.2),
            (11, 5.5, 14.2),
            (16, 1, 13.8),
            (24, 1, 13.8),
            facing=100,
        ),
        _walk("porter", (4, 16, 17.4), (16, 1.2, 16.6), (17.2, 1.1, 16.7), paint="b", facing=30),
        _walk("man", (17.2, 1.1, 16.7), (28, 16, 17.4), paint="b"),
        _drive(
            "forklift",
            (0, 22, 9),
            (7, 8.4, 12.4),
            (9, 7, 13.4),
            (11.5, 6.8, 13.6),
            (13, 8.5, 12.8),
            (21, 22, 8.4),
            (24, 22, 9),
        ),
    ),
    lamps=(Lamp((-10, 20.1, 5.2), (0.26, 0.26, 0.26), 2.0, flicker=0.6),),
)

WALL = Script(
    tracks=(
        _walk("man", (0, -21.4, 40), (31, -21.6, 1.2), (33, -21.6, -1)),
        _walk("man", (9, -27.3, -1), (45, -27.2, 46)),
        _walk("hijab", (14, -26.9, 46), (50, -27.0, -1)),
        _drive("bike", (1.0, -23.7, 46), (8.2, -23.5, -4)),
        _drive("car", (9.0, -26.1, -7), (17.4, -26.2, 48)),
        _drive("bike", (16.0, -26.2, -6), (23.4, -26.1, 48)),
        _drive("bike", (18.2, -23.5, 47), (25.6, -23.6, -4)),
    ),
    lamps=(Lamp((-22.9, 16, 6.5), (0.10, 0.17, 0.24), 2.2, flicker=0.6),),
)


def _signals() -> tuple[Lamp, ...]:
    """Lamps of the traffic lights: x may drive in [0, 10), y in [12, 22)."""
    red, amber, green = (0.10, 0.12, 1.0), (0.10, 0.62, 1.0), (0.45, 1.0, 0.25)
    x_way = {green: ((0.0, 10.0),), amber: ((10.0, 11.5),), red: ((11.5, 24.0),)}
    y_way = {green: ((12.0, 22.0),), amber: ((22.0, 23.5),), red: ((0.0, 12.0), (23.5, 24.0))}
    lamps = []
    for x, y in ((7.2, 7.2), (-7.2, 7.2), (-7.2, -7.2)):
        for k, color in enumerate((red, amber, green)):
            z = 4.55 - 0.35 * k
            lamps.append(Lamp((x + 0.27, y, z), color, 0.34, x_way[color]))
            lamps.append(Lamp((x, y - 0.27, z), color, 0.34, y_way[color]))
    return tuple(lamps)


CROSSING = Script(
    tracks=(
        _drive(
            "car",
            (13.5, -70, 2.9),
            (18.6, -15, 2.9),
            (19.6, -13.2, 2.9),
            (24.4, -13.2, 2.9),
            (25.8, -9, 2.9),
            (29.4, 34, 2.9),
        ),
        _drive("bike", (16.4, -60, 4.6), (20.6, -12.6, 4.6), (24.3, -12.6, 4.6), (27.4, 26, 4.4)),
        _drive("bike", (17.6, -60, 1.3), (21.4, -12.4, 1.3), (24.6, -12.4, 1.3), (28.0, 26, 1.5)),
        _drive("car", (1.6, 44, -2.9), (8.8, -70, -2.9)),
        _drive("bike", (4.4, -70, 4.2), (10.8, 24, 4.2)),
        _drive("bike", (3.2, 46, -1.6), (10.6, -70, -1.8)),
        _drive("car", (11.6, -2.9, -36), (16.2, -2.9, 6), (21.4, -2.9, 62)),
        _drive(
            "car",
            (-1.0, 2.9, 62),
            (4.6, 2.9, 15),
            (5.8, 2.9, 13.2),
            (12.5, 2.9, 13.2),
            (14.0, 2.9, 9),
            (18.0, 2.9, -30),
        ),
        _drive("bike", (1.2, 1.4, 60), (6.2, 1.4, 13), (12.3, 1.4, 13), (16.6, 1.4, -30)),
        _drive("bike", (15.4, -1.5, -34), (23.0, -1.5, 62)),
        _walk(
            "man",
            (-8.5, -26, -8.3),
            (4.5, -9.2, -8.0),
            (12.4, -9.0, -7.4),
            (22.4, -8.6, 7.0),
            (24.0, -9.0, 8.2),
            (42, -32, 8.6),
        ),
        _walk(
            "hijab",
            (9.6, 26, 8.4),
            (23.4, 8.4, 8.4),
            (24.6, 8.2, 8.5),
            (34.6, -6.8, 8.6),
            (36, -8.4, 9.4),
            (54, -8.4, 34),
        ),
        _walk("man", (0, -8.3, 7.5), (24, -8.3, 7.5), facing=-60),
    ),
    lamps=_signals(),
)

STREET = Script(
    tracks=(
        _drive("car", (0.5, 110, -1.9), (10.4, -2, -1.9)),
        _drive("bike", (7.4, 105, -1.3), (15.6, -2, -1.3)),
        _drive("car", (11.0, -3, 0.2), (12.6, 13, 0.3), (14.2, 27, 1.8), (22.4, 110, 1.9)),
        _drive("bike", (3.0, -2, 0.4), (4.6, 14, 0.6), (11.8, 105, 1.8)),
        _drive("bike", (15.6, -2, -0.1), (23.6, 105, 1.6)),
        _drive("bike", (18.8, 105, -2.3), (27.0, -2, -2.4)),
        _walk("man", (0, 33, -8.6), (2.4, 33, -5.2), (21.0, 9.5, -5.0), (25.0, 4.5, -5.0)),
        _walk("hijab", (6, 21, 8.6), (8.4, 21.2, 5.3), (26, 44, 5.2), (29, 44.4, 8.6)),
        _walk("man", (12, 4, 5.2), (34, 33, 5.2), (36.5, 33.4, 8.6)),
        _walk("hijab", (0, 15.8, -4.7), (24, 15.8, -4.7), facing=-105),
    ),
    lamps=(Lamp((24, -2.2, 7.3), (0.10, 0.17, 0.24), 2.6, flicker=0.6),),
)

SQUARE = Script(
    tracks=(
        _walk("man", (0, -1.0, 31), (41, -0.7, -21.5)),
        _walk("hijab", (4, 0.8, -21.5), (45, 1.0, 31)),
        _walk(
            "man",
            (0, -38, 0.6),
            (24, -6, -0.6),
            (27.5, -1, -4.2),
            (31, 4, -3.2),
            (34, 8, 0.4),
            (58, 40, 0.7),
        ),
        _walk(
            "hijab",
            (6, 38, -0.8),
            (30, 7, -1),
            (33.5, 2, -4.4),
            (37, -2.6, -4.4),
            (40, -6.5, -1.4),
            (64, -38, -0.6),
        ),
        _walk(
            "man", (10, -12, -16.5), (22, -1.5, -9), (25, 0.4, -4.5), (29, 4.4, -1), (50, 32, 1.0)
        ),
        _walk("hijab", (0, -4.6, -5.0), (24, -4.6, -5.0), facing=15),
        _walk("man", (0, -3.7, -4.8), (24, -3.7, -4.8), facing=195),
        _walk(
            "man",
            (-2.5, 3.2, -22.5),
            (2, 2.2, -17.4),
            (4.5, 2.2, -17.4),
            (14, 1.4, -8),
            (19, 4.6, -4),
            (42, 35, -1),
        ),
        _drive("car", (1, 75, 31.4), (12, -75, 31.4)),
        _drive("bike", (9, -75, 34.6), (19, 75, 34.6)),
        _drive("car", (13, -75, 34.8), (24.5, 75, 34.8)),
    ),
    lamps=(Lamp((-10, 3, 3.5), (0.18, 0.26, 0.32), 1.5, flicker=0.5),),
)

KPU_FRONT = Script(
    tracks=(
        _drive("car", (0.5, -34, 1.9), (9.0, 75, 1.9)),
        _drive("bike", (4.0, 75, -1.8), (12.4, -17, -1.8)),
        _drive("bike", (9.6, -34, 1.6), (18.0, 75, 1.6)),
        _drive("car", (13.0, 75, -1.9), (21.6, -19, -1.9)),
        _drive("bike", (19.4, -34, 2.2), (27.6, 75, 2.2)),
        _walk("man", (0, 0, 15.8), (7.4, -0.4, 5.8), (17.4, -14.5, 5.4)),
        _walk("hijab", (-0.2, 37, 5.3), (26, 1.2, 5.5), (34, 0.2, 15.8)),
        _walk("man", (8, -13.5, 4.9), (46, 40, 4.8)),
        _walk(
            "man",
            (0, 2.3, 8.0),
            (8, 2.3, 8.0),
            (10, 1.0, 8.3),
            (18, 1.0, 8.3),
            (20, 2.3, 8.0),
            (24, 2.3, 8.0),
            facing=-110,
        ),
    ),
    shadow=(-0.31, 0.85),
)

BAWASLU_FRONT = Script(
    tracks=(
        _drive("car", (0.5, 36, -1.9), (9.0, -75, -1.9)),
        _drive("bike", (3.0, -75, 1.8), (11.4, 18, 1.8)),
        _drive("bike", (10.6, 36, -1.6), (19.0, -75, -1.6)),
        _drive("car", (12.4, -75, 1.9), (21.0, 20, 1.9)),
        _drive("bike", (18.4, 34, -2.2), (26.6, -75, -2.2)),
        _walk("hijab", (0, 0, 15.8), (7.4, 0.6, 5.8), (17.8, 15, 5.4)),
        _walk("man", (3, -34, 5.3), (27, -1.0, 5.5), (35, 0, 15.8)),
        _walk("hijab", (10, 14, 4.9), (48, -40, 4.8)),
        _walk(
            "man",
            (0, -2.3, 8.0),
            (9, -2.3, 8.0),
            (11, -1.0, 8.3),
            (19, -1.0, 8.3),
            (21, -2.3, 8.0),
            (24, -2.3, 8.0),
            facing=-70,
        ),
    ),
    shadow=(0.31, 0.85),
)

LANE = Script(
    tracks=(
        _drive("bike", (0.5, 95, -1.0), (11.0, -4, -1.0)),
        _drive("car", (11.6, 95, -1.0), (23.6, -6, -1.0)),
        _drive("bike", (9.4, -3, 0.9), (19.8, 95, 1.0)),
        _drive("bike", (20.4, -3, 0.7), (31.0, 95, 1.0)),
        _walk("hijab", (0, 64, -2.1), (46, 3, -2.1)),
        _walk("man", (8, 2, 1.9), (13, 8.6, 1.7), (18, 15.2, 0.9), (22, 20.5, 1.7), (54, 64, 1.8)),
    ),
    shadow=(0.52, 0.74),
)

STORE = Script(
    tracks=(
        _walk(
            "man",
            (0, 14.9, 2.0),
            (6.5, 5.8, 3.3),
            (9.5, 5.8, 3.3),
            (12.5, 9.0, 4.2),
            (15.5, 9.0, 4.2),
            (20.5, 14.9, 2.0),
            facing=100,
        ),
        _walk(
            "hijab",
            (0, 3.0, 7.2),
            (8, 12.6, 7.2),
            (10, 12.8, 6.6),
            (13, 12.8, 4.8),
            (15, 12.0, 4.4),
            (21, 3.4, 4.4),
            (24, 3.0, 7.2),
        ),
        _walk("porter", (12, 14.9, 2.0), (20, 4.2, 2.7), (21, 4.2, 2.7), facing=120, paint="c"),
        _walk("man", (21, 4.2, 2.7), (29, 14.9, 2.0), paint="c"),
    ),
    lamps=(Lamp((7.2, 2.8, 4.1), (0.20, 0.20, 0.20), 1.6, flicker=0.7),),
)

HALL = Script(
    tracks=(
        _walk("man", (0, 15.6, 3.6), (1.4, 15.4, 1.8), (3, 14.2, 1.5), (13.4, 1.0, 0.9)),
        _walk("hijab", (9, 1.2, 1.9), (18.8, 13.6, 1.7), (20, 14.0, 0.8), (21.4, 14.0, -0.8)),
        _walk("man", (17.5, 7.0, -0.8), (18.8, 7.1, 0.9), (20.6, 8.4, 1.9), (22.0, 8.6, 3.6)),
        _walk("hijab", (22.0, 12.1, 3.6), (23.4, 12.0, 1.7), (32, 1.0, 1.9)),
    ),
    lamps=(Lamp((11, 1.4, 2.95), (0.22, 0.22, 0.22), 0.9, flicker=0.8),),
)

MEETING = Script(
    tracks=(
        _walk(
            "man",
            (0, 7.6, -0.9),
            (1.6, 7.6, 1.1),
            (4, 8.0, 3.0),
            (6.4, 7.8, 5.0),
            (9.6, 4.6, 5.3),
            (12.6, 4.6, 5.3),
            (15.6, 7.8, 5.0),
            (18, 8.0, 2.8),
            (20.4, 7.6, 1.0),
            (22, 7.6, -0.9),
            facing=-90,
        ),
        _walk(
            "hijab",
            (0, 1.6, 4.9),
            (2.4, 1.6, 4.9),
            (4.4, 2.9, 5.3),
            (11, 2.9, 5.3),
            (13, 1.6, 4.9),
            (18, 1.6, 4.9),
            (20.5, 1.5, 2.8),
            (22, 1.5, 2.8),
            (24, 1.6, 4.9),
            facing=-70,
        ),
        _walk(
            "man",
            (11, 7.6, -0.9),
            (13, 6.4, 1.1),
            (16, 3.4, 1.2),
            (21, 3.4, 1.2),
            (24.6, 6.9, 1.1),
            (26.4, 7.6, -0.9),
            facing=90,
        ),
    ),
    lamps=(Lamp((8.9, 3.1, 1.65), (0.16, 0.13, 0.11), 1.4, flicker=0.7),),
)

DESK = Script(
    tracks=(
        _walk(
            "hijab",
            (0, 4.6, 6.0),
            (4, 4.6, 6.0),
            (6, 6.3, 6.0),
            (11, 6.3, 6.0),
            (13, 4.6, 6.0),
            (18, 4.6, 6.0),
            (20, 5.6, 6.1),
            (22, 5.6, 6.1),
            (24, 4.6, 6.0),
            facing=-95,
        ),
        _walk("man", (0.5, -0.9, 3.0), (5, 4.2, 4.0), (12, 4.2, 4.0), (17, -0.9, 2.9), facing=80),
        _walk(
            "hijab", (9.5, -0.9, 3.3), (15.6, 6.6, 2.7), (22, 6.6, 2.6), (28, -0.9, 3.2), facing=180
        ),
        _walk("man", (18, 2.8, 7.6), (19.4, 2.7, 6.0), (24, 1.4, 2.4), (26, -0.9, 2.6)),
    ),
    lamps=(Lamp((5.6, 1.8, 3.05), (0.20, 0.20, 0.20), 1.0, flicker=0.8),),
)

SCRIPTS: dict[str, Script] = {
    "gate": GATE,
    "yard": YARD,
    "dock": DOCK,
    "wall": WALL,
    "store": STORE,
    "hall": HALL,
    "kpu_front": KPU_FRONT,
    "meeting": MEETING,
    "bawaslu_front": BAWASLU_FRONT,
    "desk": DESK,
    "crossing": CROSSING,
    "street": STREET,
    "lane": LANE,
    "square": SQUARE,
}
