"""Which changes of sites and cameras call a person: alerts by rule, events without."""

from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.limits import ALARM_DELAY_S
from serambi.center.database import open_database
from serambi.center.desk.health import Condition, Health
from serambi.center.desk.kinds import AlertKind
from serambi.center.sites import Sites
from tests.fakes.center_town import Town, camera

OFFLINE = (AlertKind.CAMERA_OFFLINE, "terminal", "terminal-1")


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.begun: list[Condition] = []
        self.over: list[tuple[AlertKind, str]] = []
        self.turns: list[tuple[str, str]] = []
        self.before: list[Condition] = []

    def raise_alert(self, what: AlertKind, *, site: str, camera: str) -> None:
        self.begun.append((what, site, camera))

    def end_alert(self, what: AlertKind, place: str) -> None:
        self.over.append((what, place))

    def note_turn(self, site: str, camera: str, state: str) -> None:
        self.turns.append((camera, state))

    def standing(self) -> list[Condition]:
        return self.before


class Scene:
    """A town whose states go straight to `Sites`, and a `Health` that looks."""

    def __init__(self, folder: Path, before: list[Condition] | None = None) -> None:
        self.clock = ManualClock(1_795_000_000.0)
        self.town = Town(folder, self.clock)
        self.engine = open_database(self.town.config.database)
        self.sites = Sites(self.town.roster, self.engine, self.clock)
        self.told = Told()
        self.told.before = before or []
        self.town.link.on_state(self.sites.receive)
        self.health = Health(self.sites, self.clock, self.told)

    def show(self, **changes: object) -> None:
        """The first camera is like this now, for a moment."""
        gateway = self.town.gateways["terminal"]
        gateway.cameras = (camera("terminal-1", **changes), camera("terminal-2"))
        self.town.speak()
        self.health.look()

    def last(self, duration_s: float = ALARM_DELAY_S) -> None:
        """It stays like this."""
        for _ in range(int(duration_s)):
            self.clock.advance(1.0)
            self.town.speak()
            self.health.look()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene(tmp_path)
    scene.show()
    return scene


def test_a_short_break_calls_nobody(scene: Scene) -> None:
    scene.show(online=False)
    scene.last(ALARM_DELAY_S - 1)
    scene.show()
    scene.last()
    assert (scene.told.begun, scene.told.over) == ([], [])
    assert scene.told.turns == [("terminal-1", "offline"), ("terminal-1", "open")]


def test_a_camera_that_stays_away_calls_once_and_its_return_is_told(scene: Scene) -> None:
    scene.show(online=False)
    scene.last(3 * ALARM_DELAY_S)
    assert scene.told.begun == [OFFLINE]
    scene.show()
    assert scene.told.over == [(AlertKind.CAMERA_OFFLINE, "terminal-1")]


@pytest.mark.parametrize("state", ["stopped", "revoked", "expired", "out_of_hours", "not_yet"])
def test_what_asks_nothing_of_an_operator_is_an_event(scene: Scene, state: str) -> None:
    scene.show(state=state, online=False)
    scene.last(2 * ALARM_DELAY_S)
    assert scene.told.begun == []
    assert scene.told.turns == [("terminal-1", state)]


def test_a_view_that_is_no_longer_the_approved_one_calls(scene: Scene) -> None:
    scene.show(state="suspended")
    scene.last()
    assert scene.told.begun == [(AlertKind.SUSPENDED, "terminal", "terminal-1")]


def test_a_site_that_goes_calls_once_for_all_its_cameras(scene: Scene) -> None:
    scene.sites.presence("terminal", False)
    for _ in range(12):
        scene.clock.advance(1.0)
        scene.town.speak("market")
        scene.health.look()
    assert scene.told.begun == [(AlertKind.SITE_OFFLINE, "terminal", "")]
    scene.town.speak()
    scene.health.look()
    assert scene.told.over == [(AlertKind.SITE_OFFLINE, "terminal")]


def test_after_a_restart_what_lasted_is_not_called_again_and_its_end_is_told(
    tmp_path: Path,
) -> None:
    scene = Scene(tmp_path, [OFFLINE])
    scene.health.look()
    assert scene.told.over == [], "a site that has not spoken does not say that it is well"
    scene.show(online=False)
    scene.last(2 * ALARM_DELAY_S)
    assert scene.told.begun == []
    scene.show()
    assert scene.told.over == [(AlertKind.CAMERA_OFFLINE, "terminal-1")]
