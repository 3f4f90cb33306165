"""Vehicles, built around their own ground center, front towards +x before the turn.

`key` names a paint: sprites render it in a neutral gray which the compositor tints.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from stage import Color, Stage

At = Callable[[float, float, float], tuple[float, float, float]]


def placed(x: float, y: float, turn: float) -> At:
    cos, sin = math.cos(turn), math.sin(turn)
    return lambda u, v, w: (x + u * cos - v * sin, y + u * sin + v * cos, w)


def paint(s: Stage, color: Color) -> Any:
    return s.tint(color, 0.25, 0.3)


def _lamp(s: Stage, color: Color, glow: float) -> Any:
    return s.tint(color, 0.25, glow=glow)


HEAD: Color = (1.0, 0.93, 0.78)
TAIL: Color = (1.0, 0.03, 0.02)

CAR_SIDE = [
    (-2.08, 0.32),
    (-2.16, 0.55),
    (-2.14, 0.82),
    (-2.04, 1.02),
    (-1.86, 1.48),
    (-1.55, 1.66),
    (-0.6, 1.72),
    (0.25, 1.66),
    (1.02, 1.10),
    (1.75, 0.97),
    (2.08, 0.84),
    (2.18, 0.58),
    (2.1, 0.32),
]


def car(s: Stage, x: float, y: float, turn: float, color: Color, lights: bool) -> None:
    """A family car of the kind that fills Indonesian streets."""
    at, body, glass, tyre = placed(x, y, turn), paint(s, color), s.mat("glass"), s.mat("tyre")
    half, count = 0.83, len(CAR_SIDE)

    def lean(z: float) -> float:
        return half - max(0.0, z - 0.95) * 0.17

    left = [(a, -lean(b), b) for a, b in CAR_SIDE]
    right = [(a, lean(b), b) for a, b in CAR_SIDE]
    faces: list[tuple[int, ...]] = [tuple(range(count)), tuple(reversed(range(count, 2 * count)))]
    faces += [(i, i + count, (i + 1) % count + count, (i + 1) % count) for i in range(count)]
    s.mesh(left + right, faces, body, (x, y, 0), turn, 0.07)
    for side in (-1, 1):
        for pane in (
            [(-1.80, 1.06), (-1.64, 1.48), (-0.72, 1.55), (-0.72, 1.06)],
            [(-0.62, 1.06), (-0.62, 1.55), (0.18, 1.52), (0.72, 1.10)],
        ):
            corners = [(a, side * (lean(b) + 0.012), b) for a, b in pane]
            s.mesh(corners, [(0, 1, 2, 3)], glass, (x, y, 0), turn)
        s.box(at(-0.66, side * 0.842, 0.75), (0.015, 0.01, 0.62), s.mat("seat"), turn)
        s.box(at(0.5, side * 0.845, 0.72), (0.015, 0.01, 0.5), s.mat("seat"), turn)
        s.box(at(0.75, side * 0.93, 1.08), (0.12, 0.2, 0.13), body, turn, 0.03)
        for u in (-0.9, 0.1):
            s.box(at(u, side * 0.85, 0.92), (0.16, 0.03, 0.03), s.mat("rim"), turn)
        for u in (-1.35, 1.35):
            s.rod(at(u, side * 0.68, 0.32), at(u, side * 0.86, 0.32), 0.38, s.mat("seat"), 24)
            s.rod(at(u, side * 0.68, 0.32), at(u, side * 0.88, 0.32), 0.32, tyre, 24)
            s.rod(at(u, side * 0.68, 0.32), at(u, side * 0.89, 0.32), 0.19, s.mat("rim"), 14)
        head = _lamp(s, HEAD, 40 if lights else 0.2)
        s.box(at(2.06, side * 0.6, 0.76), (0.16, 0.36, 0.14), head, turn, 0.02)
        tail = _lamp(s, TAIL, 1.0 if lights else 0.1)
        s.box(at(-2.12, side * 0.66, 0.9), (0.08, 0.24, 0.3), tail, turn)
    front = [(0.33, -0.62, 1.62), (0.33, 0.62, 1.62), (1.0, 0.74, 1.13), (1.0, -0.74, 1.13)]
    s.mesh(front, [(0, 1, 2, 3)], glass, at(0.035, 0, 0.03), turn)
    back = [(-1.88, -0.62, 1.46), (-1.88, 0.62, 1.46), (-2.02, 0.72, 1.1), (-2.02, -0.72, 1.1)]
    s.mesh(back, [(3, 2, 1, 0)], glass, at(-0.045, 0, 0.02), turn)
    s.box(at(2.16, 0, 0.7), (0.04, 0.7, 0.13), s.mat("seat"), turn)
    s.box(at(2.17, 0, 0.45), (0.06, 1.5, 0.14), s.mat("seat"), turn, 0.02)
    s.box(at(-2.17, 0, 0.45), (0.06, 1.5, 0.14), s.mat("seat"), turn, 0.02)
    for u in (-2.19, 2.2):
        s.box(at(u, 0, 0.55), (0.02, 0.42, 0.13), s.mat("curb_black"), turn)
        s.box(at(u * 1.004, 0, 0.55), (0.02, 0.34, 0.06), s.mat("plate"), turn)
    if lights:
        for v in (-0.6, 0.6):
            s.lamp("SPOT", at(2.3, v, 0.74), 260, (1, 0.92, 0.78), 0.06, at(14, v * 1.2, -0.2), 48)


def scooter(s: Stage, x: float, y: float, turn: float, color: Color, lights: bool) -> None:
    at, body, tyre = placed(x, y, turn), paint(s, color), s.mat("tyre")
    for u in (-0.62, 0.62):
        s.rod(at(u, -0.05, 0.28), at(u, 0.05, 0.28), 0.28, tyre, 22)
        s.rod(at(u, -0.06, 0.28), at(u, 0.06, 0.28), 0.15, s.mat("rim"), 14)
    s.box(at(-0.36, 0, 0.62), (0.85, 0.26, 0.24), body, turn, 0.08)
    s.box(at(-0.28, 0, 0.78), (0.78, 0.27, 0.11), s.mat("seat"), turn, 0.045)
    s.box(at(0.14, 0, 0.36), (0.5, 0.3, 0.1), body, turn, 0.03)
    s.box(at(0.40, 0, 0.64), (0.13, 0.38, 0.52), body, turn, 0.05)
    s.box(at(0.62, 0, 0.57), (0.42, 0.13, 0.06), body, turn, 0.025)
    s.rod(at(0.64, 0, 0.3), at(0.42, 0, 1.02), 0.04, tyre)
    s.rod(at(0.40, -0.34, 1.05), at(0.40, 0.34, 1.05), 0.025, tyre)
    for v in (-0.24, 0.24):
        s.rod(at(0.40, v, 1.05), at(0.36, v * 1.25, 1.26), 0.012, tyre, 6)
        s.ball(at(0.36, v * 1.25, 1.28), 0.06, s.mat("seat"), (0.4, 1, 0.7))
    s.rod(at(-0.85, -0.17, 0.36), at(-0.2, -0.17, 0.33), 0.055, s.mat("rim"))
    s.box(at(0.49, 0, 0.92), (0.13, 0.22, 0.17), _lamp(s, HEAD, 40 if lights else 0.2), turn, 0.04)
    s.box(at(-0.79, 0, 0.70), (0.06, 0.2, 0.1), _lamp(s, TAIL, 1.0 if lights else 0.1), turn, 0.02)
    s.box(at(-0.84, 0, 0.55), (0.02, 0.24, 0.1), s.mat("plate"), turn)
    if lights:
        s.lamp("SPOT", at(0.6, 0, 0.9), 160, (1, 0.92, 0.78), 0.05, at(10, 0, 0), 46)


def truck(s: Stage, x: float, y: float, turn: float, color: Color, lights: bool) -> None:
    """A box truck, 8 m long, of the size that carries ballot boxes."""
    at, cab, tyre = placed(x, y, turn), paint(s, color), s.mat("tyre")
    s.box(at(-1.1, 0, 2.15), (5.6, 2.4, 2.5), s.tint((0.62, 0.62, 0.60), 0.5), turn, 0.03)
    for u in (-3.4, -2.0, -0.6, 0.8):
        for v in (-1.205, 1.205):
            s.box(at(u, v, 2.15), (0.05, 0.02, 2.4), s.mat("steel"), turn)
    s.box(at(-3.92, 0, 2.1), (0.03, 0.05, 2.3), s.mat("seat"), turn)
    s.box(at(2.85, 0, 1.5), (1.75, 2.2, 1.95), cab, turn, 0.14)
    s.box(at(3.72, 0, 1.95), (0.06, 1.9, 0.75), s.mat("glass"), turn)
    for v in (-1.105, 1.105):
        s.box(at(3.1, v, 1.95), (0.8, 0.03, 0.62), s.mat("glass"), turn)
        s.box(at(3.72, v * 1.12, 1.9), (0.1, 0.2, 0.4), s.mat("seat"), turn)
    s.box(at(3.72, 0, 1.2), (0.06, 1.5, 0.3), s.mat("seat"), turn)
    s.box(at(3.76, 0, 0.62), (0.12, 2.2, 0.3), s.mat("steel"), turn, 0.03)
    s.box(at(-0.2, 0, 0.68), (7.6, 1.0, 0.26), s.mat("seat"), turn)
    for u in (2.75, -1.9, -2.95):
        for v in (-1, 1):
            s.rod(at(u, v * 0.8, 0.48), at(u, v * 1.15, 0.48), 0.48, tyre, 22)
            s.rod(at(u, v * 0.8, 0.48), at(u, v * 1.17, 0.48), 0.24, s.mat("rim"), 14)
    for v in (-0.85, 0.85):
        head = _lamp(s, HEAD, 40 if lights else 0.2)
        s.box(at(3.74, v, 0.95), (0.1, 0.34, 0.2), head, turn, 0.02)
        s.box(at(-3.94, v, 0.8), (0.06, 0.3, 0.14), _lamp(s, TAIL, 1.0 if lights else 0.1), turn)
        if lights:
            s.lamp("SPOT", at(3.9, v, 0.95), 260, (1, 0.92, 0.78), 0.06, at(16, v * 1.2, 0), 48)


def forklift(s: Stage, x: float, y: float, turn: float, color: Color, lights: bool) -> None:
    at, body, tyre = placed(x, y, turn), paint(s, color), s.mat("tyre")
    s.box(at(-0.45, 0, 0.72), (1.25, 1.05, 0.75), body, turn, 0.12)
    s.box(at(0.42, 0, 0.5), (0.7, 0.95, 0.35), s.mat("seat"), turn, 0.04)
    s.box(at(-0.15, 0, 1.2), (0.5, 0.5, 0.12), s.mat("seat"), turn, 0.03)
    for u, v in ((-0.85, -0.45), (-0.85, 0.45), (0.6, -0.45), (0.6, 0.45)):
        s.rod(at(u, v, 0.9), at(u * 0.8, v, 2.15), 0.04, s.mat("seat"))
        wheel = 0.3 if u > 0 else 0.26
        s.rod(at(u * 0.95, v * 0.9, wheel), at(u * 0.95, v * 1.25, wheel), wheel, tyre, 20)
    for u in (-0.6, -0.3, 0.0, 0.3):
        s.box(at(u, 0, 2.16), (0.07, 0.98, 0.05), s.mat("seat"), turn)
    for v in (-0.32, 0.32):
        s.box(at(0.9, v, 1.15), (0.1, 0.1, 2.1), s.mat("steel"), turn)
        s.box(at(1.45, v * 0.8, 0.16), (1.1, 0.11, 0.05), s.mat("steel"), turn)
    s.box(at(0.95, 0, 0.6), (0.06, 0.8, 0.6), s.mat("steel"), turn)
    s.box(at(1.5, 0, 0.24), (1.1, 1.1, 0.12), s.mat("wood"), turn)
    for w in (0.5, 0.9):
        for u in (1.25, 1.75):
            for v in (-0.26, 0.26):
                s.box(at(u, v, w), (0.48, 0.5, 0.39), s.mat("card"), turn, 0.01)
    s.ball(at(-0.2, 0, 2.26), 0.08, s.tint((1, 0.45, 0.02), 0.4, glow=12 if lights else 1))
