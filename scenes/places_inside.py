"""Rooms: the store of ballot boxes, a corridor, a meeting room, a reception."""

from __future__ import annotations

from props import ballot_box
from stage import Stage

NEUTRAL = (1.0, 0.97, 0.92)


def _room(s: Stage, wide: float, deep: float, high: float, floor: str = "floor_tile") -> None:
    """A room over x in [0, wide], y in [0, deep]; ceiling above, walls 0.2 m thick."""
    s.sky(horizon=False)
    x, y = wide / 2, deep / 2
    s.box((x, y, -0.05), (wide, deep, 0.1), s.mat(floor))
    if floor == "floor_tile":
        for k in range(1, int(wide / 0.6)):
            s.box((k * 0.6, y, 0.001), (0.008, deep, 0.002), s.mat("grout"))
        for k in range(1, int(deep / 0.6)):
            s.box((x, k * 0.6, 0.001), (wide, 0.008, 0.002), s.mat("grout"))
    s.box((x, y, high + 0.05), (wide, deep, 0.1), s.mat("ceiling"))
    for at, size in (
        ((x, -0.1, high / 2), (wide, 0.2, high)),
        ((x, deep + 0.1, high / 2), (wide, 0.2, high)),
        ((-0.1, y, high / 2), (0.2, deep, high)),
        ((wide + 0.1, y, high / 2), (0.2, deep, high)),
    ):
        s.box(at, size, s.mat("plaster"))
    for y_skirt in (0.01, deep - 0.01):
        s.box((x, y_skirt, 0.06), (wide, 0.03, 0.12), s.mat("desk_wood"))
    for x_skirt in (0.01, wide - 0.01):
        s.box((x_skirt, y, 0.06), (0.03, deep, 0.12), s.mat("desk_wood"))


def _tube(s: Stage, x: float, y: float, z: float, along: str = "x", power_w: float = 60) -> None:
    size = (1.2, 0.3, 0.04) if along == "x" else (0.3, 1.2, 0.04)
    s.box((x, y, z - 0.02), size, s.tint((0.95, 0.97, 1.0), 0.5, glow=4))
    s.lamp("AREA", (x, y, z - 0.06), power_w, (0.95, 0.97, 1.0), 1.0, (x, y, 0), always=True)


def _door(s: Stage, x: float, y: float, side: str) -> None:
    thin, wide = 0.06, 0.95
    size = (wide, thin, 2.1) if side == "x" else (thin, wide, 2.1)
    frame = (wide + 0.16, thin * 0.8, 2.18) if side == "x" else (thin * 0.8, wide + 0.16, 2.18)
    s.box((x, y, 1.09), frame, s.mat("plate"))
    s.box((x, y, 1.05), size, s.mat("desk_wood"))
    knob = (x + 0.36, y) if side == "x" else (x, y + 0.36)
    s.ball((*knob, 1.0), 0.06, s.mat("rim"))


