"""The town outdoors: the warehouse with its streets, the crossing, streets and the square.

Traffic keeps to the left, as in Indonesia. Nothing that moves is built here.
"""

from __future__ import annotations

import math

from props import (
    COOL,
    ballot_box,
    cable,
    curb,
    dashes,
    fence,
    globe_lamp,
    house,
    pallet,
    poles,
    row,
    street_lamp,
    tree,
)
from stage import Paint, Stage
from vehicles import car, scooter

WHITE = (1.0, 0.9, 0.72)


def warehouse(s: Stage) -> None:
    s.sky()
    _warehouse_ground(s)
    _warehouse_wall(s)
    _warehouse_hall(s)
    _warehouse_yard(s)
    _warehouse_surroundings(s)
    s.lamp("AREA", (0, 10, 60), 900, (0.5, 0.6, 1), 60, (0, 10, 0))


def _warehouse_ground(s: Stage) -> None:
    s.box((0, -10, -0.05), (160, 8.2, 0.1), s.mat("asphalt"))
    s.box((-25, 20, -0.05), (6, 52, 0.1), s.mat("asphalt"))
    s.box((0, -4.95, 0.02), (90, 2, 0.16), s.mat("paving"))
    s.box((0, -15.2, 0.02), (160, 2, 0.16), s.mat("paving"))
    s.box((1, 15, -0.04), (44, 38, 0.1), s.mat("yard"))
    s.box((0, -5.0, 0.104), (8, 2.1, 0.02), s.mat("yard"))
    s.box((0, -30, -0.08), (140, 30, 0.1), s.mat("soil"))
    s.box((-45, 20, -0.09), (34, 60, 0.1), s.mat("soil"))
    dashes(s, range(-72, 72, 6), -10)
    dashes(s, range(-2, 44, 5), -25, "y")
    curb(s, -19, -4.6, -6.02)
    curb(s, 4.6, 40, -6.02)
    curb(s, -60, 60, -14.05)
    s.box((-21.1, 20, 0.0), (2.0, 52, 0.12), s.mat("paving"))
    curb(s, -4, 44, -22.0, "y")


def _warehouse_wall(s: Stage) -> None:
    wall, coping = s.mat("wall"), s.mat("coping")
    for a, b in ((-20, -4.3), (4.3, 23)):
        middle, length = (a + b) / 2, b - a
        s.box((middle, -4, 1.1), (length, 0.22, 2.2), wall)
        s.box((middle, -4, 2.25), (length + 0.1, 0.36, 0.1), coping)
        s.box((middle, -4.13, 0.25), (length, 0.05, 0.5), s.mat("skirt"))
        for x in range(math.ceil(a), int(b), 3):
            s.box((x, -4, 1.1), (0.3, 0.32, 2.2), wall)
    for x in (-20, 23):
        s.box((x, 15, 1.1), (0.22, 38, 2.2), wall)
        s.box((x, 15, 2.25), (0.36, 38, 0.1), coping)
    for y in range(-2, 34, 3):
        s.box((-20, y, 1.1), (0.32, 0.3, 2.2), wall)
    for x in (-4.2, 4.2):
        s.box((x, -4, 1.4), (0.6, 0.6, 2.8), s.mat("pillar"))
        s.box((x, -4, 2.86), (0.8, 0.8, 0.12), wall)
        globe_lamp(s, x, -4, 3.05, 0.16, 70)
    fence(s, -3.9, 3.9, -4.0)
    s.box((-8.2, -4.2, 1.5), (6.6, 0.08, 1.3), s.mat("sign_blue"))
    white = s.paint("lettering", Paint((0.9, 0.9, 0.88), 0.5, glow=0.5 if s.dusk else 0))
    s.text("GUDANG LOGISTIK KPU", (-8.2, -4.26, 1.72), 0.47, white)
    s.text("KOTA DEMO", (-8.2, -4.26, 1.2), 0.34, white)
    post = s.paint("post", Paint((0.55, 0.52, 0.45), 0.9, noise=0.15))
    s.box((6.6, -1.4, 0.6), (2.4, 2.4, 1.2), post)
    for dx in (-1.1, 1.1):
        for dy in (-1.1, 1.1):
            s.box((6.6 + dx, -1.4 + dy, 1.8), (0.2, 0.2, 1.3), post)
    s.box((6.6, -1.4, 2.55), (3, 3, 0.18), s.mat("tile"))
    s.lamp("POINT", (6.6, -1.4, 2.2), 45, WHITE, 0.2)


