"""Who was at a thing, told from tracks alone; and what light, rain and plain asphalt do."""

import numpy as np
from numpy.typing import NDArray

from serambi.analytics.background import Background
from serambi.analytics.blobs import Box
from serambi.analytics.tracks import Track, Tracker
from serambi.analytics.view import Marks
from serambi.analytics.visits import usual_height, visit_of

BAG: Box = (150, 140, 162, 150)
PUT_S = 10.0


def walked(number: int, *stops: tuple[float, int], tall: int = 36) -> Track:
    """A track whose middle is at x at each time, a box every fifth of a second in between."""
    track = Track(number, stops[0][0], (0, 0, 1, 1), 400.0, stops[0][0])
    for t_s in np.arange(stops[0][0], stops[-1][0] + 0.01, 0.2).tolist():
        x = int(np.interp(t_s, [s[0] for s in stops], [s[1] for s in stops]))
        track.box, track.seen_s = (x - 6, 150 - tall, x + 6, 150), t_s
        track.path.append((t_s, track.box))
    track.from_rim = stops[0][1] < 10
    return track


def told(*tracks: Track) -> Tracker:
    tracker = Tracker((320, 180))
    tracker.tracks = list(tracks)
    return tracker


def test_who_comes_puts_down_and_goes_has_been_here() -> None:
    visit = visit_of(BAG, PUT_S, told(walked(1, (4, 0), (10, 156), (16, 310))))
    assert (visit.came_and_went, visit.stayed, visit.set_out) == (True, False, False)
    assert visit.tall_px == 36


def test_who_comes_and_stands_stays() -> None:
    visit = visit_of(BAG, PUT_S, told(walked(1, (4, 0), (10, 156), (30, 156))))
    assert (visit.came_and_went, visit.stayed) == (False, True)


def test_a_track_that_stays_with_the_bag_is_told_from_its_owner() -> None:
    kept = walked(1, (4, 0), (10, 156))
    for t_s in np.arange(10.2, 30, 0.2).tolist():
        kept.box, kept.seen_s = BAG, t_s
        kept.path.append((t_s, BAG))
    owner = walked(2, (11.5, 172), (17, 310))
    assert visit_of(BAG, PUT_S, told(kept, owner)).came_and_went
    assert visit_of(BAG, PUT_S, told(kept)).stayed


def test_what_stood_here_from_the_beginning_sets_out() -> None:
    visit = visit_of(BAG, PUT_S, told(walked(1, (10.4, 156), (16, 310))))
    assert (visit.came_and_went, visit.stayed, visit.set_out) == (False, False, True)


def test_people_show_how_tall_one_is_at_a_distance() -> None:
    assert usual_height(BAG, told(walked(1, (4, 0), (16, 310), tall=40))) == 40
    assert usual_height(BAG, told()) == 0


def lit(shade: float) -> NDArray[np.uint8]:
    """A textured scene under light that falls off from one side to the other."""
    rng = np.random.default_rng(4)
    scene = np.repeat(np.repeat(rng.uniform(60, 160, (30, 54)), 6, 0), 6, 1)[:180, :320]
    return np.asarray(scene * np.linspace(1, shade, 320) + rng.normal(0, 1, (180, 320)), np.uint8)


def test_a_shade_that_spreads_slowly_over_half_the_scene_raises_nothing() -> None:
    scene = Background(lit(1.0))
    for number in range(100):
        scene.update(lit(1 - 0.4 * min(1, max(0, number - 40) / 40)), 0.2)
        assert np.count_nonzero(scene.foreground) < 60


def test_rain_falls_and_nothing_moves() -> None:
    rng = np.random.default_rng(5)
    scene = Background(np.full((180, 320), 70, np.uint8))
    raised = []
    for _ in range(60):
        picture = np.full((180, 320), 70, np.uint8)
        for x, y in rng.integers(0, (319, 165), (50, 2)):
            picture[y : y + 12, x] = 140
        scene.update(picture, 0.2)
        raised.append(np.count_nonzero(scene.foreground))
    assert np.mean(raised[20:]) < 0.2 * np.mean(raised[2:8])


def test_what_is_held_does_not_seep_into_the_empty_scene() -> None:
    scene = Background(np.full((180, 320), 70, np.uint8))
    pale = np.full((180, 320), 70, np.uint8)
    pale[60:90, 100:108] = pale[60:90, 200:208] = 74
    scene.held[60:90, 98:110] = 255
    for _ in range(100):
        scene.update(pale, 0.2)
    assert float(scene.mean[75, 104]) < 71 < 72 < float(scene.mean[75, 204])


def test_a_few_specks_on_asphalt_are_something_to_hold_on_to() -> None:
    rng = np.random.default_rng(6)
    plain = np.full((180, 320), 90, np.float32)
    for x, y in rng.integers(4, (316, 176), (90, 2)):
        plain[y : y + 3, x : x + 3] = 200
    marks = Marks(plain)
    assert marks.clear
    noisy = plain * 0.7 + rng.normal(0, 2, plain.shape).astype(np.float32)
    assert marks.alike(noisy) > 0.7
    assert marks.alike(np.roll(noisy, 20, axis=1)) < 0.25
    assert not Marks(np.full((180, 320), 90, np.float32)).clear
