"""Clothes and car paints of the demo town (display BGR, 0..1)."""

from __future__ import annotations

import random

from serambi.sim.sprites import Tint

Color = tuple[float, float, float]

TOPS: tuple[Color, ...] = (
    (0.52, 0.28, 0.18),
    (0.20, 0.22, 0.55),
    (0.62, 0.62, 0.60),
    (0.30, 0.45, 0.28),
    (0.36, 0.46, 0.56),
    (0.36, 0.30, 0.30),
    (0.58, 0.48, 0.34),
    (0.25, 0.32, 0.48),
    (0.55, 0.42, 0.58),
)
LEGS: tuple[Color, ...] = (
    (0.24, 0.20, 0.18),
    (0.34, 0.24, 0.18),
    (0.17, 0.17, 0.18),
    (0.30, 0.36, 0.42),
)
HAIR: tuple[Color, ...] = ((0.08, 0.08, 0.09), (0.10, 0.10, 0.12), (0.13, 0.13, 0.16))
SCARVES: tuple[Color, ...] = (
    (0.62, 0.60, 0.66),
    (0.55, 0.42, 0.30),
    (0.42, 0.36, 0.58),
    (0.40, 0.50, 0.36),
    (0.22, 0.22, 0.26),
    (0.46, 0.60, 0.66),
)
BODIES: tuple[Color, ...] = (
    (0.70, 0.70, 0.70),
    (0.58, 0.58, 0.57),
    (0.20, 0.20, 0.21),
    (0.14, 0.14, 0.52),
    (0.40, 0.26, 0.16),
    (0.32, 0.33, 0.36),
    (0.62, 0.66, 0.68),
)
SCOOTERS: tuple[Color, ...] = (
    (0.14, 0.12, 0.62),
    (0.52, 0.26, 0.12),
    (0.20, 0.20, 0.22),
    (0.30, 0.46, 0.14),
    (0.62, 0.62, 0.62),
    (0.12, 0.42, 0.70),
)


def faded(color: Color, by: float = 0.25) -> Color:
    """Cloth that has seen sun and washing."""
    gray = 0.15 * color[0] + 0.55 * color[1] + 0.30 * color[2]
    return (
        color[0] + (gray - color[0]) * by,
        color[1] + (gray - color[1]) * by,
        color[2] + (gray - color[2]) * by,
    )


def tint_for(kind: str, rng: random.Random) -> Tint:
    """A look for an actor of that kind, drawn from `rng`."""
    top, legs = faded(rng.choice(TOPS)), rng.choice(LEGS)
    if kind == "hijab":
        return Tint(top, rng.choice((legs, top)), rng.choice(SCARVES))
    if kind == "car":
        return Tint(head=rng.choice(BODIES))
    if kind == "bike":
        return Tint(top, legs, rng.choice(SCOOTERS))
    if kind == "truck":
        return Tint(head=(0.10, 0.52, 0.72))
    if kind == "forklift":
        return Tint(head=(0.08, 0.50, 0.82))
    return Tint(top, legs, rng.choice(HAIR))
