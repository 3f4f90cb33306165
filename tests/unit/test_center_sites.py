"""What sites say: only the newest word, only under the gateway's own key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from serambi.base.clock import ManualClock
from serambi.base.limits import SITE_SILENT_S, STATE_MAX_BYTES
from serambi.center.database import open_database
from serambi.center.sites import Sites
from serambi.fabric.messages import REPLY_TYPE, STATE_TYPE
from serambi.identity.keys import SigningKey
from tests.fakes.center_town import Town, camera, seal

NOW = 1_790_000_000.0


class Desk:
    """Sites that listen, with a record of what they told."""

    def __init__(self, town: Town, engine: Engine) -> None:
        self.town = town
        self.sites = Sites(town.roster, engine, town.clock)
        self.told: list[str] = []
        self.sites.on_change.append(lambda: self.told.append("change"))
        self.sites.on_presence.append(lambda site, online: self.told.append(f"{site} {online}"))
        town.link.on_state(self.sites.receive)

    def cameras(self) -> list[str]:
        return [state.id for _, state in self.sites.cameras()]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "center.db")
    yield engine
    engine.dispose()


@pytest.fixture
def desk(tmp_path: Path, clock: ManualClock, engine: Engine) -> Desk:
    return Desk(Town(tmp_path, clock), engine)


def test_a_state_is_believed_and_told_once(desk: Desk, clock: ManualClock) -> None:
    desk.town.speak("terminal")
    assert desk.cameras() == ["terminal-1", "terminal-2"]
    assert desk.told == ["terminal True", "change"]
    clock.advance(1)
    desk.town.speak("terminal")
    assert desk.told == ["terminal True", "change"]
    desk.town.gateways["terminal"].cameras = (camera("terminal-1", state="stopped"),)
    clock.advance(1)
    desk.town.speak("terminal")
    assert desk.told == ["terminal True", "change", "change"]


def test_forged_foreign_and_unreadable_states_change_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    terminal, market = desk.town.gateways["terminal"], desk.town.gateways["market"]
    parties_key = SigningKey.generate()
    bad = [
        terminal.sealed_state(key=SigningKey.generate()),
        terminal.sealed_state(key=market.key),
        terminal.sealed_state(key=desk.town.center_key),
        terminal.sealed_state(key=parties_key),
        terminal.sealed_state(site="market"),
        terminal.sealed_state(owner="trade"),
        terminal.sealed_state(owner="nobody"),
        market.sealed_state(),
        seal(REPLY_TYPE, terminal.state(), terminal.key),
        seal(STATE_TYPE, {"site": "terminal"}, terminal.key),
        b"",
        b"{}",
        terminal.sealed_state()[:-1],
        b"x" * (STATE_MAX_BYTES + 1),
    ]
    for raw in bad:
        desk.town.link.say("terminal", raw)
    desk.town.link.say("nowhere", terminal.sealed_state())
    assert desk.sites.all() == []
    assert desk.told == []
    # One complaint a minute for each site, whatever comes.
    assert len(caplog.records) == 2


def test_an_older_state_is_ignored(desk: Desk, clock: ManualClock) -> None:
    gateway = desk.town.gateways["terminal"]
    old = gateway.sealed_state()
    gateway.cameras = ()
    new = gateway.sealed_state()
    desk.town.link.say("terminal", new)
    desk.town.link.say("terminal", old)
    desk.town.link.say("terminal", new)
    assert desk.cameras() == []
    at_ms = int(clock.now() * 1000)
    gateway.cameras = (camera("terminal-1"),)
    desk.town.link.say("terminal", gateway.sealed_state(at_ms=at_ms - 1))
    assert desk.cameras() == []
    # A keeper that was started again goes on from the time itself.
    gateway.seq = 0
    clock.advance(5)
    desk.town.speak("terminal")
    assert desk.cameras() == ["terminal-1"]


def test_old_states_stay_old_over_a_restart_of_the_center(
    desk: Desk, engine: Engine, clock: ManualClock
) -> None:
    gateway = desk.town.gateways["terminal"]
    old = gateway.sealed_state()
    gateway.cameras = ()
    desk.town.speak("terminal")
    again = Sites(desk.town.roster, engine, clock)
    again.receive("terminal", old)
    assert list(again.cameras()) == []
    assert not again.all()[0].online


def test_silence_is_offline_and_the_name_stays(desk: Desk, clock: ManualClock) -> None:
    desk.town.speak()
    clock.advance(SITE_SILENT_S)
    desk.town.speak("market")
    desk.sites.check_silence()
    clock.advance(1)
    desk.sites.check_silence()
    desk.sites.check_silence()
    online = {site.state.site: site.online for site in desk.sites.all()}
    assert online == {"terminal": False, "market": True}
    assert desk.told.count("terminal False") == 1
    assert len(desk.cameras()) == 4
    clock.advance(1)
    desk.town.speak("terminal")
    terminal = desk.sites.find("terminal")
    assert terminal is not None
    assert terminal.online
    assert terminal.since_ms == int(clock.now() * 1000)


def test_a_lost_courier_is_offline_at_once_and_online_when_it_speaks(desk: Desk) -> None:
    desk.sites.presence("terminal", True)
    assert desk.sites.all() == []
    desk.town.speak("terminal")
    desk.sites.presence("terminal", False)
    desk.sites.presence("terminal", True)
    assert not desk.sites.all()[0].online
    desk.town.speak("terminal")
    assert desk.sites.all()[0].online


def test_no_site_takes_another_sites_camera(desk: Desk) -> None:
    desk.town.gateways["terminal"].cameras += (camera("market-1", number="999"),)
    desk.town.speak("market")
    desk.town.speak("terminal")
    found = desk.sites.camera("market-1")
    assert found is not None
    assert found[0].state.site == "market"


def test_kept_states_that_the_roster_no_longer_backs_are_dropped(
    desk: Desk, engine: Engine, tmp_path: Path, clock: ManualClock
) -> None:
    desk.town.speak()
    other = Town(tmp_path / "other", clock)
    assert Sites(other.roster, engine, clock).all() == []
