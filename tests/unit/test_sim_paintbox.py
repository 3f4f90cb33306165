"""Strokes on a frame: clipped at its edges, hidden by the depth map, never wrapping around."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from serambi.sim import paintbox

Image = NDArray[np.uint8]
NOTHING_HIDES = 255


def gray(value: int = 100) -> Image:
    return np.full((72, 128, 3), value, np.uint8)


def depth(value: int = NOTHING_HIDES) -> Image:
    return np.full((72, 128), value, np.uint8)


def square(color: int, alpha: int, side: int = 10) -> Image:
    sprite = np.zeros((side, side, 4), np.uint8)
    sprite[..., :3], sprite[..., 3] = color, alpha
    return sprite


coordinate = st.floats(-500, 500)


@given(coordinate, coordinate, coordinate, coordinate)
def test_a_clipped_box_always_lies_in_the_picture(a: float, b: float, c: float, d: float) -> None:
    box = paintbox.clip_box(a, b, c, d, (72, 128))
    if box is not None:
        left, top, right, bottom = box
        assert 0 <= left < right <= 128
        assert 0 <= top < bottom <= 72


@pytest.mark.parametrize("box", [(-50, 5, -3, 9), (130, 5, 140, 9), (5, -9, 9, -4), (5, 80, 9, 90)])
def test_what_lies_outside_has_no_box(box: tuple[int, int, int, int]) -> None:
    assert paintbox.clip_box(*box, (72, 128)) is None


def test_an_opaque_sprite_replaces_and_a_clear_one_leaves() -> None:
    frame = gray()
    paintbox.over(frame, square(200, 255), (20, 20, 30, 30), None)
    assert (frame[20:30, 20:30] == 200).all()
    assert (frame[:20] == 100).all()
    paintbox.over(frame, square(0, 0), (50, 20, 60, 30), None)
    assert (frame[20:30, 50:60] == 100).all()


def test_half_alpha_mixes_premultiplied_color_with_the_ground() -> None:
    frame = gray(100)
    paintbox.over(frame, square(60, 128), (0, 0, 10, 10), None)
    assert abs(int(frame[5, 5, 0]) - (60 + round(100 * 127 / 255))) <= 1


def test_nothing_before_the_actor_needs_no_mask() -> None:
    assert paintbox.visible(depth(), (0, 0, 20, 20), 120) is None
    assert paintbox.visible(depth(200), (0, 0, 20, 20), 120) is None


def test_a_nearer_wall_hides_the_sprite_behind_it() -> None:
    frame, wall = gray(), depth()
    wall[:, 25:] = 40
    mask = paintbox.visible(wall, (20, 20, 30, 30), 120)
    assert mask is not None
    paintbox.over(frame, square(250, 255), (20, 20, 30, 30), mask)
    assert (frame[20:30, 20:23] == 250).all()
    assert (frame[20:30, 27:30] == 100).all()


def test_shade_darkens_where_the_stroke_is_strong_only() -> None:
    frame = gray()
    quad = np.array([[20, 20], [60, 20], [60, 50], [20, 50]], np.float32)
    warped = paintbox.on_ground(paintbox.PLATEAU, quad, frame.shape)
    assert warped is not None
    paintbox.shade(frame, *warped, None, 0.6)
    assert 35 <= frame[35, 40, 0] <= 45
    assert (frame[:18] == 100).all()
    assert frame.max() == 100


def test_light_on_the_ground_brightens_what_the_ground_reflects() -> None:
    bright, black = gray(100), gray(0)
    stroke = np.full((10, 10), 255, np.uint8)
    for frame in (bright, black):
        paintbox.lighten(frame, stroke, (0, 0, 10, 10), None, (1, 1, 1), 0.5)
    assert abs(int(bright[5, 5, 0]) - 150) <= 1
    assert black.max() == 0


def test_glow_saturates_and_does_not_wrap_around() -> None:
    frame = gray(240)
    paintbox.halo(frame, 64, 36, (20, 20), (1, 1, 1), None, 0)
    assert frame[36, 64].tolist() == [255, 255, 255]
    assert frame.min() == 240


def test_glow_behind_a_wall_does_not_show() -> None:
    frame = gray()
    paintbox.halo(frame, 64, 36, (20, 20), (1, 1, 1), depth(10), 100)
    assert (frame == 100).all()


@given(coordinate, coordinate, st.floats(0, 3000))
def test_a_halo_anywhere_and_of_any_size_is_safe(x: float, y: float, radius: float) -> None:
    frame = gray()
    paintbox.halo(frame, x, y, (radius, radius / 3), (0.2, 0.5, 0.9), depth(), 100)
    assert frame.min() >= 100