def _warehouse_hall(s: Stage) -> None:
    s.box((-1, 28, 3.5), (32, 14, 7), s.mat("sheet_metal"))
    gable = [
        (-17.6, -7.6, 0),
        (17.6, -7.6, 0),
        (17.6, 7.6, 0),
        (-17.6, 7.6, 0),
        (-17.6, 0, 2.6),
        (17.6, 0, 2.6),
    ]
    faces = [(0, 1, 5, 4), (2, 3, 4, 5), (0, 4, 3), (1, 2, 5)]
    s.mesh(gable, faces, s.mat("roof_metal"), (-1, 28, 7))
    s.box((-1, 20.4, 0.55), (26, 1.6, 1.1), s.mat("concrete"))
    for i in range(26):
        s.box((-13.5 + i, 19.59, 0.95), (0.5, 0.03, 0.25), s.mat("hazard"))
    for number, x in enumerate((-10, -1, 8), 1):
        s.lamp("AREA", (x, 19.4, 5.2), 30, (0.9, 0.95, 1), 2, (x, 17, 0))
        s.box((x, 20.98, 3), (4.4, 0.1, 3.8), s.mat("door_metal"))
        for k in range(13):
            s.box((x, 20.9, 1.25 + k * 0.29), (4.3, 0.04, 0.05), s.mat("door_rib"))
        s.text(str(number), (x + 3.1, 20.85, 3.4), 0.9, s.mat("sign_white"))
        s.box(
            (x, 20.2, 5.4),
            (0.5, 0.25, 0.14),
            s.tint(COOL, 0.4, glow=25) if s.dusk else s.mat("paper"),
        )
        s.lamp("SPOT", (x, 20.1, 5.3), 190, (0.9, 0.95, 1), 0.15, (x, 17, 0), 120)
    s.box((-1, 20.2, 5.6), (28, 2, 0.1), s.mat("canopy"))


def _warehouse_yard(s: Stage) -> None:
    for x, y, layers in (
        (-6, 17.6, 3),
        (-4.4, 17.7, 2),
        (-6.2, 15.9, 1),
        (3.2, 17.5, 3),
        (4.9, 17.6, 2),
        (12.4, 18.0, 3),
        (13.9, 18.0, 2),
    ):
        pallet(s, x, y, layers)
    for k, x in enumerate((2.9, 3.35)):
        ballot_box(s, x + 0.1, 16.4 + 0.1 * k, 0.0, 0.1)
    for i in range(7):
        s.box((-16 + i * 3, 6.5, 0.012), (0.12, 5, 0.01), s.mat("marking"))
    scooter(s, -14.6, 6.2, 1.4, (0.03, 0.06, 0.2), False)
    scooter(s, -11.4, 6.4, 1.5, (0.3, 0.3, 0.3), False)
    car(s, -8.5, 6.2, -1.57, (0.32, 0.33, 0.35), False)
    car(s, -2.5, 6.3, 1.57, (0.05, 0.06, 0.08), False)
    street_lamp(s, 22.4, 12.5, 7, (-1.6, 0), 420, COOL)
    street_lamp(s, -19.4, 12, 7, (1.6, 0), 420, COOL)


