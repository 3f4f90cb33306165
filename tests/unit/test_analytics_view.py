"""The view check: light changes nothing, a turned camera changes everything."""

import cv2
import numpy as np
import pytest

from serambi.analytics.view import ReferenceViews, Sight
from serambi.analytics.watch import ViewWatch
from serambi.sim.sprites import picture

from .analytics_scenes import Luma


def place(name: str = "kpu_front") -> Luma:
    gray = cv2.cvtColor(picture(f"{name}.webp"), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(gray, (640, 360), interpolation=cv2.INTER_AREA), np.uint8)


def noisy(luma: Luma, gain: float = 1.0, seed: int = 1) -> Luma:
    noise = np.random.default_rng(seed).normal(0, 2, luma.shape)
    return np.clip(luma * gain + noise, 0, 255).astype(np.uint8)


def turned(luma: Luma, *, shift: float = 0, roll_deg: float = 0, zoom: float = 1) -> Luma:
    matrix = cv2.getRotationMatrix2D((320, 180), roll_deg, zoom)
    matrix[0, 2] += shift * 640
    warped = cv2.warpAffine(luma, matrix, (640, 360), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, np.uint8)


@pytest.fixture(scope="module")
def references() -> ReferenceViews:
    return ReferenceViews([noisy(place())])


@pytest.mark.parametrize("gain", [0.3, 0.6, 1.0, 1.3])
def test_the_same_view_in_other_light_matches(references: ReferenceViews, gain: float) -> None:
    assert references.check(noisy(place(), gain, 2)).sight is Sight.MATCH


@pytest.mark.parametrize("shift", [-0.05, 0.05, 0.2])
def test_a_pan_is_measured(references: ReferenceViews, shift: float) -> None:
    view = references.check(noisy(turned(place(), shift=shift)))
    assert view.sight is Sight.CHANGED
    assert view.shift == pytest.approx(abs(shift), abs=0.01)


def test_roll_and_zoom_are_measured(references: ReferenceViews) -> None:
    view = references.check(noisy(turned(place(), roll_deg=3)))
    assert view.sight is Sight.CHANGED
    assert abs(view.roll_deg) == pytest.approx(3, abs=0.4)
    view = references.check(noisy(turned(place(), zoom=1.1)))
    assert view.sight is Sight.CHANGED
    assert view.zoom == pytest.approx(1.1, abs=0.02)


def test_another_place_is_changed_and_darkness_cannot_be_told(references: ReferenceViews) -> None:
    assert references.check(noisy(place("bawaslu_front"))).sight is Sight.CHANGED
    assert references.check(noisy(place(), 0.0)).sight is Sight.UNDECIDABLE
    assert references.check(np.full((360, 640), 180, np.uint8)).sight is Sight.UNDECIDABLE


def test_several_references_stand_for_several_lights() -> None:
    day, night = noisy(place()), noisy(255 - place(), 0.4)
    views = ReferenceViews([day, night])
    assert views.check(day).sight is Sight.MATCH
    assert views.check(night).sight is Sight.MATCH


def test_a_turned_camera_is_proven_within_ten_seconds_and_stays_so(
    references: ReferenceViews,
) -> None:
    watch = ViewWatch(references)
    changes = []
    for number in range(150):
        t_s = number / 5
        luma = noisy(turned(place(), shift=0.1) if 10 <= t_s < 20 else place(), seed=number)
        if watch.update(luma, t_s):
            changes.append((t_s, watch.sight))
    assert [sight for _, sight in changes] == [Sight.CHANGED]
    assert 10 <= changes[0][0] <= 20
    watch.renew(references)
    assert watch.sight is Sight.MATCH


def test_what_cannot_be_told_pauses_and_a_match_resumes(references: ReferenceViews) -> None:
    watch = ViewWatch(references)
    changes = []
    for number in range(150):
        t_s = number / 5
        luma = noisy(place(), 0.0 if 8 <= t_s < 20 else 1.0, seed=number)
        if watch.update(luma, t_s):
            changes.append(watch.sight)
    assert changes == [Sight.UNDECIDABLE, Sight.MATCH]


def test_a_quiet_camera_is_compared_in_full_once_a_minute(references: ReferenceViews) -> None:
    watch = ViewWatch(references)
    luma = noisy(place())
    for second in range(0, 181, 2):
        watch.update(luma, float(second))
    assert watch.checks == 4
