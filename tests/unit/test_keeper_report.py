"""What the center is told of this site: no more than the agreements say."""

import threading
from pathlib import Path
from typing import Any

import pytest

from serambi.agreement.attestation import Place
from serambi.agreement.decide import State
from serambi.agreement.instants import Hours
from serambi.agreement.model import SharedSite, read_agreement
from serambi.agreement.revocation import read_revocation
from serambi.base.canonical import encode
from serambi.base.clock import ManualClock
from serambi.base.words import Words
from serambi.fabric.messages import Sector, SiteState, StreamShape, Waiting
from serambi.keeper.report import Report
from serambi.keeper.watch import Watched
from tests.builders import (
    NOW,
    SITE,
    Town,
    make_attestation,
    make_revocation,
    make_roster,
    make_state,
)
from tests.fakes.keeper_site import INSIDE, PRIVATE, SHARED, WAITING, Site

SHAPE = StreamShape(640, 360, 10)
UP = Watched(True, 0.0, "", SHAPE, SHAPE, {}, True, "")
DOWN = Watched(False, NOW - 30, "no answer", SHAPE, SHAPE, {}, False, "")
WORKDAYS = tuple(Hours((d,), "06:00", "18:00") for d in ("mon", "tue", "wed", "thu", "fri"))


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster()


class Told:
    def __init__(self, folder: Path, town: Town, **changes: Any) -> None:
        self.site = Site(folder / "keeper", town, **changes)
        self.clock = ManualClock(NOW)
        self.watched = dict.fromkeys(SHARED, UP)
        self.report = Report(self.site.config, self.clock, self.watched.__getitem__)
        self.changes: dict[str, Any] = {}

    def state(self) -> State:
        site = self.site
        return make_state(
            site.town,
            site.agreement,
            site.waiting,
            site.wrong,
            attestations=site.attestations.values(),
            **self.changes,
        )

    def build(self) -> SiteState:
        return self.report.build(self.state(), ["session-1"])

    @property
    def states(self) -> dict[str, str]:
        return {camera.id: camera.state for camera in self.build().cameras}


@pytest.fixture
def told(tmp_path: Path, town: Town) -> Told:
    return Told(tmp_path, town)


def test_only_agreed_cameras_are_told_and_waiting_says_name_and_missing_only(told: Told) -> None:
    state = told.build()
    assert [camera.id for camera in state.cameras] == list(SHARED)
    assert state.waiting == (Waiting("2026-04", ("bawaslu",), 3),)
    raw = encode(state).decode()
    for hidden in (WAITING, INSIDE, PRIVATE, "103", "104", "105", "2026-05", "secret-of", "rtsp"):
        assert f'"{hidden}"' not in raw
        assert "rtsp" not in raw


def test_what_is_told_of_a_site_and_a_camera(told: Told) -> None:
    state = told.build()
    assert (state.site, state.owner) == (SITE, "kpu")
    assert state.name == Words("Gudang KPU", "KPU warehouse")
    assert state.at_ms == int(NOW * 1000)
    assert state.sessions == ("session-1",)
    camera = state.cameras[1]
    assert (camera.number, camera.facing, camera.agreement) == ("102", "yard", "2026-03")
    assert (camera.actions, [p.id for p in camera.purposes]) == (("live",), ["routine_watch"])
    assert camera.until_ms == int((NOW + 30 * 86_400) * 1000)
    assert (camera.state, camera.online, camera.trouble) == ("open", True, "")
    assert (camera.main, camera.sub) == (SHAPE, SHAPE)
    told.watched["cam-2"] = DOWN
    camera = told.build().cameras[1]
    assert (camera.state, camera.online, camera.trouble) == ("open", False, "no answer")
    assert camera.offline_since_ms == int((NOW - 30) * 1000)


def test_where_a_camera_stands_is_told_as_it_was_attested(told: Told) -> None:
    place = Place(-5.999843, 111.00009)
    raw = make_attestation(told.site.town, camera="cam-1", place=place)
    told.site.attestations["cam-1"] = raw
    one, other = told.build().cameras
    assert one.sector == Sector(-5.999843, 111.00009, 255, 80)
    assert other.sector is None
    assert b'"sector"' not in encode(other)


