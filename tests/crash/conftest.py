"""What several tests of crashes look at."""

import asyncio

import pytest

from tests.crash.killing import IN_TURN, Aftermath, delivered, end_while_cameras_hang, kill_one
from tests.crash.small_town import SHUT, running_town, wait_until


@pytest.fixture(scope="session")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """A small town in which each process was killed once, and which then was ended."""
    incidents = {}
    with running_town(tmp_path_factory.mktemp("killed")) as town:
        for process in IN_TURN:
            incidents[process] = asyncio.run(kill_one(town, process))
        # One more group of pictures after the last kill, so that its end is recorded.
        asyncio.run(town.see(town.shared[1], pictures=8))
        wait_until(lambda: delivered(town), "the keeper's ledger has reached the center")
        hanging_end = end_while_cameras_hang(town, f"{SHUT}-keeper")
    return Aftermath(town, incidents, list(town.opened), hanging_end)
