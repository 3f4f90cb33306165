"""Hands on the camera: each kind of tampering as a change of finished pictures."""

import random
from collections.abc import Callable

import cv2
import numpy as np

from benches._stage import HIGH, WIDE, Luma, Plane

Spoil = Callable[[Luma, int], Luma]


def cover(rng: random.Random) -> Spoil:
    """Something opaque and unsharp over at least a tenth of the picture, from one side."""
    share = rng.choice((rng.uniform(0.1, 0.4), 1.0))
    level = rng.uniform(8, 200)
    mask = np.zeros((HIGH, WIDE), np.float32)
    side = rng.randrange(4)
    if share == 1.0:
        mask[:] = 1
    elif side < 2:
        wide = round(share * WIDE)
        mask[:, :wide] = 1
        mask = mask[:, ::-1].copy() if side else mask
    else:
        high = round(share * HIGH)
        mask[:high] = 1
        mask = mask[::-1].copy() if side == 3 else mask
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 6)), np.float32)
    tone = np.linspace(0.85, 1.15, WIDE, dtype=np.float32)[None, :] * level
    return lambda luma, number: _mix(luma, mask, tone, number)


def spray(rng: random.Random) -> Spoil:
    """Blots of paint."""
    mask = np.zeros((HIGH, WIDE), np.float32)
    for _ in range(rng.randrange(5, 9)):
        at = (round(rng.uniform(0.2, 0.8) * WIDE), round(rng.uniform(0.2, 0.8) * HIGH))
        cv2.circle(mask, at, round(rng.uniform(55, 95)), 1.0, -1)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 7), np.float32)
    tone = np.full((1, WIDE), rng.uniform(15, 180), np.float32)
    return lambda luma, number: _mix(luma, mask, tone, number)


def defocus(rng: random.Random) -> Spoil:
    sigma = rng.uniform(2.2, 7)
    return lambda luma, number: _noisy(
        np.asarray(cv2.GaussianBlur(luma, (0, 0), sigma), np.uint8), number
    )


def blind(rng: random.Random) -> Spoil:
    """A lamp into the lens."""
    x, y = rng.uniform(0.3, 0.7) * WIDE, rng.uniform(0.3, 0.7) * HIGH
    ys, xs = np.mgrid[0:HIGH, 0:WIDE].astype(np.float32)
    reach = rng.uniform(190, 300)
    flare = 620 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * reach**2))
    return lambda luma, number: np.clip(luma * 0.4 + flare, 0, 255).astype(np.uint8)


def freeze(rng: random.Random) -> Spoil:
    kept: list[Luma] = []

    def spoil(luma: Luma, number: int) -> Luma:
        if not kept:
            kept.append(luma)
        return kept[0]

    return spoil


def _warped(matrix: Plane) -> Spoil:
    return lambda luma, number: np.asarray(
        cv2.warpAffine(luma, matrix, (WIDE, HIGH), borderMode=cv2.BORDER_REFLECT), np.uint8
    )


def pan(rng: random.Random, least: float = 0.1) -> Spoil:
    """By at least that share of the width, in any direction."""
    turn, far = rng.uniform(0, 2 * np.pi), rng.uniform(least, 0.35) * WIDE
    return _warped(np.array([[1, 0, far * np.cos(turn)], [0, 1, far * np.sin(turn)]], np.float32))


def zoom(rng: random.Random, least: float = 1.15) -> Spoil:
    by = rng.uniform(least, 1.8)
    matrix = cv2.getRotationMatrix2D((WIDE / 2, HIGH / 2), 0, by)
    return _warped(np.asarray(matrix, np.float32))


def roll(rng: random.Random, least_deg: float = 5) -> Spoil:
    turn = rng.choice((-1, 1)) * rng.uniform(least_deg, 20)
    return _warped(np.asarray(cv2.getRotationMatrix2D((WIDE / 2, HIGH / 2), turn, 1.0), np.float32))


TAMPERINGS: dict[str, Callable[[random.Random], Spoil]] = {
    "cover": cover,
    "spray": spray,
    "defocus": defocus,
    "blind": blind,
    "freeze": freeze,
    "pan": pan,
    "zoom": zoom,
    "roll": roll,
}


def _mix(luma: Luma, mask: Plane, tone: Plane, number: int) -> Luma:
    mixed = luma * (1 - mask) + mask * tone
    return _noisy(np.clip(mixed, 0, 255).astype(np.uint8), number)


def _noisy(luma: Luma, number: int) -> Luma:
    """The sensor's noise lies behind the lens, and stays whatever is done to that."""
    noise = np.random.default_rng(number).normal(0, 1.2, luma.shape)
    return np.clip(luma + noise, 0, 255).astype(np.uint8)
