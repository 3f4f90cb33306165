"""Small strokes on a frame, in place: sprite over, shade, glow. All 8-bit, all clipped."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]  # left, top, right, bottom

_BLOB_SIDE = 64
#: A light this close to the camera would only blind the picture.
HALO_MAX_PX = 1024


def _gauss(side: int) -> Image:
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    r2 = axis[:, None] ** 2 + axis[None, :] ** 2
    fall = np.exp(-3.2 * r2) * np.clip(1.15 - r2, 0, 1)
    return np.asarray(np.clip(fall / fall.max() * 255, 0, 255), np.uint8)


def _plateau(side: int) -> Image:
    """Dark in the middle, soft at the rim: the shade under a car."""
    axis = np.abs(np.linspace(-1, 1, side, dtype=np.float32))
    edge = np.clip((1 - axis) / 0.42, 0, 1)
    edge = edge * edge * (3 - 2 * edge)
    return np.asarray(np.outer(edge, edge) * 255, np.uint8)


def _beam(side: int) -> Image:
    """Two headlights' pool of light, from the car (left) outwards (right)."""
    along = np.linspace(0, 1, side, dtype=np.float32)[None, :]
    across = np.linspace(-1, 1, side, dtype=np.float32)[:, None]
    wide = 0.16 + 0.62 * along
    pool = np.exp(-(((across - 0.12) / wide) ** 2)) + np.exp(-(((across + 0.12) / wide) ** 2))
    length = np.clip(along / 0.18, 0, 1) * np.exp(-2.4 * along) * np.clip((1 - along) * 4, 0, 1)
    light = pool * length * np.clip((1 - np.abs(across)) * 4, 0, 1)
    return np.asarray(np.clip(light / light.max() * 255, 0, 255), np.uint8)


GAUSS, PLATEAU, BEAM = _gauss(_BLOB_SIDE), _plateau(_BLOB_SIDE), _beam(_BLOB_SIDE)
_CORNERS = np.array(
    [[0, 0], [_BLOB_SIDE, 0], [_BLOB_SIDE, _BLOB_SIDE], [0, _BLOB_SIDE]], np.float32
)


def clip_box(
    left: float, top: float, right: float, bottom: float, shape: Sequence[int]
) -> Box | None:
    """The part of a rectangle that lies inside the picture; None when nothing does."""
    x0, y0 = max(0, int(np.floor(left))), max(0, int(np.floor(top)))
    x1, y1 = min(shape[1], int(np.ceil(right)) + 1), min(shape[0], int(np.ceil(bottom)) + 1)
    return (x0, y0, x1, y1) if x1 - x0 > 1 and y1 - y0 > 1 else None


def visible(depth: Image, box: Box, code: int) -> Image | None:
    """Mask of what an actor at depth `code` shows in the box; None when nothing hides it."""
    x0, y0, x1, y1 = box
    mask = cv2.inRange(depth[y0:y1, x0:x1], code, 255)
    if cv2.countNonZero(mask) == mask.size:
        return None
    return np.asarray(cv2.blur(mask, (3, 3)), np.uint8)


def over(frame: Image, sprite: Image, box: Box, mask: Image | None) -> None:
    """Lay a premultiplied BGRA sprite of the box's size over the frame."""
    x0, y0, x1, y1 = box
    if mask is not None:
        sprite = np.asarray(cv2.multiply(sprite, cv2.merge([mask] * 4), scale=1 / 255), np.uint8)
    keep = cv2.bitwise_not(sprite[..., 3])
    ground = frame[y0:y1, x0:x1]
    kept = cv2.multiply(ground, cv2.merge([keep] * 3), scale=1 / 255)
    frame[y0:y1, x0:x1] = cv2.add(kept, sprite[..., :3].copy())


def on_ground(
    shape: Image, quad: NDArray[np.float32], size: Sequence[int]
) -> tuple[Image, Box] | None:
    """Warp a stroke onto a quad of pixels; returns it with its box."""
    low, high = quad.min(0), quad.max(0)
    box = clip_box(low[0], low[1], high[0], high[1], size)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    matrix = cv2.getPerspectiveTransform(_CORNERS, quad - np.array([x0, y0], np.float32))
    return np.asarray(cv2.warpPerspective(shape, matrix, (x1 - x0, y1 - y0)), np.uint8), box


def shade(frame: Image, stroke: Image, box: Box, mask: Image | None, strength: float) -> None:
    """Darken the frame where the stroke is strong."""
    x0, y0, x1, y1 = box
    if mask is not None:
        stroke = np.asarray(cv2.multiply(stroke, mask, scale=1 / 255), np.uint8)
    keep = cv2.convertScaleAbs(stroke, alpha=-strength, beta=255)  # never below 0: strength <= 1
    ground = frame[y0:y1, x0:x1]
    frame[y0:y1, x0:x1] = cv2.multiply(ground, cv2.merge([keep] * 3), scale=1 / 255)


def lighten(
    frame: Image,
    stroke: Image,
    box: Box,
    mask: Image | None,
    color: tuple[float, float, float],
    by_ground: float,
) -> None:
    """Add light: `by_ground` of it is what the ground reflects, the rest is plain glow."""
    x0, y0, x1, y1 = box
    if mask is not None:
        stroke = np.asarray(cv2.multiply(stroke, mask, scale=1 / 255), np.uint8)
    light = cv2.merge([cv2.convertScaleAbs(stroke, alpha=c) for c in color])
    ground = frame[y0:y1, x0:x1]
    if by_ground:
        lit = cv2.multiply(ground, light, scale=by_ground / 255)
        frame[y0:y1, x0:x1] = cv2.add(ground, lit)
    else:
        frame[y0:y1, x0:x1] = cv2.add(ground, light)


def halo(
    frame: Image,
    x: float,
    y: float,
    radius: tuple[float, float],
    color: tuple[float, float, float],
    depth: Image | None,
    code: int,
) -> None:
    """A soft ellipse of light; hidden where the depth map is nearer than `code`."""
    rx, ry = max(radius[0], 2.0), max(radius[1], 2.0)
    left, top, wide, high = round(x - rx), round(y - ry), round(2 * rx), round(2 * ry)
    box = clip_box(left, top, left + wide - 1, top + high - 1, frame.shape)
    if box is None or max(wide, high) > HALO_MAX_PX:
        return
    whole = cv2.resize(GAUSS, (wide, high))
    stroke = np.asarray(whole[box[1] - top : box[3] - top, box[0] - left : box[2] - left], np.uint8)
    mask = None if depth is None else visible(depth, box, code)
    lighten(frame, stroke, box, mask, color, 0.0)
