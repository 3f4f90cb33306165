"""The scene camera: points land where the pinhole and the lens say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.sim.projection import HEIGHT, WIDTH, Projection

LEVEL = Projection(
    focal=800.0,
    # Looks along +x from 3 m up: right is -y, down is -z.
    rotation=np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]),
    translation=np.array([0.0, 3.0, 0.0]),
    lens_k=0.07,
)
PLAIN = Projection(LEVEL.focal, LEVEL.rotation, LEVEL.translation, 0.0)


def test_the_eye_is_where_the_camera_was_put() -> None:
    assert LEVEL.eye == pytest.approx([0, 0, 3])


def test_a_point_straight_ahead_lands_in_the_middle() -> None:
    spot = LEVEL.spot(10, 0, 3)
    assert spot is not None
    assert (spot.x, spot.y, spot.depth_m) == pytest.approx((WIDTH / 2, HEIGHT / 2, 10))


def test_without_a_lens_the_scale_is_focal_over_depth() -> None:
    spot = PLAIN.spot(20, -2, 0)
    assert spot is not None
    assert (spot.x, spot.y) == pytest.approx((640 + 800 * 2 / 20, 360 + 800 * 3 / 20))
    assert spot.scale == pytest.approx(40)


@pytest.mark.parametrize("x", [-5.0, 0.0, 0.4])
def test_what_is_not_in_front_has_no_spot(x: float) -> None:
    assert LEVEL.spot(x, 0, 3) is None


@given(st.floats(3, 100), st.floats(-1, 1), st.floats(0, 3))
def test_the_lens_undone_gives_the_pinhole_point(x: float, side: float, z: float) -> None:
    y = side * x * 0.7
    bent, straight = LEVEL.spot(x, y, z), PLAIN.spot(x, y, z)
    assert bent is not None
    assert straight is not None
    half = WIDTH / 2
    u, v = (bent.x - half) / half, (bent.y - HEIGHT / 2) / half
    full = 1 + LEVEL.lens_k * (1 + (HEIGHT / WIDTH) ** 2)
    swell = (1 + LEVEL.lens_k * (u * u + v * v)) / full
    assert u * swell * half + half == pytest.approx(straight.x, abs=0.5)
    assert v * swell * half + HEIGHT / 2 == pytest.approx(straight.y, abs=0.5)


@given(st.floats(0.6, 2), st.floats(-60, 60))
def test_far_off_the_axis_the_lens_does_not_fold_points_back(x: float, y: float) -> None:
    bent, straight = LEVEL.spot(x, y, 3), PLAIN.spot(x, y, 3)
    assert bent is not None
    assert straight is not None
    if abs(straight.x - WIDTH / 2) > WIDTH:
        assert not 0 <= bent.x <= WIDTH


def test_the_bearing_points_back_at_the_camera_and_up_to_it() -> None:
    heading, elevation = LEVEL.bearing(4, 4)
    assert heading == pytest.approx(math.radians(-135))
    assert elevation == pytest.approx(math.atan2(3, math.hypot(4, 4)))
