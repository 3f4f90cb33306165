"""Things that stand about in a town: lamps, trees, houses, curbs, cartons, fences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

from stage import Color, Paint, Point, Stage

# isort: split
# mathutils exists only once stage has imported bpy.
from mathutils import Euler, Vector

#: Maps (along the front, out of it, up) to the world.
Front = Callable[[float, float, float], tuple[float, float, float]]

WARM: Color = (1.0, 0.72, 0.40)
COOL: Color = (0.95, 0.95, 1.0)
WALLS: tuple[Color, ...] = (
    (0.50, 0.47, 0.40),
    (0.42, 0.45, 0.42),
    (0.55, 0.50, 0.38),
    (0.40, 0.36, 0.33),
)
AWNINGS: tuple[Color, ...] = (
    (0.10, 0.20, 0.30),
    (0.35, 0.08, 0.06),
    (0.08, 0.22, 0.14),
    (0.40, 0.32, 0.10),
)
SIGNS: tuple[Color, ...] = (
    (0.50, 0.08, 0.06),
    (0.06, 0.20, 0.45),
    (0.60, 0.50, 0.10),
    (0.10, 0.35, 0.20),
)
GOODS: tuple[Color, ...] = (
    (0.75, 0.55, 0.30),
    (0.55, 0.20, 0.12),
    (0.25, 0.40, 0.55),
    (0.70, 0.68, 0.60),
    (0.30, 0.45, 0.22),
    (0.65, 0.45, 0.15),
)


def tree(s: Stage, x: float, y: float, height: float = 6, radius: float = 2.4) -> None:
    """A street tree: trunk, a few limbs and small leaves in clumps."""
    bark = s.mat("bark")
    top = height * 0.55
    s.rod((x, y, 0), (x, y, top), 0.17, bark, radius_b=0.11)
    clumps: list[Vector] = []
    for _ in range(16):
        a, r = s.rng.uniform(0, 6.283), radius * math.sqrt(s.rng.uniform(0, 0.75))
        up = height * 0.80 + s.rng.uniform(-0.5, 0.75) * radius * (1.1 - r / radius)
        clumps.append(Vector((x + r * math.cos(a), y + r * math.sin(a), up)))
    for clump in clumps[:6]:
        s.rod((x, y, top - 0.1), clump, 0.07, bark, 6, 0.02)
    for index, name in enumerate(("leaf", "leaf_light")):
        vertices: list[Vector] = []
        faces: list[tuple[int, ...]] = []
        for clump in clumps[index::2]:
            for _ in range(int(150 * radius)):
                d = Vector((s.rng.gauss(0, 1), s.rng.gauss(0, 1), s.rng.gauss(0, 0.7)))
                d = d.normalized() * radius * 0.42 * s.rng.uniform(0.25, 1) ** 0.6
                _leaf(s, clump + d, vertices, faces)
        s.mesh(vertices, faces, s.mat(name))


def _leaf(s: Stage, at: Vector, vertices: list[Vector], faces: list[tuple[int, ...]]) -> None:
    size, turn = s.rng.uniform(0.06, 0.13), [s.rng.uniform(0, 6.283) for _ in range(3)]
    spin, first = Euler(turn).to_matrix(), len(vertices)
    for a, b in ((-1.3, 0), (0, -0.55), (1.3, 0), (0, 0.55)):
        vertices.append(at + spin @ Vector((a * size, b * size, 0)))
    faces.append((first, first + 1, first + 2, first + 3))


def street_lamp(
    s: Stage,
    x: float,
    y: float,
    height: float = 7,
    arm: tuple[float, float] = (1.6, 0),
    power_w: float = 420,
    color: Color = WARM,
) -> None:
    steel, (ax, ay) = s.mat("steel"), arm
    s.rod((x, y, 0), (x, y, height), 0.07, steel)
    s.rod((x, y, height), (x + ax, y + ay, height + 0.25), 0.04, steel)
    glow = s.tint(color, 0.4, glow=30) if s.dusk else s.tint((0.6, 0.6, 0.6), 0.4)
    size = (0.5, 0.22, 0.1) if abs(ax) > abs(ay) else (0.22, 0.5, 0.1)
    s.box((x + ax, y + ay, height + 0.2), size, glow)
    head = (x + ax, y + ay, height + 0.1)
    s.lamp("SPOT", head, power_w, color, 0.15, (x + ax, y + ay, 0), 140)


def globe_lamp(s: Stage, x: float, y: float, z: float, radius: float, power_w: float) -> None:
    glow = s.tint((1, 0.86, 0.62), 0.3, glow=14) if s.dusk else s.mat("sign_white")
    s.ball((x, y, z), radius, glow)
    s.lamp("POINT", (x, y, z + radius + 0.12), power_w, (1, 0.8, 0.52), radius)


def poles(s: Stage, places: Sequence[tuple[float, float]], height: float = 8.5) -> None:
    """Concrete utility poles with sagging cables from each to the next."""
    concrete = s.mat("concrete")
    for x, y in places:
        s.rod((x, y, 0), (x, y, height), 0.13, concrete)
        s.rod((x, y - 0.9, height - 0.4), (x, y + 0.9, height - 0.4), 0.05, concrete)
    for (ax, ay), (bx, by) in itertools.pairwise(places):
        for k in (-0.8, 0.0, 0.8):
            cable(s, (ax, ay + k, height - 0.4), (bx, by + k, height - 0.4))


def cable(s: Stage, a: Point, b: Point, sag: float = 0.7) -> None:
    start, end, before = Vector(a), Vector(b), Vector(a)
    for i in range(1, 13):
        f = i / 12
        here = start.lerp(end, f)
        here.z -= sag * 4 * f * (1 - f)
        s.rod(before, here, 0.018, s.mat("cable"), 5)
        before = here


def curb(s: Stage, start: float, end: float, at: float, along: str = "x") -> None:
    """Black and white curb stones, the way Indonesian towns paint them."""
    for i in range(int(abs(end - start))):
        c, name = start + i + 0.5, "curb_black" if i % 2 else "curb_white"
        place = (c, at, 0.09) if along == "x" else (at, c, 0.09)
        size = (0.98, 0.25, 0.2) if along == "x" else (0.25, 0.98, 0.2)
        s.box(place, size, s.mat(name), 0, 0.015)


def dashes(s: Stage, cells: Iterable[float], at: float = 0, along: str = "x") -> None:
    for c in cells:
        place = (c, at, 0.006) if along == "x" else (at, c, 0.006)
        size = (2.4, 0.13, 0.01) if along == "x" else (0.13, 2.4, 0.01)
        s.box(place, size, s.mat("marking"))


def fence(s: Stage, x0: float, x1: float, y: float, height: float = 2.2) -> None:
    steel, count = s.mat("gate"), int((x1 - x0) / 0.16)
    for i in range(count + 1):
        x = x0 + i * 0.16
        s.rod((x, y, 0.12), (x, y, height), 0.018, steel, 6)
    for z in (0.15, height * 0.5, height - 0.1):
        s.rod((x0, y, z), (x1, y, z), 0.03, steel, 6)


def house(
    s: Stage, x: float, y: float, size: Point, face: tuple[int, int] = (0, 1), shop: bool = True
) -> None:
    """A shop house; `size` is frontage, depth, eaves; `face` the way its front looks."""
    width, depth, eaves = size
    turn = math.atan2(face[1], face[0]) + math.pi / 2
    cos, sin = math.cos(turn), math.sin(turn)

    def at(u: float, v: float, z: float) -> tuple[float, float, float]:
        """u along the front, v out of the front wall."""
        v = -(depth / 2 + v)
        return (x + u * cos - v * sin, y + u * sin + v * cos, z)

    wall = s.rng.choice(WALLS)
    paint = s.paint(f"wall{wall}", Paint(wall, 0.9, noise=0.18, scale=1.2))
    s.box((x, y, eaves / 2), (width, depth, eaves), paint, turn)
    w, d, o = width / 2 + 0.4, depth / 2 + 0.5, 1.5
    gable = [(-w, -d, 0), (w, -d, 0), (w, d, 0), (-w, d, 0), (-w, 0, o), (w, 0, o)]
    s.mesh(
        gable,
        [(0, 1, 5, 4), (2, 3, 4, 5), (0, 4, 3), (1, 2, 5)],
        s.mat("tile"),
        (x, y, eaves),
        turn,
    )
    s.box(at(0, 0.02, 0.2), (width, 0.06, 0.4), s.mat("skirt"), turn)
    for side in (-1, 1):
        for z in (1.7, eaves - 1.2) if eaves > 4.5 else (1.7,):
            for v in (-depth * 0.32, -depth * 0.68):
                for grow, name in ((0.0, "plate"), (0.02, "window")):
                    hole = (0.04 + grow, 1.2 - 7 * grow, 1.1 - 7 * grow)
                    s.box(at(side * width / 2, v, z), hole, s.mat(name), turn)
                s.box(
                    at(side * (width / 2 + 0.2), v, z + 0.75),
                    (0.4, 1.5, 0.06),
                    s.mat("concrete"),
                    turn,
                )
    if shop:
        _shop_front(s, at, width, turn)
    else:
        _home_front(s, at, width, turn)
    if eaves > 4.5:
        for k in (-0.28, 0.28):
            lit = s.dusk and s.rng.random() < 0.4
            s.box(at(k * width, 0.03, eaves - 1.2), (width * 0.3, 0.08, 1.25), s.mat("plate"), turn)
            s.box(
                at(k * width, 0.05, eaves - 1.2),
                (width * 0.26, 0.08, 1.1),
                s.mat("window_lit" if lit else "window"),
                turn,
            )


def _shop_front(s: Stage, at: Front, width: float, turn: float) -> None:
    is_open = s.rng.random() < 0.62
    if is_open:
        _goods(s, at, width, turn)
    else:
        s.box(at(0, 0.0, 1.35), (width * 0.8, 0.10, 2.4), s.mat("shutter"), turn)
    s.box(at(0, 0.7, 2.75), (width * 0.96, 1.5, 0.08), s.tint(s.rng.choice(AWNINGS), 0.7), turn)
    sign = s.rng.choice(SIGNS)
    board = s.tint(sign, 0.5, glow=0.35 if s.dusk else 0)
    s.box(at(0, 0.06, 3.28), (width * 0.72, 0.1, 0.62), board, turn)
    for k in range(s.rng.randint(1, 2)):
        s.box(
            at(0, 0.12, 3.36 - k * 0.2),
            (width * (0.5 - 0.2 * k), 0.02, 0.12 - 0.05 * k),
            s.tint((0.85, 0.84, 0.8), 0.6, glow=0.3 if s.dusk else 0),
            turn,
        )


def _goods(s: Stage, at: Front, width: float, turn: float) -> None:
    """An open shop: a lit room with shelves of goods, seen from the street."""
    light = s.rng.choice(((1.0, 0.85, 0.60), (0.85, 0.92, 1.0), (1.0, 0.78, 0.50)))
    glow = 0.75 if s.dusk else 0.0
    back = tuple(c * 0.8 for c in light)
    s.box(at(0, 0.0, 1.35), (width * 0.8, 0.06, 2.4), s.tint(back, 0.9, glow=glow), turn)
    for z in (0.45, 0.95, 1.45, 1.95):
        s.box(at(0, 0.12, z - 0.2), (width * 0.76, 0.24, 0.04), s.mat("wood"), turn)
        u = -width * 0.36
        while u < width * 0.36:
            wide, tall = s.rng.uniform(0.12, 0.4), s.rng.uniform(0.14, 0.38)
            if s.rng.random() < 0.86:
                color = s.rng.choice(GOODS)
                s.box(
                    at(u + wide / 2, 0.13, z - 0.18 + tall / 2),
                    (wide * 0.94, 0.2, tall),
                    s.tint(color, 0.7, glow=glow * 0.35),
                    turn,
                )
            u += wide
    tube = s.tint(COOL, 0.4, glow=12) if s.dusk else s.mat("paper")
    s.box(at(0, 0.35, 2.62), (width * 0.4, 0.08, 0.06), tube, turn)
    s.lamp("AREA", at(0, 0.5, 2.5), 40, light, width * 0.6, at(0, 3, 0))


def _home_front(s: Stage, at: Front, width: float, turn: float) -> None:
    s.box(at(-width * 0.12, 0.03, 1.05), (0.95, 0.1, 2.1), s.mat("desk_wood"), turn)
    for u in (-width * 0.36, width * 0.24):
        lit = s.dusk and s.rng.random() < 0.6
        s.box(at(u, 0.03, 1.5), (1.35, 0.1, 1.35), s.mat("plate"), turn)
        s.box(at(u, 0.06, 1.5), (1.2, 0.1, 1.2), s.mat("window_lit" if lit else "window"), turn)
        s.box(at(u, 0.12, 1.5), (0.05, 0.05, 1.2), s.mat("plate"), turn)
    s.box(at(0, 0.7, 2.6), (width * 0.96, 1.5, 0.09), s.mat("tile"), turn)
    for u in (-width * 0.45, width * 0.45):
        s.rod(at(u, 1.3, 0), at(u, 1.3, 2.6), 0.07, s.mat("plate"))


def row(
    s: Stage,
    start: float,
    end: float,
    line: float,
    face: tuple[int, int],
    eaves: Sequence[float] = (3.8, 4.0, 6.6),
    shop: float = 1.0,
) -> None:
    """Houses side by side along x (face (0, +-1)) or along y (face (+-1, 0))."""
    place = start
    while place < end:
        width = s.rng.choice([5, 6, 7])
        x, y = (place + width / 2, line) if face[0] == 0 else (line, place + width / 2)
        house(s, x, y, (width, 8, s.rng.choice(eaves)), face, s.rng.random() < shop)
        place += width + 0.2


def pallet(s: Stage, x: float, y: float, layers: int, turn: float = 0.0) -> None:
    s.box((x, y, 0.08), (1.3, 1.1, 0.14), s.mat("wood"), turn)
    for k in range(layers):
        for a in (-0.3, 0.3):
            for b in (-0.26, 0.26):
                at = (x + a + s.rng.uniform(-0.02, 0.02), y + b, 0.35 + k * 0.41)
                s.box(at, (0.56, 0.5, 0.39), s.mat("card"), s.rng.uniform(-0.04, 0.04), 0.01)
                s.box((at[0], at[1], at[2] + 0.196), (0.07, 0.5, 0.004), s.mat("tape"))


def ballot_box(s: Stage, x: float, y: float, z: float, turn: float = 0.0) -> None:
    """A white cardboard ballot box, front towards -y before the turn."""
    cos, sin = math.cos(turn), math.sin(turn)

    def at(u: float, v: float, w: float) -> tuple[float, float, float]:
        return (x + u * cos - v * sin, y + u * sin + v * cos, z + w)

    s.box(at(0, 0, 0.3), (0.4, 0.4, 0.6), s.mat("box_white"), turn, 0.006)
    s.box(at(0, -0.202, 0.30), (0.24, 0.006, 0.30), s.mat("window"), turn)
    s.box(at(0, -0.203, 0.53), (0.34, 0.006, 0.06), s.mat("sign_red"), turn)
    s.box(at(0, 0, 0.603), (0.16, 0.025, 0.006), s.mat("curb_black"), turn)


def parcel(s: Stage, x: float, y: float, turn: float = 0.35, z: float = 0.1) -> None:
    s.box((x, y, z + 0.16), (0.42, 0.34, 0.32), s.mat("card"), turn, 0.008)
    s.box((x, y, z + 0.324), (0.43, 0.06, 0.006), s.mat("tape"), turn)
    s.box((x, y, z + 0.16), (0.06, 0.35, 0.325), s.mat("tape"), turn)
