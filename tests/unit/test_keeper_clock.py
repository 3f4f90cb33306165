"""A date in the future, once seen, closes the site until its owner says that it was wrong."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from serambi.agreement.decide import Reason
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.cli.main import main
from serambi.keeper.clock import latest_seen, reset
from serambi.keeper.config import read_config
from serambi.keeper.durable import Durable
from serambi.ledger.reader import newest_entries
from serambi.ledger.verify import verify
from tests.builders import NOW
from tests.fakes.keeper_http import BEARER, box
from tests.fakes.keeper_site import Site

YEAR_S = 365 * 86_400.0


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "keeper")
    made.put_documents()
    return made


async def test_after_a_reset_views_open_again_and_the_ledger_tells_why(site: Site) -> None:
    async with box(site, ManualClock(NOW + YEAR_S)) as home:
        assert (await home.http.get("/api/health", headers=BEARER)).json()["clock_trouble"] == ""
        await home.keeper._see_clock()
    async with box(site, ManualClock(NOW)) as home:
        health = (await home.http.get("/api/health", headers=BEARER)).json()
        assert health["status"] == "degraded"
        assert "31536000 s behind the latest one seen" in health["clock_trouble"]
        assert f"clock --config {site.folder / 'keeper.toml'} --reset" in health["clock_trouble"]
        await home.sign_in()
        assert "serambi keeper clock --reset" in await home.page()
        assert (await home.ask()).reason == Reason.CLOCK
        with pytest.raises(SerambiError, match="another process") as running:
            reset(home.keeper.config, ManualClock(NOW), "why not")
        assert running.value.kind is Kind.CONFLICT
    config = read_config(site.folder / "keeper.toml")
    reset(config, ManualClock(NOW), "  the battery was empty ")
    async with box(site, ManualClock(NOW + 1)) as home:
        assert home.keeper.clock_trouble == ""
        assert (await home.ask()).allowed
        await home.sign_in()
        assert "the battery was empty" in await home.page("/log")
    folder = site.folder / "ledger"
    entries = newest_entries(folder, 20)[2]
    (entry,) = [e for e in entries if e.kind == "clock_reset"]
    assert (entry.reason, entry.party, entry.site) == ("clock", config.owner, config.site)
    assert entry.detail.endswith(": the battery was empty")
    assert verify(folder, site.town.roster).ok


@pytest.mark.parametrize("why", ["", "  ", "x" * 501])
def test_it_wants_a_reason(site: Site, why: str) -> None:
    Durable(site.folder).saw_clock(NOW + YEAR_S)
    with pytest.raises(SerambiError) as refused:
        reset(read_config(site.folder / "keeper.toml"), ManualClock(NOW), why)
    assert refused.value.kind is Kind.BAD_INPUT


def test_a_date_that_is_not_behind_stays(site: Site) -> None:
    Durable(site.folder).saw_clock(NOW)
    with pytest.raises(SerambiError, match="nothing to reset") as refused:
        reset(read_config(site.folder / "keeper.toml"), ManualClock(NOW + 5), "a try")
    assert refused.value.kind is Kind.CONFLICT
    assert Durable(site.folder).clock_high_water == NOW


def test_nothing_is_forgotten_that_the_ledger_does_not_take(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    Durable(site.folder).saw_clock(NOW + YEAR_S)
    config = read_config(site.folder / "keeper.toml")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(SerambiError, match="the disk is full"):
            reset(config, ManualClock(NOW), "a try")
    assert latest_seen(config) == NOW + YEAR_S


def test_another_user_leaves_no_files_in_the_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    Durable(site.folder).saw_clock(NOW + YEAR_S)
    config = read_config(site.folder / "keeper.toml")
    monkeypatch.setattr(os, "geteuid", lambda: site.folder.stat().st_uid + 1)
    with pytest.raises(SerambiError) as refused:
        reset(config, ManualClock(NOW), "a try")
    assert refused.value.kind is Kind.DENIED
    assert not (site.folder / "ledger").exists()


def _run(site: Site, *options: str, says: str | None = None) -> tuple[int, str]:
    config = str(site.folder / "keeper.toml")
    found = CliRunner().invoke(main, ["keeper", "clock", "--config", config, *options], says)
    return found.exit_code, found.output


def test_the_command_shows_asks_and_forgets(site: Site) -> None:
    assert "no keeper has run here yet" in _run(site)[1]
    Durable(site.folder).saw_clock(4e9)
    code, shown = _run(site)
    assert code == 0
    assert "latest date seen: 2096-10-02" in shown
    code, shown = _run(site, "--reset", says="n\n")
    assert code != 0
    assert Durable(site.folder).clock_high_water == 4e9
    code, shown = _run(site, "--reset", "--why", "a test", says="y\n")
    assert (code, shown.splitlines()[-1].startswith("forgotten")) == (0, True)
    code, shown = _run(site, "--reset", "--yes")
    assert code == 1
    assert "nothing to reset" in shown


def test_the_keeper_itself_still_wants_its_settings() -> None:
    for arguments in (["keeper"], ["keeper", "--config", "x", "clock", "--config", "x"]):
        found = CliRunner().invoke(main, arguments)
        assert found.exit_code == 2
        assert "--config" in found.output
