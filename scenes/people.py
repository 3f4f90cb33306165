"""People for the sprites: jointed figures whose clothes are remeshed into one soft surface.

A figure walks towards +x. `phase` runs from 0 to 1 over one full stride (two steps).
Clothing is painted by role ("top", "legs", "head"), which the compositor tints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from stage import Stage

# isort: split
# Both exist only once stage has imported bpy.
import bpy
from mathutils import Vector

Joint = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """Joint angles in radians; forward is positive."""

    thighs: tuple[float, float]
    knees: tuple[float, float]
    arms: tuple[float, float]
    elbows: tuple[float, float]
    bob: float = 0.0
    lean: float = 0.04
    drop: float = 0.0


def walking(phase: float, carry: bool = False) -> Pose:
    def leg(p: float) -> tuple[float, float]:
        swing = math.sin(2 * math.pi * p)
        lift = max(0.0, math.cos(2 * math.pi * p + 0.25))
        return 0.46 * swing + 0.05, -(0.12 + 0.85 * lift * lift)

    left, right = leg(phase), leg(phase + 0.5)
    swing = 0.42 * math.sin(2 * math.pi * phase)
    arms, elbows = (-swing, swing), (0.25 + 0.2 * max(0, -swing), 0.25 + 0.2 * max(0, swing))
    if carry:
        arms, elbows = (0.55, 0.55), (0.95, 0.95)
    bob = 0.022 * math.cos(4 * math.pi * phase) - 0.02
    return Pose((left[0], right[0]), (left[1], right[1]), arms, elbows, bob)


STANDING = Pose((0.03, -0.02), (-0.04, -0.02), (0.04, 0.0), (0.16, 0.12), lean=0.0)
BENDING = Pose((0.75, 0.45), (-1.0, -0.8), (0.95, 0.95), (0.15, 0.15), lean=0.95, drop=0.16)
RIDING = Pose((1.35, 1.35), (-1.45, -1.45), (0.75, 0.75), (0.45, 0.45), lean=0.06)


class Figure:
    """Places one person's parts around a ground point, turned by `turn`."""

    def __init__(self, s: Stage, x: float, y: float, turn: float) -> None:
        self.s, self.x, self.y = s, x, y
        self.cos, self.sin = math.cos(turn), math.sin(turn)
        self.turn = turn

    def at(self, p: Joint) -> Vector:
        u, v, w = p
        x, y = self.x + u * self.cos - v * self.sin, self.y + u * self.sin + v * self.cos
        return Vector((x, y, w))

    def limb(self, a: Joint, b: Joint, ra: float, rb: float, mat: Any) -> list[Any]:
        return [
            self.s.rod(self.at(a), self.at(b), ra, mat, 12, rb),
            self.s.ball(self.at(a), ra, mat),
            self.s.ball(self.at(b), rb, mat),
        ]

    def ball(self, p: Joint, radius: float, mat: Any, scale: Joint = (1, 1, 1)) -> Any:
        thing = self.s.ball(self.at(p), radius, mat, scale)
        thing.rotation_euler = (0, 0, self.turn)
        return thing


def _down(start: Joint, angle: float, length: float, out: float = 0.0) -> Joint:
    return (
        start[0] + math.sin(angle) * length,
        start[1] + out,
        start[2] - math.cos(angle) * length,
    )


def melt(parts: list[Any], voxel: float = 0.016) -> None:
    """Join the parts into one surface and smooth it, so that limbs read as cloth."""
    bpy.ops.object.select_all(action="DESELECT")
    for part in parts:
        part.select_set(True)
    bpy.context.view_layer.objects.active = parts[0]
    bpy.ops.object.transform_apply(location=True, rotation=True, scale=True)
    bpy.ops.object.join()
    body = bpy.context.view_layer.objects.active
    remesh = body.modifiers.new("remesh", "REMESH")
    remesh.mode, remesh.voxel_size, remesh.use_smooth_shade = "VOXEL", voxel, True
    smooth = body.modifiers.new("smooth", "SMOOTH")
    smooth.factor, smooth.iterations = 0.6, 5


