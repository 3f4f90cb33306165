"""Actor sprites: rendered once at many angles, tinted here, looked up by view."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass, field
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
#: Display brightness of the neutral paint that a tint replaces.
NEUTRAL = 0.70


@dataclass(frozen=True)
class Tint:
    """Display colors (BGR, 0..1) of top, legs and head; a vehicle's body is its head paint."""

    top: tuple[float, float, float] = (0.7, 0.7, 0.7)
    legs: tuple[float, float, float] = (0.25, 0.22, 0.2)
    head: tuple[float, float, float] = (0.1, 0.1, 0.1)


@dataclass(frozen=True)
class Sheet:
    color: Image
    paint: Image
    elevations: tuple[float, ...]  # radians
    angles: int
    phases: int
    columns: int
    cell: tuple[int, int]
    scale: float
    origin: tuple[int, int]

    def place(self, elevation: int, angle: int, phase: int) -> tuple[int, int]:
        """Left and top of a cell in pixels."""
        if self.phases == 1:
            row, column = divmod(angle, self.columns)
            rows = math.ceil(self.angles / self.columns)
        else:
            row, column, rows = angle, phase, self.angles
        return column * self.cell[0], (elevation * rows + row) * self.cell[1]


def exists(name: str) -> bool:
    return (resources.files("serambi.sim") / "scenes" / name).is_file()


def asset(name: str) -> bytes:
    return (resources.files("serambi.sim") / "scenes" / name).read_bytes()


def picture(name: str, flags: int = cv2.IMREAD_COLOR) -> Image:
    decoded = cv2.imdecode(np.frombuffer(asset(name), np.uint8), flags)
    return np.asarray(decoded, np.uint8)


@functools.lru_cache(maxsize=8)
def sheet(name: str) -> Sheet:
    facts = json.loads(asset(f"sprite_{name}.json"))
    return Sheet(
        picture(f"sprite_{name}.webp", cv2.IMREAD_UNCHANGED),
        picture(facts["paint"]),
        tuple(math.radians(e) for e in facts["elevations_deg"]),
        facts["angles"],
        facts["phases"],
        facts["columns"],
        tuple(facts["cell"]),
        facts["scale"],
        tuple(facts["origin"]),
    )


@dataclass(frozen=True)
class View:
    """Premultiplied BGRA, its pixels per meter, the ground point inside it, and its angles."""

    pixels: Image
    scale: float
    origin: tuple[float, float]
    elevation: float
    relative: float

    def offset(self, u: float, v: float, w: float) -> tuple[float, float]:
        """Where the actor's point (ahead, left, up) shows: meters right and down of its foot."""
        cos, sin = math.sin(self.relative), -math.cos(self.relative)
        away = u * sin + v * cos
        up = away * math.sin(self.elevation) + w * math.cos(self.elevation)
        return u * cos - v * sin, -up


@dataclass
class Actor:
    """One actor's look: a sheet with a tint. Views are made when first seen and kept."""

    sheet: Sheet
    tint: Tint
    mono: bool = False
    _views: dict[tuple[int, int, int, bool, int], View] = field(default_factory=dict)

    def view(
        self, relative: float, elevation: float, phase: float | None, wanted_scale: float
    ) -> View:
        """`relative` is the heading minus the bearing to the camera; phase None is at rest."""
        relative = math.remainder(relative, 2 * math.pi)
        mirrored = relative < 0
        angle = round(abs(relative) / math.pi * (self.sheet.angles - 1))
        high = min(
            range(len(self.sheet.elevations)),
            key=lambda i: abs(self.sheet.elevations[i] - elevation),
        )
        cell = 0
        if self.sheet.phases > 1:
            steps = self.sheet.phases - 1
            cell = steps if phase is None else int((phase + 0.5 * mirrored) * steps) % steps
        level = 0
        while self.sheet.scale / 2 ** (level + 1) >= wanted_scale and level < 4:
            level += 1
        key = (high, angle, cell, mirrored, level)
        if key not in self._views:
            self._views[key] = self._make(*key)
        return self._views[key]

    def _make(self, high: int, angle: int, cell: int, mirrored: bool, level: int) -> View:
        wide, tall = self.sheet.cell
        left, top = self.sheet.place(high, angle, cell)
        color = self.sheet.color[top : top + tall, left : left + wide].astype(np.float32) / 255
        weights = self.sheet.paint[top : top + tall, left : left + wide].astype(np.float32) / 255
        shade = color[..., :3]
        tinted = shade.copy()
        # OpenCV reads BGR: the top's weight is red, the legs' green, the head's blue.
        for channel, tint in ((2, self.tint.top), (1, self.tint.legs), (0, self.tint.head)):
            weight = weights[..., channel : channel + 1]
            tinted += weight * shade * (np.array(tint, np.float32) / NEUTRAL - 1)
        if self.mono:
            gray = tinted @ np.array([0.25, 0.5, 0.25], np.float32) * 1.08
            tinted = np.repeat(gray[..., None], 3, 2)
        alpha = color[..., 3:]
        pixels = np.clip(np.dstack([tinted * alpha, alpha]) * 255, 0, 255).astype(np.uint8)
        x, y = self.sheet.origin
        pixels, (cut_x, cut_y) = _trimmed(pixels)
        tall, wide = pixels.shape[:2]
        x, y = x - cut_x, y - cut_y
        if mirrored:
            pixels, x = np.ascontiguousarray(pixels[:, ::-1]), wide - x
        shrink = 0.5**level
        turn = math.pi * angle / (self.sheet.angles - 1) * (-1 if mirrored else 1)
        if level:
            size = (round(wide * shrink), round(tall * shrink))
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        return View(
            pixels,
            self.sheet.scale * shrink,
            (x * shrink, y * shrink),
            self.sheet.elevations[high],
            turn,
        )


#: Trimming keeps to this grid, so that halving a view several times stays exact.
_GRID = 16


def _trimmed(pixels: Image) -> tuple[Image, tuple[int, int]]:
    """The view without its empty rim, and how much was cut at the left and the top."""
    rows, columns = (np.flatnonzero(pixels[..., 3].max(axis)) for axis in (1, 0))
    if len(rows) == 0:
        return pixels, (0, 0)
    top, left = int(rows[0]) // _GRID * _GRID, int(columns[0]) // _GRID * _GRID
    bottom, right = (-(-int(end[-1] + 1) // _GRID) * _GRID for end in (rows, columns))
    return np.ascontiguousarray(pixels[top:bottom, left:right]), (left, top)