def _warehouse_surroundings(s: Stage) -> None:
    for x in (-16, -12.5):
        tree(s, x, -1.2, 5.2, 1.9)
    tree(s, 15, -1.0, 4.6, 1.5)
    for x in (-34, -18, -2, 15, 31):
        tree(s, x, -15.7, 6.2, 2.0)
    row(s, -62, 44, -21.2, (0, 1), (3.8, 6.4, 7))
    for i, y in enumerate(range(-2, 40, 8)):
        color = ((0.45, 0.42, 0.36), (0.4, 0.42, 0.4))[i % 2]
        s.box((-33, y + 3, 2.2), (7, 7.4, 4.4), s.tint(color))
        s.box((-29.6, y + 3, 2.5), (0.5, 7.6, 0.1), s.mat("coping"))
    poles(s, [(x, -14.6) for x in (-52, -30, -8, 14, 36)])
    for x in (-19, 3, 25):
        street_lamp(s, x, -14.5, 7.2, (0, 2.0))
    for y in (2, 16, 30):
        street_lamp(s, -21.3, y, 6.5, (-1.6, 0), 300)
    for y in (4, 14, 24):
        tree(s, -28.8, y, 5, 1.6)


def crossing(s: Stage) -> None:
    s.sky()
    s.box((0, 0, -0.05), (160, 12, 0.1), s.mat("asphalt"))
    s.box((0, 0, -0.045), (12, 160, 0.1), s.mat("asphalt"))
    for sx in (-1, 1):
        for sy in (-1, 1):
            s.box((sx * 38.5, sy * 38.5, 0.02), (65, 65, 0.16), s.mat("paving"))
            if sx > 0:
                curb(s, 6.5, 48, sy * 6.1)
            else:
                curb(s, -48, -6.5, sy * 6.1)
            if sy > 0:
                curb(s, 6.5, 48, sx * 6.1, "y")
            else:
                curb(s, -48, -6.5, sx * 6.1, "y")
    marking = s.mat("marking")
    for side in (-1, 1):
        for k in range(-5, 6):
            s.box((side * 8.6, k * 1.05, 0.008), (2.6, 0.5, 0.01), marking)
            s.box((k * 1.05, side * 8.6, 0.008), (0.5, 2.6, 0.01), marking)
        s.box((side * 10.6, -side * 3, 0.008), (0.35, 5.6, 0.01), marking)
        s.box((side * 3, side * 10.6, 0.008), (5.6, 0.35, 0.01), marking)
        dashes(s, [side * d for d in range(13, 60, 5)])
        dashes(s, [side * d for d in range(13, 60, 5)], 0, "y")
    _crossing_houses(s)
    for x, y in SIGNALS:
        signal(s, x, y)
    for x in (-38, -18, 18, 38):
        street_lamp(s, x, 6.9, 7.5, (0, -2.2), 520)
        street_lamp(s, x + 6, -6.9, 7.5, (0, 2.2), 520)
    for y in (24, 44):
        street_lamp(s, 7.6, y, 7.5, (-2.2, 0), 520)
        street_lamp(s, -7.6, y + 8, 7.5, (2.2, 0), 520)
    street_lamp(s, 7.2, 8.2, 8.5, (-2.4, -1.5), 650)
    street_lamp(s, -7.2, -8.2, 8.5, (2.4, 1.5), 650)
    poles(s, [(-46, 7.6), (-24, 7.6)])
    for k in (-0.8, 0.0, 0.8):
        cable(s, (-24, 7.6 + k, 8.1), (24, 7.6 + k, 8.1))
    for x, y, r in (
        (-15, 8.3, 1.7),
        (-26, 8.3, 2),
        (20, -8.4, 1.9),
        (-9, 19, 1.7),
        (8.8, 27, 2),
        (-8.8, 33, 1.9),
    ):
        tree(s, x, y, 5.7, r)
    s.lamp("AREA", (0, 0, 60), 900, (0.5, 0.6, 1), 60, (0, 0, 0))


#: Where the traffic lights stand; the simulator lights their lamps.
SIGNALS = ((7.2, 7.2), (-7.2, 7.2), (-7.2, -7.2))


def signal(s: Stage, x: float, y: float) -> None:
    s.rod((x, y, 0), (x, y, 4.6), 0.08, s.mat("steel"))
    s.box((x, y, 4.2), (0.36, 0.36, 1.15), s.mat("seat"))
    for k, color in enumerate(((0.1, 0.003, 0.002), (0.1, 0.06, 0.002), (0.005, 0.1, 0.035))):
        for dx, dy in ((0.19, 0), (-0.19, 0), (0, 0.19), (0, -0.19)):
            s.ball((x + dx, y + dy, 4.55 - k * 0.35), 0.11, s.tint(color, 0.3))


