"""`serambi party --config`: an institution's own process, with its witness and its signing desk.

It holds the key that cosigns. The one that signs agreements is read for one signature, when a
person gives its passphrase; until then it may lie in a safe.
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
from serambi.identity.chain import Chain
from serambi.identity.keys import SigningKey
from serambi.party.carrier import Carrier, HttpCarrier
from serambi.party.config import PartyConfig, read_config
from serambi.party.door import door_app
from serambi.party.inbox import read_inbox
from serambi.party.invitations import Invitations
from serambi.party.notices import Notices
from serambi.party.own_keys import OwnKeys
from serambi.party.peers import Peers
from serambi.party.proposals import Proposals
from serambi.party.rosters import Rosters
from serambi.party.signing.accounts import Accounts
from serambi.party.signing.approvals import Approvals
from serambi.party.signing.delivery import Delivery
from serambi.party.signing.desk import Desk
from serambi.party.signing.hand import Hand
from serambi.party.signing.papers import Papers
from serambi.party.signing.record import Record
from serambi.party.signing.roster_desk import RosterPages
from serambi.party.signing.roster_hand import RosterHand
from serambi.party.signing.routes import desk_app
from serambi.party.witness import Witness
from serambi.web.login import Gate, MemoryLogins, NoTokens, cookie_name
from serambi.web.serve import HttpServer
from serambi.web.words import Words

log = logging.getLogger(__name__)

FORMAT = "1"
DESK_HOST = "127.0.0.1"
"""The desk takes passphrases over plain HTTP, so it is for this machine alone."""


async def run(path: Path) -> None:
    """Run the party of `path` (party.toml) until SIGTERM or SIGINT."""
    config = read_config(path)
    check_format(config.folder, FORMAT)
    clock = SystemClock()
    carrier = HttpCarrier(config.center, config.token, config.ca)
    key = SigningKey.load(config.key)
    chain = Chain.open(config.folder / "rosters", config.roster, config.genesis)
    roster = chain.head
    witness = Witness(config.folder, config.party, key, roster, carrier, clock)
    papers = Papers(config.folder, config.party, roster)
    rosters = Rosters(chain, witness.alarms)
    work = Work(config, witness, papers, rosters, carrier, clock, key)
    door = door_app(witness, papers, work.roster_hand, work.hurry)
    server = HttpServer(door, config.host, config.port)
    desk = HttpServer(desk_app(open_desk(config, work, clock)), DESK_HOST, config.desk_port)
    async with asyncio.TaskGroup() as group:
        await server.start(group)
        await desk.start(group)
        tasks = [
            group.create_task(keep_running("ledgers", work.look_at_ledgers)),
            group.create_task(keep_running("parties", work.talk_to_parties)),
        ]
        log.info("witness of %s at http://%s:%d", config.party, config.host, server.port)
        log.info("signing desk of %s at http://localhost:%d", config.party, desk.port)
        await until_told_to_end()
        for task in tasks:
            task.cancel()
        carrier.close()
        work.close()
        await desk.stop()
        await server.stop()


def open_desk(config: PartyConfig, work: "Work", clock: Clock) -> Desk:
    """The signing desk of this party."""
    # Cookies ignore ports, and in a demo five desks stand on one machine.
    gate = Gate(
        cookie_name(f"desk_{config.party}", config.desk_port), MemoryLogins(), NoTokens(), clock
    )
    return Desk(
        work.hand,
        work.delivery,
        Accounts(config.folder),
        Record(config.folder, clock),
        gate,
        Words.load(),
        clock,
        config.desk_zone,
        RosterPages(work.roster_hand, work.rosters),
    )


class Work:
    """The clockwork. Two loops, so that a center that keeps this party waiting keeps no revocation
    from the other parties."""

    def __init__(
        self,
        config: PartyConfig,
        witness: Witness,
        papers: Papers,
        rosters: Rosters,
        carrier: Carrier,
        clock: Clock,
        key: SigningKey,
    ) -> None:
        """`key` is the witness's."""
        self.rosters = rosters
        self._inbox = config.folder / "inbox"
        self._witness = witness
        self._clock = clock
        self._carrier = carrier
        keys = OwnKeys(config.desk_key, config.folder)
        self._proposals = Proposals(config.folder, rosters)
        self.roster_hand = RosterHand(
            config.folder,
            papers,
            self._proposals,
            Invitations(config.folder, config.party, clock),
            keys,
            clock,
            self.hurry_from_thread,
        )
        self._peers = Peers(config.peers, clock, papers, rosters, self.roster_hand.to_tell)
        self.hand = Hand(
            papers,
            witness.revocations,
            keys.folder_for(config.party, papers.roster),
            clock,
            self.hurry_from_thread,
            Approvals(config.folder, papers, clock),
        )
        self.delivery = Delivery(self.hand, witness, clock)
        self._notices = Notices(config.party, key, witness.alarms, clock)
        self._hurry = {"ledgers": asyncio.Event(), "parties": asyncio.Event()}
        self._away = ""
        self._loop = asyncio.get_running_loop()

    def hurry(self) -> None:
        """Something new has come: do not wait."""
        for event in self._hurry.values():
            event.set()

    def hurry_from_thread(self) -> None:
        """Likewise, from any thread."""
        self._loop.call_soon_threadsafe(self.hurry)

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
        read_inbox(self._inbox, self._witness, self._proposals, self._clock.now())
        self._peers.step(self._witness)

    def _look(self) -> None:
        try:
            self._witness.step()
            self.delivery.step(self._carrier)
            self.rosters.pass_on(self._carrier)
            self._notices.step(self._carrier)
            away = ""
        except SerambiError as error:
            away = str(error)
        if away != self._away:
            log.warning("no ledger can be looked at: %s", away) if away else log.info("back again")
            self._away = away
