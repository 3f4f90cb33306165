"""Sprites: the right side of the actor, tinted, at a fitting size, its ground point kept."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serambi.sim.sprites import Actor, Tint, View, sheet
from serambi.sim.wardrobe import faded, tint_for

RED = Tint(head=(0.1, 0.1, 0.7))
LOW = math.radians(12)


def car(tint: Tint = RED, mono: bool = False) -> Actor:
    return Actor(sheet("car_dusk"), tint, mono)


def look(actor: Actor, degrees: float, scale: float = 60.0) -> View:
    return actor.view(math.radians(degrees), LOW, None, scale)


def test_a_turned_car_is_the_mirror_of_the_car_turned_the_other_way() -> None:
    left, right = look(car(), -60), look(car(), 60)
    assert np.array_equal(left.pixels, right.pixels[:, ::-1])
    assert left.relative == -right.relative
    assert left.origin[0] + right.origin[0] == left.pixels.shape[1]


def test_a_full_turn_changes_nothing() -> None:
    actor = car()
    assert look(actor, 50) is look(actor, 410)


def test_views_are_kept_and_shrunk_for_distant_actors() -> None:
    actor = car()
    near, far = look(actor, 30), look(actor, 30, 14.0)
    assert look(actor, 30) is near
    assert far.scale == near.scale / 4
    assert abs(far.pixels.shape[1] - near.pixels.shape[1] / 4) <= 1


def test_a_tint_colors_the_body() -> None:
    view = look(car(), 90).pixels.astype(int)
    solid = view[view[..., 3] > 250]
    assert solid[:, 2].mean() > 2 * solid[:, 0].mean()


def test_night_vision_is_gray() -> None:
    view = look(car(mono=True), 90).pixels.astype(int)
    assert abs(view[..., 0] - view[..., 2]).max() <= 1


def test_color_never_exceeds_its_alpha_by_more_than_rounding() -> None:
    view = look(car(Tint(head=(0.7, 0.7, 0.7))), 45).pixels.astype(int)
    assert (view[..., :3].max(2) - view[..., 3]).max() <= 1


def test_the_nearest_elevation_is_taken() -> None:
    actor = car()
    assert actor.view(0, math.radians(5), None, 60).elevation == pytest.approx(LOW)
    assert actor.view(0, math.radians(50), None, 60).elevation == pytest.approx(math.radians(28))


def test_the_stride_walks_through_its_cells_and_rest_is_another() -> None:
    actor = Actor(sheet("man_dusk"), Tint())
    views = [actor.view(1.0, 0.3, k / 8 + 0.01, 84) for k in range(8)]
    assert len({id(v) for v in views}) == 8
    assert all(actor.view(1.0, 0.3, None, 84) is not view for view in views)


def test_lamps_of_a_car_seen_from_the_front_sit_left_and_right_of_its_middle() -> None:
    view = look(car(), 0)
    left, right = view.offset(2.1, 0.6, 0.75), view.offset(2.1, -0.6, 0.75)
    assert left[0] == pytest.approx(0.6, abs=0.01)
    assert right[0] == pytest.approx(-0.6, abs=0.01)
    assert left[1] == pytest.approx(right[1], abs=0.01)


@settings(max_examples=60)
@given(st.floats(-720, 720), st.floats(0, 1.5), st.floats(0, 0.999), st.floats(0.1, 900))
def test_any_angle_phase_and_size_has_a_view(
    degrees: float, elevation: float, phase: float, scale: float
) -> None:
    view = Actor(sheet("man_dusk"), Tint()).view(math.radians(degrees), elevation, phase, scale)
    assert view.pixels.ndim == 3
    assert 0 < view.origin[0] < view.pixels.shape[1]


@pytest.mark.parametrize("degrees", [-150, -90, -20, 0, 70, 180])
def test_a_view_carries_no_wide_empty_rim(degrees: int) -> None:
    alpha = look(car(), degrees).pixels[..., 3]
    rows, columns = np.flatnonzero(alpha.max(1)), np.flatnonzero(alpha.max(0))
    assert max(rows[0], columns[0]) < 16
    assert alpha.shape[0] - rows[-1] <= 16
    assert alpha.shape[1] - columns[-1] <= 16


@pytest.mark.parametrize("kind", ["man", "hijab", "porter", "car", "bike", "truck", "forklift"])
def test_the_wardrobe_dresses_every_kind_the_same_for_the_same_seed(kind: str) -> None:
    assert tint_for(kind, random.Random("a")) == tint_for(kind, random.Random("a"))
    looks = {tint_for(kind, random.Random(str(k))) for k in range(40)}
    assert len(looks) > 4 or kind in ("truck", "forklift")
    for tint in looks:
        assert all(0 <= c <= 1 for color in (tint.top, tint.legs, tint.head) for c in color)


def test_faded_cloth_keeps_gray_gray() -> None:
    assert faded((0.5, 0.5, 0.5)) == pytest.approx((0.5, 0.5, 0.5))