def test_a_camera_that_is_held_says_since_when(told: Told) -> None:
    told.changes["stops"] = {"cam-1": NOW - 7, "cam-9": NOW - 99}
    assert told.states == {"cam-1": "stopped", "cam-2": "open"}
    assert told.build().cameras[0].since_ms == int((NOW - 7) * 1000)
    told.changes["stops"] = {"*": NOW - 3, "cam-1": NOW - 7}
    one, other = told.build().cameras
    assert (one.since_ms, other.since_ms) == (int((NOW - 7) * 1000), int((NOW - 3) * 1000))


def test_a_change_is_dated_when_it_is_first_seen(told: Told) -> None:
    begun = told.build().cameras[0].since_ms
    told.clock.advance(10)
    assert told.build().cameras[0].since_ms == begun == int(NOW * 1000)
    told.changes["suspensions"] = {"cam-1": NOW}
    assert told.build().cameras[0].since_ms == int((NOW + 10) * 1000)
    told.clock.advance(5)
    assert told.build().cameras[0].since_ms == int((NOW + 10) * 1000)
    told.changes.clear()
    assert told.build().cameras[0].since_ms == int((NOW + 15) * 1000)


def test_each_reason_is_told(told: Told) -> None:
    signed = read_agreement(told.site.agreement, told.site.town.roster)
    raw = make_revocation(told.site.town, signed, "kpu")
    told.changes["revocations"] = {signed.digest: read_revocation(raw, told.site.town.roster)}
    assert set(told.states.values()) == {"revoked"}
    told.changes = {"clock_ok": False}
    assert set(told.states.values()) == {"clock"}
    told.changes = {}
    told.clock.step(NOW + 30 * 86_400)
    assert set(told.states.values()) == {"expired"}
    told.clock.step(NOW - 90_000)
    assert set(told.states.values()) == {"not_yet"}


def test_out_of_hours_says_when_it_opens(tmp_path: Path, town: Town) -> None:
    shared = SharedSite(SITE, SHARED, ("live",), "Asia/Jakarta", WORKDAYS)
    told = Told(tmp_path, town, sites=(shared,))
    assert told.build().cameras[0].opens_ms == 0
    told.clock.step(NOW + 3600)
    camera = told.build().cameras[0]
    opens = NOW + (12 * 60 + 20) * 60  # six in the morning in Jakarta
    assert (camera.state, camera.opens_ms) == ("out_of_hours", int(opens * 1000))


def test_what_can_no_longer_come_into_force_waits_no_more(told: Told) -> None:
    state = told.state()
    assert told.report.waiting(state) == {WAITING: ("bawaslu",)}
    signed = read_agreement(told.site.waiting, told.site.town.roster)
    raw = make_revocation(told.site.town, signed, "bawaslu")
    told.changes["revocations"] = {signed.digest: read_revocation(raw, told.site.town.roster)}
    assert told.build().waiting == ()
    assert told.report.waiting(told.state()) == {}
    told.changes.clear()
    told.clock.step(NOW + 30 * 86_400)
    assert told.build().waiting == ()


def test_the_agreement_that_allows_speaks_for_a_camera(told: Told) -> None:
    later = told.site.agree(
        "cam-1", number="2026-08", valid_from=NOW + 50, valid_until=NOW + 90 * 86_400
    )
    state = make_state(
        told.site.town, told.site.agreement, later, attestations=told.site.attestations.values()
    )
    chosen = {c.id: a.agreement.number for a, c in told.report.shared(state)}
    assert chosen == {"cam-1": "2026-03", "cam-2": "2026-03"}
    told.clock.step(NOW + 31 * 86_400)
    chosen = {c.id: a.agreement.number for a, c in told.report.shared(state)}
    assert chosen == {"cam-1": "2026-08", "cam-2": "2026-03"}


def test_numbers_only_rise_whoever_asks(told: Told) -> None:
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(told.report.next_seq() for _ in range(500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == len(seen) == 2000
    told.clock.step(NOW - 3600)
    assert told.report.next_seq() > max(seen)
    assert told.build().seq > max(seen)
