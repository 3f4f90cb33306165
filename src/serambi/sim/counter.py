"""The frame number drawn into every simulated picture, and the reader of it.

Geometry, all in fractions so that a scaled picture reads alike (W, H = size in pixels):

- The strip lies at the bottom left: x from 0 to 40/64 of W, y from 44/45 of H to H.
- It holds 40 cells side by side, each W/64 wide and H/45 high. Light cell = 1, dark cell = 0.
- Cells 0-3 are the opening marker 1 1 0 1; cells 36-39 the closing marker 0 1 0 0.
- Cells 4-19: frame number of the loop, 16 bits, most significant first.
- Cells 20-27: camera tag, 8 bits, most significant first.
- Cells 28-35: CRC-8 (polynomial 0x07, start 0xFF, no reflection, no final XOR) over the three
  bytes: frame number high, frame number low, tag.

To read cell i: mean gray of the pixels with x in [floor((i+0.25)*W/64), ceil((i+0.75)*W/64))
and y in [floor((44+0.25)*H/45), ceil((44+0.75)*H/45)). The threshold is halfway between the mean
of the light and the mean of the dark marker cells, which must lie at least 50 of 255 apart.
Markers and CRC must agree, else nothing was read.
"""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from serambi.base.errors import Kind, SerambiError

Picture = NDArray[np.uint8]

COLUMNS, ROWS = 64, 45
OPENING, CLOSING = (1, 1, 0, 1), (0, 1, 0, 0)
CELLS = 40
_LIGHT, _DARK = 232, 24
_MIN_WIDTH = 320
_MIN_CONTRAST = 50.0


def crc8(message: bytes) -> int:
    """CRC-8 as the geometry above defines it."""
    crc = 0xFF
    for byte in message:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def _bits(camera_tag: int, n: int) -> list[int]:
    message = bytes((n >> 8, n & 0xFF, camera_tag))
    word = int.from_bytes(message + bytes((crc8(message),)), "big")
    return [*OPENING, *((word >> (31 - i)) & 1 for i in range(32)), *CLOSING]


def draw(picture: Picture, camera_tag: int, n: int) -> None:
    """Draw the counter into `picture` (height, width[, channels]), in place.

    `camera_tag` 0-255, `n` 0-65535; picture at least 320 wide. Else `SerambiError(BAD_INPUT)`.
    """
    if not 0 <= camera_tag <= 0xFF or not 0 <= n <= 0xFFFF:
        raise SerambiError(Kind.BAD_INPUT, f"counter cannot hold tag {camera_tag}, frame {n}")
    height, width = picture.shape[:2]
    if width < _MIN_WIDTH or height < ROWS:
        raise SerambiError(Kind.BAD_INPUT, f"picture of {width}x{height} is too small to number")
    top = round(height * (ROWS - 1) / ROWS)
    for i, bit in enumerate(_bits(camera_tag, n)):
        left, right = round(i * width / COLUMNS), round((i + 1) * width / COLUMNS)
        picture[top:, left:right] = _LIGHT if bit else _DARK


def read(picture: NDArray[Any]) -> tuple[int, int] | None:
    """(camera tag, frame number) of a picture, or None when it cannot be read with certainty."""
    if picture.ndim not in (2, 3):
        return None
    height, width = picture.shape[:2]
    if width < _MIN_WIDTH or height < ROWS:
        return None
    top = math.floor((ROWS - 0.75) * height / ROWS)
    bottom = math.ceil((ROWS - 0.25) * height / ROWS)
    gray = [
        float(
            picture[
                top:bottom,
                math.floor((i + 0.25) * width / COLUMNS) : math.ceil((i + 0.75) * width / COLUMNS),
            ].mean()
        )
        for i in range(CELLS)
    ]
    marker = list(zip((*OPENING, *CLOSING), gray[:4] + gray[-4:], strict=True))
    light = sum(value for bit, value in marker if bit) / 4
    dark = sum(value for bit, value in marker if not bit) / 4
    if light - dark < _MIN_CONTRAST:
        return None
    bits = [int(value > (light + dark) / 2) for value in gray]
    word = 0
    for bit in bits[4:36]:
        word = word << 1 | bit
    n, camera_tag = word >> 16, word >> 8 & 0xFF
    return (camera_tag, n) if bits == _bits(camera_tag, n) else None


def draw_name(picture: Picture, name: str) -> None:
    """Write the camera's name small at the top left, light on a dark edge, as cameras do."""
    height = picture.shape[0]
    scale = height / 720 * 0.6
    at = (round(height / 45), round(height / 22))
    for color, thickness in (((20, 20, 20), 3), ((235, 235, 235), 1)):
        cv2.putText(
            picture, name[:40], at, cv2.FONT_HERSHEY_SIMPLEX, scale, color, thickness, cv2.LINE_AA
        )
