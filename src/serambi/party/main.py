"""`serambi party --config`: an institution's own process, with its witness.

It holds the key that cosigns, and not the one that signs agreements: that one may lie in a safe.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from pathlib import Path

from serambi.base.clock import Clock, SystemClock
from serambi.base.errors import SerambiError
from serambi.base.kept import check_format
from serambi.base.limits import WITNESS_LOOK_EVERY_S
from serambi.base.process import until_told_to_end
from serambi.base.tasks import keep_running
from serambi.identity.keys import SigningKey
from serambi.identity.roster import load_roster
from serambi.party.carrier import HttpCarrier
from serambi.party.config import PartyConfig, read_config
from serambi.party.desk import desk_app
from serambi.party.inbox import read_inbox
from serambi.party.peers import Peers
from serambi.party.witness import Witness
from serambi.web.serve import HttpServer

log = logging.getLogger(__name__)

FORMAT = "1"


async def run(path: Path) -> None:
    """Run the party of `path` (party.toml) until SIGTERM or SIGINT."""
    config = read_config(path)
    check_format(config.folder, FORMAT)
    clock = SystemClock()
    carrier = HttpCarrier(config.center, config.token, config.ca)
    key = SigningKey.load(config.key)
    roster = load_roster(config.roster, config.genesis)
    witness = Witness(config.folder, config.party, key, roster, carrier, clock)
    work = Work(config, witness, clock)
    server = HttpServer(desk_app(witness, work.hurry), config.host, config.port)
    async with asyncio.TaskGroup() as group:
        await server.start(group)
        tasks = [
            group.create_task(keep_running("ledgers", work.look_at_ledgers)),
            group.create_task(keep_running("parties", work.talk_to_parties)),
        ]
        log.info("witness of %s at http://%s:%d", config.party, config.host, server.port)
        await until_told_to_end()
        for task in tasks:
            task.cancel()
        carrier.close()
        work.close()
        await server.stop()


class Work:
    """The clockwork. Two loops, so that a center that keeps this party waiting keeps no revocation
    from the other parties."""

    def __init__(self, config: PartyConfig, witness: Witness, clock: Clock) -> None:
        self._inbox = config.folder / "inbox"
        self._witness = witness
        self._clock = clock
        self._peers = Peers(config.peers, clock)
        self._hurry = {"ledgers": asyncio.Event(), "parties": asyncio.Event()}
        self._away = ""

    def hurry(self) -> None:
        """Something new has come: do not wait."""
        for event in self._hurry.values():
            event.set()

    def close(self) -> None:
        """Let nobody wait for an answer any more."""
        self._peers.close()

    async def look_at_ledgers(self) -> None:
        """Every few seconds, not all parties at once."""
        await self._every("ledgers", self._look)

    async def talk_to_parties(self) -> None:
        """Likewise: the inbox, and what the other parties have not heard."""
        await self._every("parties", self._talk)

    async def _every(self, name: str, work: Callable[[], None]) -> None:
        hurry = self._hurry[name]
        while True:
            hurry.clear()
            await asyncio.to_thread(work)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WITNESS_LOOK_EVERY_S * random.uniform(0.8, 1.2)):
                    await hurry.wait()

    def _talk(self) -> None:
        read_inbox(self._inbox, self._witness, self._clock.now())
        self._peers.step(self._witness)

    def _look(self) -> None:
        try:
            self._witness.step()
            away = ""
        except SerambiError as error:
            away = str(error)
        if away != self._away:
            log.warning("no ledger can be looked at: %s", away) if away else log.info("back again")
            self._away = away