def _crossing_houses(s: Stage) -> None:
    high = (4, 6.6, 7.2, 9)
    house(s, -13.2, 13.2, (8, 8, 7.2), (0, -1))
    row(s, -75, -17.5, 13.2, (0, -1), high)
    row(s, 17.5, 50, 13.2, (0, -1), high)
    house(s, 13.2, 13.2, (8, 8, 6.6), (0, -1))
    row(s, -75, -9.4, -13.2, (0, 1), high)
    row(s, 9.4, 50, -13.2, (0, 1), high)
    row(s, 17.6, 60, -13.2, (1, 0), high)
    row(s, 17.6, 60, 13.2, (-1, 0), high)


def street(s: Stage) -> None:
    """Jalan Kenanga, at dusk."""
    s.sky()
    s.box((30, 0, -0.05), (200, 7.4, 0.1), s.mat("asphalt"))
    for side in (-1, 1):
        s.box((30, side * 5.2, 0.02), (200, 3, 0.16), s.mat("paving"))
        curb(s, -10, 100, side * 3.75)
        row(s, -8, 100, side * 11, (0, -side))
    dashes(s, range(-8, 100, 5))
    for x in (12, 27, 42, 57, 72):
        tree(s, x, 5.9, 6.2, 1.9)
        tree(s, x + 8, -5.9, 6, 1.9)
    for x in (6, 24, 42, 60, 78):
        street_lamp(s, x, -4.2, 7.2, (0, 2.0), 380)
    poles(s, [(x, 4.3) for x in (0, 20, 40, 60, 80)])
    _food_cart(s, 15, -5.6)
    car(s, 10, 2.75, 0, (0.09, 0.1, 0.12), False)
    for x, turn, color in ((18.6, 1.2, (0.3, 0.3, 0.3)), (19.4, 1.3, (0.05, 0.25, 0.12))):
        scooter(s, x, -4.5, turn, color, False)
    s.lamp("AREA", (30, 0, 60), 900, (0.5, 0.6, 1), 60, (30, 0, 0))


def _food_cart(s: Stage, x: float, y: float) -> None:
    s.box((x, y, 0.7), (1.8, 0.9, 1.0), s.tint((0.1, 0.3, 0.4), 0.5))
    s.box((x, y + 0.46, 0.8), (1.5, 0.02, 0.5), s.tint((0.7, 0.6, 0.2), 0.5))
    s.box((x, y, 2.1), (2.3, 1.6, 0.06), s.tint((0.5, 0.28, 0.05), 0.7))
    s.box((x, y - 0.3, 1.4), (1.6, 0.3, 0.4), s.mat("window"))
    for dx in (-0.8, 0.8):
        s.rod((x + dx, y + 0.4, 0), (x + dx, y + 0.4, 2.1), 0.03, s.mat("steel"))
    s.lamp("POINT", (x, y + 0.2, 1.9), 30, (1, 0.85, 0.6), 0.1)