def store(s: Stage) -> None:
    """The logistics room: rows of ballot boxes on pallets, cartons along the walls."""
    _room(s, 14, 10, 4.2, "floor_dark")
    for bx in range(4):
        for row_y in (8.4, 5.6):
            x0, levels = 4.0 + bx * 2.5, 3 if (bx + int(row_y)) % 3 else 2
            s.box((x0 + 0.4, row_y, 0.07), (1.5, 1.2, 0.14), s.mat("wood"))
            for i in range(3):
                for j in range(2):
                    for k in range(levels):
                        jitter = s.rng.uniform(-0.02, 0.02)
                        ballot_box(
                            s,
                            x0 + i * 0.43 + jitter,
                            row_y - 0.25 + j * 0.46,
                            0.14 + k * 0.61,
                            jitter,
                        )
    for k in range(5):
        for z in range(s.rng.randint(2, 4)):
            s.box(
                (0.5, 3.2 + k * 1.1, 0.3 + z * 0.55),
                (0.75, 0.9, 0.54),
                s.mat("card"),
                s.rng.uniform(-0.03, 0.03),
                0.01,
            )
            s.box((0.5, 3.2 + k * 1.1, 0.575 + z * 0.55), (0.08, 0.88, 0.004), s.mat("tape"))
    for z in (0.4, 1.2, 2.0):
        s.box((9.0, 9.65, z), (8, 0.5, 0.05), s.mat("steel"))
    for x in (5, 7.7, 10.3, 13):
        s.box((x, 9.65, 1.2), (0.06, 0.5, 2.4), s.mat("steel"))
    _door(s, 13.98, 2.0, "y")
    s.box((6, 0.05, 2.6), (2.8, 0.04, 0.7), s.mat("sign_blue"))
    for y in (1.9, 7.2):
        s.box((7, y, 0.003), (12.5, 0.09, 0.004), s.mat("hazard"))
    for x in (3.2, 7.2, 11.2):
        for y in (2.8, 7.0):
            _tube(s, x, y, 4.2, power_w=75)