def person(
    s: Stage,
    x: float,
    y: float,
    turn: float,
    pose: Pose,
    kind: str = "man",
    carry: bool = False,
    base: float = 0.0,
    helmet: bool = False,
) -> None:
    """`kind` is "man", "cap" or "hijab"; the figure is about 1.7 m tall."""
    f = Figure(s, x, y, turn)
    top, legs, head = s.mat("role_top"), s.mat("role_legs"), s.mat("role_head")
    skin, shoe = s.mat("skin"), s.mat("seat")
    hip = (0.0, 0.0, base + 0.88 + pose.bob - pose.drop)
    lean = pose.lean
    neck = (hip[0] + math.sin(lean) * 0.52, 0.0, hip[2] + math.cos(lean) * 0.52)
    waist = (hip[0] + math.sin(lean) * 0.14, 0.0, hip[2] + math.cos(lean) * 0.14)
    _legs(f, pose, hip, legs, shoe, kind == "hijab" and not helmet)
    cloth = f.limb(
        waist,
        (neck[0] - math.sin(lean) * 0.14, 0, neck[2] - math.cos(lean) * 0.14),
        0.145,
        0.165,
        top,
    )
    for side in (-1, 1):
        chest = (neck[0] - math.sin(lean) * 0.1, side * 0.10, neck[2] - 0.12 * math.cos(lean))
        cloth += f.limb((waist[0], side * 0.06, waist[2] - 0.06), chest, 0.12, 0.10, top)
    _arms(f, pose, neck, cloth, top, skin)
    melt(cloth)
    _head(f, neck, lean, head, skin, kind, helmet)
    if carry:
        held = neck[0] + 0.40
        s.box(f.at((held, 0, neck[2] - 0.30)), (0.34, 0.42, 0.32), s.mat("card"), turn, 0.01)
        s.box(f.at((held, 0, neck[2] - 0.138)), (0.34, 0.06, 0.006), s.mat("tape"), turn)


def _legs(f: Figure, pose: Pose, hip: Joint, legs: Any, shoe: Any, skirt: bool) -> None:
    parts: list[Any] = []
    knees = []
    for i, side in enumerate((1, -1)):
        start = (hip[0], side * 0.085, hip[2])
        knee = _down(start, pose.thighs[i], 0.41)
        ankle = _down(knee, pose.thighs[i] + pose.knees[i], 0.38)
        knees.append((knee, ankle))
        parts += f.limb(start, knee, 0.092, 0.066, legs)
        parts += f.limb(knee, ankle, 0.064, 0.05, legs)
        foot = max(ankle[2] - 0.05, 0.04)
        f.ball((ankle[0] + 0.06, side * 0.085, foot), 0.06, shoe, (2.1, 0.85, 0.75))
    if skirt:
        parts += f.limb(hip, (hip[0], 0, hip[2] - 0.25), 0.13, 0.15, legs)
        for knee, ankle in knees:
            parts += f.limb(hip, knee, 0.13, 0.13, legs)
            parts += f.limb(knee, (ankle[0], ankle[1], ankle[2] + 0.03), 0.13, 0.11, legs)
        middle = ((knees[0][1][0] + knees[1][1][0]) / 2, 0.0, hip[2] - 0.72)
        parts += f.limb((hip[0], 0, hip[2] - 0.3), middle, 0.15, 0.14, legs)
    melt(parts)


def _arms(f: Figure, pose: Pose, neck: Joint, cloth: list[Any], top: Any, skin: Any) -> None:
    for i, side in enumerate((1, -1)):
        shoulder = (neck[0], side * 0.175, neck[2] - 0.075)
        elbow = _down(shoulder, pose.arms[i], 0.27, side * 0.02)
        wrist = _down(elbow, pose.arms[i] + pose.elbows[i], 0.22, -side * 0.01)
        hand = _down(elbow, pose.arms[i] + pose.elbows[i], 0.30, -side * 0.01)
        cloth += f.limb(shoulder, elbow, 0.068, 0.054, top)
        cloth += f.limb(elbow, _mid(elbow, wrist, 0.55), 0.052, 0.046, top)
        f.limb(_mid(elbow, wrist, 0.5), wrist, 0.037, 0.032, skin)
        f.ball(hand, 0.042, skin)


def _mid(a: Joint, b: Joint, t: float) -> Joint:
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def _head(
    f: Figure, neck: Joint, lean: float, cover: Any, skin: Any, kind: str, helmet: bool
) -> None:
    x, z = neck[0] + math.sin(lean) * 0.16 + 0.015, neck[2] + 0.05 + math.cos(lean) * 0.13
    if helmet:
        f.ball((x, 0, z + 0.02), 0.145, cover, (1.08, 0.98, 1.0))
        f.ball((x + 0.07, 0, z), 0.105, f.s.mat("glass"), (0.85, 1.0, 0.62))
        return
    f.limb((neck[0], 0, neck[2] - 0.04), (x, 0, z - 0.06), 0.058, 0.05, skin)
    f.ball((x + 0.012, 0, z), 0.098, skin, (0.98, 0.82, 1.2))
    if kind == "hijab":
        shoulders = (neck[0] + 0.01, 0.0, neck[2] - 0.1)
        melt(
            [
                f.ball((x - 0.02, 0, z + 0.025), 0.122, cover, (0.98, 0.95, 1.12)),
                *f.limb((x - 0.02, 0, z - 0.08), shoulders, 0.105, 0.165, cover),
            ]
        )
    else:
        f.ball((x - 0.018, 0, z + 0.038), 0.104, cover, (1.0, 0.90, 1.0))
        if kind == "cap":
            f.ball((x + 0.1, 0, z + 0.05), 0.08, cover, (1.1, 0.85, 0.2))
