"""The camera of a scene: from meters in the demo town to pixels. Knows no pictures.

World axes: x and y on the ground, z up, meters. Headings are radians from +x towards +y.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720


@dataclass(frozen=True)
class Spot:
    """Where a point lands: pixels (may lie outside), depth in meters, pixels per meter there."""

    x: float
    y: float
    depth_m: float
    scale: float


@dataclass(frozen=True)
class Projection:
    """A pinhole camera behind a lens with slight barrel distortion."""

    focal: float
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]
    lens_k: float

    @functools.cached_property
    def _rows(self) -> list[list[float]]:
        return [[float(c) for c in row] for row in self.rotation]

    @functools.cached_property
    def _shift(self) -> list[float]:
        return [float(c) for c in self.translation]

    @functools.cached_property
    def eye(self) -> NDArray[np.float64]:
        return np.asarray(-self.rotation.T @ self.translation)

    def spot(self, x: float, y: float, z: float = 0.0) -> Spot | None:
        """The point's place in the picture; None when it is not in front of the camera."""
        (ux, uy, uz), (vx, vy, vz), (dx, dy, dz) = self._rows
        tu, tv, td = self._shift
        depth = dx * x + dy * y + dz * z + td
        u = ux * x + uy * y + uz * z + tu
        v = vx * x + vy * y + vz * z + tv
        if depth < 0.5:
            return None
        half = WIDTH / 2
        u, v = u / depth * self.focal / half, v / depth * self.focal / half
        swell = self._swell(u, v)
        return Spot(
            u * swell * half + WIDTH / 2,
            v * swell * half + HEIGHT / 2,
            depth,
            self.focal / depth * swell,
        )

    def _swell(self, u: float, v: float) -> float:
        """How far the lens moves a pinhole point from the center: solves r = m (1 + k m^2) / c."""
        full = 1 + self.lens_k * (1 + (HEIGHT / WIDTH) ** 2)
        radius = math.hypot(u, v)
        if radius < 1e-9:
            return full
        wanted = radius * full
        moved = min(wanted, (wanted / self.lens_k) ** (1 / 3)) if self.lens_k else wanted
        for _ in range(4):  # Newton, from above: the curve is convex, so it cannot overshoot
            cube = self.lens_k * moved * moved
            moved -= (moved * (1 + cube) - wanted) / (1 + 3 * cube)
        return moved / radius

    def bearing(self, x: float, y: float) -> tuple[float, float]:
        """From a ground point: the heading towards the camera, and its elevation (radians)."""
        ex, ey, ez = self.eye
        return math.atan2(ey - y, ex - x), math.atan2(ez, math.hypot(ex - x, ey - y))