def square(s: Stage) -> None:
    """The southern square around its old tree, at dusk."""
    s.sky()
    paving = s.mat("paving")
    s.box((0, 0, -0.06), (84, 60, 0.1), s.mat("grass"))
    for y in (-32, 33):
        s.box((0, y, -0.05), (160, 7, 0.1), s.mat("asphalt"))
    s.box((0, 0, 0.0), (70, 4, 0.04), paving)
    s.box((0, 0, 0.004), (4, 52, 0.04), paving)
    s.box((0, -26, 0.01), (90, 4, 0.06), paving)
    s.box((0, 27.5, 0.01), (90, 3.5, 0.06), paving)
    s.disc((0, 0, 0.0), 7, 0.06, paving)
    tree(s, 0, 0, 9, 4.4)
    tree(s, 0.5, 0.4, 7.4, 3.6)
    for a in range(0, 360, 15):
        turn = math.radians(a)
        s.box(
            (math.cos(turn) * 2.4, math.sin(turn) * 2.4, 0.3),
            (0.65, 0.3, 0.6),
            s.mat("curb_white"),
            turn + math.pi / 2,
        )
    for x, y in (
        (-24, 12),
        (-22, -12),
        (22, 12),
        (24, -12),
        (-12, 18),
        (12, 18),
        (-14, -17),
        (13, -15),
        (30, 2),
        (-31, 4),
    ):
        tree(s, x, y, 6, 2.2)
    for x, y in ((-10, 3), (10, 3), (-20, -3), (20, -3), (3, 14), (-3, -13), (3, -20)):
        s.rod((x, y, 0), (x, y, 3.4), 0.05, s.mat("steel"))
        globe_lamp(s, x, y, 3.5, 0.2, 210)
    for x, y, turn in ((-2.9, -16.5, 1.57), (2.9, -11, 1.57), (-6, 2.6, 0), (6.5, -2.7, 0)):
        bench(s, x, y, turn)
    for x in (-30, -10, 10, 30):
        street_lamp(s, x, 29.2, 7.5, (0, 2), 420)
    curb(s, -45, 45, 29.4)
    row(s, -45, 45, 42, (0, -1), (4, 6.6, 8))
    s.lamp("AREA", (0, 0, 60), 900, (0.5, 0.6, 1), 60, (0, 0, 0))


def bench(s: Stage, x: float, y: float, turn: float) -> None:
    cos, sin = math.cos(turn), math.sin(turn)
    s.box((x, y, 0.44), (1.6, 0.45, 0.06), s.mat("wood"), turn)
    for u in (-0.65, 0.65):
        s.box((x + u * cos, y + u * sin, 0.21), (0.08, 0.4, 0.42), s.mat("concrete"), turn)


def lane(s: Stage) -> None:
    """Jalan Cempaka, a lane of homes behind low walls, by day."""
    s.sky(sun_deg=215)
    s.box((30, 0, -0.05), (200, 5.0, 0.1), s.mat("asphalt"))
    for side in (-1, 1):
        s.box((30, side * 3.0, -0.03), (200, 1.0, 0.12), s.mat("concrete"))
        s.box((30, side * 9.5, -0.06), (200, 12, 0.1), s.mat("grass"))
        x = -8.0
        while x < 90:
            wide = s.rng.choice([7, 8, 9])
            house(
                s,
                x + wide / 2,
                side * 11,
                (wide - 1.2, 8, s.rng.choice([3.4, 3.6, 6.4])),
                (0, -side),
                False,
            )
            wall = s.tint(s.rng.choice([(0.52, 0.5, 0.44), (0.4, 0.42, 0.45), (0.5, 0.4, 0.33)]))
            s.box((x + wide * 0.3, side * 3.9, 0.6), (wide * 0.6, 0.16, 1.2), wall)
            s.box((x + wide * 0.3, side * 3.9, 1.24), (wide * 0.62, 0.26, 0.08), s.mat("coping"))
            fence(s, x + wide * 0.62, x + wide * 0.98, side * 3.9, 1.3)
            for k in range(3):
                bush(s, x + wide * 0.15 * (k + 0.6), side * (4.5 + s.rng.uniform(0, 0.3)))
            x += wide
    for x in (13, 29, 46, 63):
        tree(s, x, 4.7, 5.2, 1.6)
        tree(s, x + 9, -4.8, 5.4, 1.7)
    poles(s, [(x, -3.35) for x in (-6, 18, 40, 62, 84)], 7.5)
    scooter(s, 16, 2.0, 0.2, (0.05, 0.25, 0.12), False)


def bush(s: Stage, x: float, y: float) -> None:
    tree(s, x, y, 0.9, 0.45)


def kpu_front(s: Stage) -> None:
    s.sky(sun_deg=160)
    _office_street(s)
    _office(s, "KOMISI PEMILIHAN UMUM", "sign_red", (0.62, 0.60, 0.54))


def bawaslu_front(s: Stage) -> None:
    s.sky(sun_deg=200)
    _office_street(s)
    _office(s, "BADAN PENGAWAS PEMILU", "sign_blue", (0.50, 0.54, 0.56))


