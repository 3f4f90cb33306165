"""Sites that are not heard, as entries of the center's ledger."""

import asyncio
from pathlib import Path

from serambi.base.clock import ManualClock
from serambi.base.limits import OUTAGE_FROM_S
from serambi.center.database import open_database
from serambi.center.journal import Journal
from serambi.center.outages import Outages
from serambi.center.sites import Sites
from serambi.ledger.names import Names
from serambi.ledger.store import LedgerStore
from tests.fakes.center_town import CENTER_PARTY, Town


async def test_an_outage_is_written_down_once_and_a_short_cut_never(tmp_path: Path) -> None:
    clock = ManualClock(1_790_000_000.0)
    town = Town(tmp_path, clock)
    engine = open_database(town.config.database)
    sites = Sites(town.roster, engine, clock)
    town.link.on_state(sites.receive)
    ledger = LedgerStore.open(town.config.ledger, f"{CENTER_PARTY}/center", town.center_key, clock)
    journal = Journal(ledger, Names(town.config.names_folder, clock, 86_400), clock)
    async with asyncio.TaskGroup() as group:
        outages = Outages(sites, journal, clock, group)
        town.speak()

        def pass_time(duration_s: float, *speaking: str) -> None:
            clock.advance(duration_s)
            for site in speaking:
                town.speak(site)
            sites.check_silence()
            outages.tick()

        for _ in range(3):
            pass_time(OUTAGE_FROM_S - 1, "market")
            pass_time(1, "market", "terminal")
        pass_time(6, "market")
        for _ in range(3):
            pass_time(OUTAGE_FROM_S, "market")
        pass_time(1, "market", "terminal")
    journal.close()
    said = [(entry.kind, entry.site) for entry in ledger.entries(0, ledger.size)]
    ledger.close()
    engine.dispose()
    assert said == [("site_lost", "terminal"), ("site_heard", "terminal")]
