"""A town with witnesses: a real keeper, a real center that serves HTTP, five real witnesses with
their doors. Between keeper and center lies no network; one clock, moved by hand, rules them all.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from serambi.agreement.model import read_agreement
from serambi.base.canonical import encode
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.center.config import CenterConfig
from serambi.center.main import serve
from serambi.fabric.messages import STATE_TYPE
from serambi.identity import dsse
from serambi.identity.chain import Chain
from serambi.keeper.delivery import Delivery as SiteDelivery
from serambi.keeper.keeper import Keeper
from serambi.keeper.session import Outcome
from serambi.party.carrier import HttpCarrier
from serambi.party.door import door_app
from serambi.party.peers import Peers
from serambi.party.rosters import Rosters
from serambi.party.signing.approvals import Approvals
from serambi.party.signing.delivery import Delivery
from serambi.party.signing.hand import Hand
from serambi.party.signing.papers import Papers
from serambi.party.signing.roster_desk import RosterPages
from serambi.party.witness import Witness
from serambi.web.serve import HttpServer
from tests.builders import NOW, SITE, make_request, make_revocation, make_roster
from tests.fakes.center_town import FakeLink
from tests.fakes.keeper_site import Site
from tests.fakes.roster_pages import roster_pages

PARTIES = ("kpu", "bawaslu", "polres", "dishub", "rsud")
HEARTBEAT_S = 60


class KeeperLink(FakeLink):
    """The fabric without network: commands go to the keeper, states and batches to the center."""

    def __init__(self) -> None:
        super().__init__({})
        self.keeper: Keeper | None = None
        self.cut = False

    async def command(self, site: str, raw: bytes, timeout_s: float) -> bytes:
        if self.cut or self.keeper is None:
            raise SerambiError(Kind.UNAVAILABLE, "no answer", where=f"site {site}")
        return await self.keeper._on_command(raw)

    async def submit(self, raw: bytes) -> bytes:
        if self.cut or self.take_batch is None:
            raise SerambiError(Kind.UNAVAILABLE, "no answer")
        return await self.take_batch(SITE, raw)


@dataclass
class Party:
    """One party's process: its witness, its door, its way to the others."""

    witness: Witness
    carrier: HttpCarrier
    server: HttpServer
    papers: Papers
    hand: Hand
    delivery: Delivery
    rosters: RosterPages
    peers: Peers | None = None
    down: bool = False


class WitnessedTown:
    """Made by `witnessed_town`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(NOW)
        self.town = make_roster(PARTIES, witnessed=True)
        self.site = Site(folder / "keeper", self.town, heartbeat_s=HEARTBEAT_S, parties=PARTIES)
        self.link = KeeperLink()
        self.keeper = self.site.keeper(self.clock)
        self.link.keeper = self.keeper
        self.delivery = SiteDelivery(
            folder,
            SITE,
            self.keeper.journal.store,
            self.keeper.key,
            lambda: self.town.roster,
            lambda: True,
            self.link.submit,
        )
        self.tokens = {party: f"token-of-{party}" for party in PARTIES}
        self.parties: dict[str, Party] = {}
        self.session = ""

    def center_config(self) -> CenterConfig:
        folder = self.folder / "center"
        folder.mkdir()
        (self.folder / "roster.json").write_bytes(self.town.raw)
        self.town.center.save(folder / "key")
        return CenterConfig(
            party="polres",
            host="127.0.0.1",
            port=0,
            folder=folder,
            key=folder / "key",
            tls=folder / "tls",
            roster=self.folder / "roster.json",
            genesis=self.town.roster.digest,
            listen=("quic/127.0.0.1:1",),
            witnesses={
                hashlib.sha256(token.encode()).hexdigest(): party
                for party, token in self.tokens.items()
            },
        )

    async def begin(self) -> None:
        """Documents in force, the first states said and cosigned."""
        await self.keeper._begin()
        for raw in (*self.site.attestations.values(), self.site.agreement):
            await self.keeper.accept(raw)
        await self.tick()

    async def tick(self, duration_s: float = 0.0) -> None:
        """Let time pass, then everybody does what is due: the keeper looks, delivers and speaks,
        the witnesses look and talk to each other."""
        self.clock.advance(duration_s)
        await self.keeper._look_who_saw()
        await self.keeper.sessions.reconsider()
        if not self.link.cut:
            while self.delivery.confirmed < self.keeper.journal.store.size:
                await self.delivery.deliver()
            state = dsse.sign(STATE_TYPE, encode(self.keeper.site_state()), [self.keeper.key])
            self.link.say(SITE, dsse.dump(state))
        for party in self.parties.values():
            if not party.down:
                await asyncio.to_thread(self._step, party)

    def _step(self, party: Party) -> None:
        if party.peers is not None:
            party.peers.step(party.witness)
        party.witness.step()
        party.delivery.step(party.carrier)

    async def open(self) -> Outcome:
        """Ask the keeper for a view as the center would."""
        raw = make_request(self.town, now=self.clock.now())
        outcome = await self.keeper.sessions.handle(raw)
        self.session = outcome.session
        return outcome

    async def renew(self) -> Outcome:
        """Keep the view open; its fields are those of `open`."""
        raw = make_request(self.town, now=self.clock.now(), kind="renew", session=self.session)
        return await self.keeper.sessions.handle(raw)

    def revocation(self, party: str) -> bytes:
        signed = read_agreement(self.site.agreement, self.town.roster)
        return make_revocation(self.town, signed, party, at=self.clock.now())

    def reasons(self) -> list[str]:
        """Why views were closed, by the keeper's ledger."""
        store = self.keeper.journal.store
        entries = store.entries(0, store.size)
        return [entry.reason for entry in entries if entry.kind == "session_closed"]


@asynccontextmanager
async def witnessed_town(folder: Path) -> AsyncIterator[WitnessedTown]:
    """Everything running; ended afterwards."""
    town = WitnessedTown(folder)
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        group.create_task(
            serve(
                town.center_config(),
                lambda config, sites: town.link,
                town.clock,
                stop.wait(),
                port.set_result,
                built=folder / "built",
            )
        )
        center = f"http://127.0.0.1:{await port}"
        for name, token in town.tokens.items():
            home = folder / name
            home.mkdir()
            carrier = HttpCarrier(center, token)
            key = town.town.witnesses[name]
            witness = Witness(home, name, key, town.town.roster, carrier, town.clock)
            papers = Papers(home, name, town.town.roster)
            rosters = Rosters(Chain(home / "rosters", town.town.roster), witness.alarms)
            pages = roster_pages(papers, rosters, home, town.clock)
            server = HttpServer(door_app(witness, papers, pages.hand, lambda: None), "127.0.0.1", 0)
            await server.start(group)
            approvals = Approvals(home, papers, town.clock)
            hand = Hand(
                papers, witness.revocations, home / "key", town.clock, lambda: None, approvals
            )
            delivery = Delivery(hand, witness, town.clock)
            town.parties[name] = Party(witness, carrier, server, papers, hand, delivery, pages)
        for name, party in town.parties.items():
            others = [p.server.port for n, p in town.parties.items() if n != name]
            urls = [f"http://127.0.0.1:{other}" for other in others]
            pages = party.rosters
            more = pages.hand.to_tell
            peers = Peers(urls, town.clock, party.papers, pages.rosters, more)
            town.parties[name] = replace(party, peers=peers)
        try:
            await town.begin()
            yield town
        finally:
            for party in town.parties.values():
                party.carrier.close()
                await party.server.stop()
            stop.set()
            town.keeper.close()