def hall(s: Stage) -> None:
    """A corridor along x with doors on both sides."""
    _room(s, 18, 2.8, 3.0)
    for x in (3.5, 7.0, 10.5, 14.0):
        _door(s, x, 0.02, "x")
        _door(s, x + 1.6, 2.78, "x")
        s.box((x + 0.9, 0.03, 1.75), (0.34, 0.02, 0.14), s.mat("sign_blue"))
        s.box((x + 0.7, 2.77, 1.75), (0.34, 0.02, 0.14), s.mat("sign_blue"))
    s.box((17.96, 1.4, 1.55), (0.06, 1.6, 1.6), s.mat("window"))
    for z in (0.75, 1.55, 2.35):
        s.box((17.93, 1.4, z), (0.05, 1.7, 0.05), s.mat("plate"))
    s.box((5.6, 0.10, 1.5), (1.2, 0.05, 0.9), s.mat("desk_wood"))
    for k in range(6):
        s.box((5.2 + 0.4 * (k % 3), 0.14, 1.3 + 0.4 * (k // 3)), (0.26, 0.01, 0.34), s.mat("paper"))
    s.box((9.1, 2.55, 0.45), (1.5, 0.42, 0.06), s.mat("desk_wood"))
    for u in (-0.6, 0.6):
        s.box((9.1 + u, 2.55, 0.22), (0.06, 0.4, 0.44), s.mat("steel"))
    s.rod((12.6, 2.55, 0), (12.6, 2.55, 0.4), 0.16, s.mat("pillar"), 20, 0.2)
    for x in (3, 7, 11, 15):
        _tube(s, x, 1.4, 3.0, power_w=26)
    _plant(s, 12.6, 2.55, 0.4)


def _plant(s: Stage, x: float, y: float, z: float) -> None:
    for _ in range(26):
        a, b = s.rng.uniform(-0.35, 0.35), s.rng.uniform(-0.3, 0.22)
        s.rod(
            (x, y, z),
            (x + a, y + b, z + s.rng.uniform(0.4, 0.9)),
            0.03,
            s.mat("leaf_light"),
            5,
            0.008,
        )


def _chair(s: Stage, x: float, y: float, away: tuple[float, float]) -> None:
    ax, ay = away
    s.box((x, y, 0.45), (0.46, 0.46, 0.08), s.mat("chair"), 0, 0.02)
    back = (0.07, 0.46, 0.5) if ax else (0.46, 0.07, 0.5)
    s.box((x + ax * 0.22, y + ay * 0.22, 0.78), back, s.mat("chair"), 0, 0.02)
    for u in (-0.19, 0.19):
        for v in (-0.19, 0.19):
            s.rod((x + u, y + v, 0), (x + u, y + v, 0.43), 0.018, s.mat("rim"), 6)


def meeting(s: Stage) -> None:
    _room(s, 9, 6.5, 3.0)
    s.box((4.8, 3.1, 0.74), (4.4, 1.5, 0.06), s.mat("desk_wood"), 0, 0.015)
    for x in (3.0, 6.6):
        s.box((x, 3.1, 0.36), (0.1, 1.0, 0.72), s.mat("desk_wood"))
    for k in range(4):
        _chair(s, 3.3 + k * 1.0, 2.0, (0, -1))
        _chair(s, 3.3 + k * 1.0, 4.2, (0, 1))
        for y in (2.65, 3.55):
            s.box(
                (3.3 + k * 1.0, y, 0.775),
                (0.21, 0.3, 0.008),
                s.mat("paper"),
                s.rng.uniform(-0.2, 0.2),
            )
            s.rod((3.55 + k, y, 0.77), (3.55 + k, y, 0.9), 0.03, s.mat("window"), 10)
    s.box((8.96, 3.1, 1.65), (0.05, 2.4, 1.4), s.mat("seat"))
    s.box((8.93, 3.1, 1.65), (0.03, 2.28, 1.28), s.mat("screen"))
    s.box((4.5, 6.47, 1.7), (2.6, 0.04, 1.2), s.mat("paper"))
    for x in (1.4, 7.4):
        s.box((x, 6.46, 1.7), (1.1, 0.04, 1.3), s.mat("window"))
    s.rod((0.7, 5.8, 0), (0.7, 5.8, 0.4), 0.18, s.mat("pillar"), 20, 0.22)
    _plant(s, 0.7, 5.8, 0.4)
    for y in (0.35,):
        s.box((4.0, y, 0.45), (3.6, 0.5, 0.9), s.mat("desk_wood"), 0, 0.01)
        for x in (2.8, 3.6, 4.6):
            s.box((x, y, 1.02), (0.3, 0.3, 0.25), s.mat("card"))
    _door(s, 7.6, 0.02, "x")
    for x in (2.4, 6.2):
        for y in (1.8, 4.6):
            _tube(s, x, y, 3.0, power_w=34)


def desk(s: Stage) -> None:
    """The reception: a counter, a row of seats, the entrance on the left."""
    _room(s, 8, 7, 3.1)
    s.box((5.4, 5.0, 0.55), (3.6, 0.6, 1.1), s.mat("desk_wood"), 0, 0.02)
    s.box((5.4, 4.9, 1.13), (3.8, 0.8, 0.05), s.mat("plaster"), 0, 0.01)
    s.box((6.2, 5.1, 1.4), (0.5, 0.05, 0.32), s.mat("seat"))
    s.box((4.4, 4.9, 1.22), (0.3, 0.22, 0.12), s.mat("paper"))
    s.box((5.4, 6.97, 2.2), (3.4, 0.04, 0.8), s.mat("sign_red"))
    s.text("KPU KOTA DEMO", (5.4, 6.94, 2.2), 0.34, s.mat("sign_white"))
    for k in range(4):
        _chair(s, 7.6, 1.0 + k * 0.62, (1, 0))
    s.box((0.02, 3.0, 1.15), (0.05, 2.2, 2.3), s.mat("plate"))
    for y in (2.45, 3.55):
        s.box((0.05, y, 1.15), (0.03, 0.98, 2.1), s.mat("window"))
    s.rod((7.5, 6.4, 0), (7.5, 6.4, 0.45), 0.2, s.mat("pillar"), 20, 0.25)
    _plant(s, 7.5, 6.4, 0.45)
    s.box((1.2, 6.9, 1.5), (1.2, 0.05, 1.0), s.mat("paper"))
    s.box((2.8, 6.95, 1.0), (0.95, 0.06, 2.05), s.mat("desk_wood"))
    s.box((2.2, 3.0, 0.006), (2.6, 1.5, 0.01), s.mat("chair"))
    for x in (2.2, 5.6):
        for y in (1.8, 4.6):
            _tube(s, x, y, 3.1, power_w=34)