def _office_street(s: Stage) -> None:
    """The street runs along x; the office stands on its +y side."""
    s.box((0, 0, -0.05), (200, 7.4, 0.1), s.mat("asphalt"))
    dashes(s, range(-60, 60, 5))
    for side in (-1, 1):
        s.box((0, side * 5.2, 0.02), (200, 3, 0.16), s.mat("paving"))
        curb(s, -60, 60, side * 3.75)
    row(s, -60, -13.5, 11.5, (0, -1), (3.8, 6.6))
    row(s, 14, 60, 11.5, (0, -1), (3.8, 6.6))
    row(s, -60, 60, -11, (0, 1))
    poles(s, [(x, 4.4) for x in (-45, -23, 15, 37)])
    for x in (-21, -33, 19, 30):
        tree(s, x, 5.9, 5.8, 1.9)


def _office(s: Stage, name: str, board: str, wall: tuple[float, float, float]) -> None:
    paint = s.paint("office", Paint(wall, 0.85, noise=0.06, scale=0.8))
    s.box((0, 12, -0.02), (27, 12, 0.1), s.mat("yard"))
    s.box((0, 18.5, 3.6), (21, 8, 7.2), paint)
    s.box((0, 18.5, 7.3), (22, 9, 0.25), s.mat("concrete"))
    roof = [
        (-11.5, -5, 0),
        (11.5, -5, 0),
        (11.5, 5, 0),
        (-11.5, 5, 0),
        (-7.5, 0, 2.6),
        (7.5, 0, 2.6),
    ]
    s.mesh(roof, [(0, 1, 5, 4), (2, 3, 4, 5), (0, 4, 3), (1, 2, 5)], s.mat("tile"), (0, 18.5, 7.4))
    for level in (1.5, 5.2):
        for x in (-9, -6.6, -4.2, 4.2, 6.6, 9):
            s.box((x, 14.47, level), (1.7, 0.1, 1.5), s.mat("plate"))
            s.box((x, 14.44, level), (1.5, 0.1, 1.3), s.mat("window"))
            s.box((x, 14.40, level), (0.05, 0.1, 1.3), s.mat("plate"))
    s.box((0, 14.46, 1.3), (3.2, 0.1, 2.5), s.mat("window"))
    s.box((0, 14.42, 1.3), (0.06, 0.1, 2.5), s.mat("plate"))
    s.box((0, 13.2, 3.3), (6, 2.9, 0.3), paint)
    for x in (-2.7, 2.7):
        s.box((x, 12.0, 1.6), (0.4, 0.4, 3.3), paint)
    s.box((0, 14.40, 4.9), (7, 0.1, 1.7), s.mat(board))
    s.text(name, (0, 14.33, 5.25), 0.46, s.mat("sign_white"))
    s.text("KOTA DEMO", (0, 14.33, 4.6), 0.46, s.mat("sign_gold"))
    for a, b in ((-13, -3.2), (3.2, 13)):
        s.box(((a + b) / 2, 6.9, 0.4), (b - a, 0.2, 0.8), s.mat("wall"))
        fence(s, a, b, 6.9, 1.7)
    for x in (-13, -3.2, 3.2, 13):
        s.box((x, 6.9, 1.0), (0.45, 0.45, 2.0), s.mat("pillar"))
    s.rod((-5.2, 9.4, 0), (-5.2, 9.4, 8.2), 0.05, s.mat("steel"))
    s.box((-4.55, 9.4, 7.75), (1.2, 0.02, 0.4), s.mat("sign_red"))
    s.box((-4.55, 9.4, 7.35), (1.2, 0.02, 0.4), s.mat("sign_white"))
    car(s, 7.5, 10.4, 1.57, (0.45, 0.45, 0.46), False)
    car(s, 10.3, 10.4, 1.57, (0.25, 0.03, 0.03), False)
    for k in range(3):
        scooter(
            s,
            -8.6 + k * 0.9,
            9.6,
            1.5,
            ((0.03, 0.06, 0.2), (0.3, 0.3, 0.3), (0.3, 0.02, 0.02))[k],
            False,
        )
    for x in (-11.5, 12.2):
        tree(s, x, 8.6, 5, 1.6)
