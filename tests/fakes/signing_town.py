"""The witnessed town with a signing desk for each party: five real desks, each at its own port,
with its own accounts and its own key under its own passphrase."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher

from serambi.agreement.model import SignedAgreement
from serambi.base.clock import Clock, ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.identity.chain import Chain
from serambi.ledger.note import Note
from serambi.ledger.tiles import Tile
from serambi.party.alarms import Alarms
from serambi.party.rosters import Rosters
from serambi.party.signing.accounts import Accounts
from serambi.party.signing.approvals import Approvals
from serambi.party.signing.delivery import Delivery
from serambi.party.signing.desk import Desk
from serambi.party.signing.hand import Hand, Shown
from serambi.party.signing.papers import Papers
from serambi.party.signing.record import Record
from serambi.party.signing.roster_desk import RosterPages
from serambi.party.signing.routes import desk_app
from serambi.party.witness import Witness
from serambi.web.login import Gate, MemoryLogins, NoTokens
from serambi.web.passwords import Passwords
from serambi.web.serve import HttpServer
from serambi.web.words import Words
from tests.builders import NOW, Town, make_agreement, make_attestation, make_roster
from tests.fakes.roster_pages import roster_pages
from tests.fakes.witnessed_town import PARTIES, WitnessedTown, witnessed_town

ACCOUNT = "ani"
SECOND = "budi"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashing that a test can afford."""


def password_of(party: str) -> str:
    return f"password of {party}"


def passphrase_of(party: str) -> str:
    return f"the key of {party} lies in a safe"


@dataclass
class SigningTown:
    """`desks`: party -> the address of its desk."""

    town: WitnessedTown
    desks: dict[str, str]


def fake_desk(
    hand: Hand,
    delivery: Delivery,
    home: Path,
    clock: Clock,
    party: str,
    pages: RosterPages | None = None,
) -> Desk:
    """A desk with two accounts, ready to be served."""
    accounts = Accounts(home, Passwords(QUICK))
    for account in (ACCOUNT, SECOND):
        accounts.put(account, password_of(party))
    gate = Gate(f"serambi_desk_{party}", MemoryLogins(), NoTokens(), clock)
    record = Record(home, clock)
    if pages is None:
        rosters = Rosters(Chain(home / "rosters", hand.papers.roster), Alarms(home, clock))
        pages = roster_pages(hand.papers, rosters, home, clock)
    return Desk(hand, delivery, accounts, record, gate, Words.load(), clock, "Asia/Jakarta", pages)


@asynccontextmanager
async def signing_town(folder: Path) -> AsyncIterator[SigningTown]:
    """Everything running; every desk knows the attestations of the site."""
    async with witnessed_town(folder) as town, asyncio.TaskGroup() as group:
        servers, desks = [], {}
        for name in PARTIES:
            party, home = town.parties[name], folder / name
            town.town.keys[name].save(home / "key", passphrase_of(name).encode())
            for raw in town.site.attestations.values():
                party.papers.take(raw)
            desk = fake_desk(party.hand, party.delivery, home, town.clock, name, party.rosters)
            server = HttpServer(desk_app(desk), "127.0.0.1", 0)
            await server.start(group)
            servers.append(server)
            desks[name] = f"http://localhost:{server.port}"
        try:
            yield SigningTown(town, desks)
        finally:
            for server in servers:
                await server.stop()


class Nowhere:
    """A carrier to a center that is never there."""

    def checkpoints(self) -> dict[str, str]:
        raise SerambiError(Kind.UNAVAILABLE, "no answer")

    def leaves(self, origin: str, tile: Tile) -> list[bytes]:
        raise SerambiError(Kind.UNAVAILABLE, "no answer")

    def hand_back(self, notes: Sequence[Note]) -> dict[str, str]:
        raise SerambiError(Kind.UNAVAILABLE, "no answer")

    def asked(self) -> list[bytes]:
        return []

    def pass_on(self, document: bytes) -> None:
        raise SerambiError(Kind.UNAVAILABLE, "no answer")


@dataclass
class OneDesk:
    """The desk of one party, without the others' processes. `papers`: digests by number; `pages`:
    the roster's, once it is served."""

    party: str
    town: Town
    hand: Hand
    clock: ManualClock
    home: Path
    port: int = 0
    papers: dict[str, str] = field(default_factory=dict)
    pages: RosterPages | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def signed(self, number: str) -> SignedAgreement:
        return self.hand.papers.agreement(self.papers[number])[0]

    def shown(self, number: str) -> Shown:
        """What a person who has just opened the page has in front of them."""
        signed = self.signed(number)
        return Shown(signed.digest, self.hand.tag(signed))


def one_hand(
    folder: Path, party: str = "kpu", town: Town | None = None
) -> tuple[OneDesk, Delivery]:
    """Three papers over one camera: 2026-03 in force, 2026-04 waiting for `party`, 2026-05 a
    draft."""
    town = town or make_roster(PARTIES, witnessed=True)
    clock = ManualClock(NOW)
    papers = Papers(folder, party, town.roster)
    witness = Witness(folder, party, town.witnesses[party], town.roster, Nowhere(), clock)
    town.keys[party].save(folder / "key", passphrase_of(party).encode())
    approvals = Approvals(folder, papers, clock)
    hand = Hand(papers, witness.revocations, folder / "key", clock, lambda: None, approvals)
    desk = OneDesk(party, town, hand, clock, folder)
    attestation = make_attestation(town)
    papers.take(attestation)
    others = [each for each in PARTIES if each != party]
    for number, signers in {"2026-03": PARTIES, "2026-04": others[:2], "2026-05": ()}.items():
        raw = make_agreement(town, attestations=[attestation], number=number, signed_by=signers)
        desk.papers[number] = papers.take(raw)
    return desk, Delivery(hand, witness, clock)


@asynccontextmanager
async def one_desk(
    folder: Path, party: str = "kpu", town: Town | None = None
) -> AsyncIterator[OneDesk]:
    """`one_hand`, served."""
    desk, delivery = one_hand(folder, party, town)
    rosters = Rosters(Chain(folder / "rosters", desk.town.roster), Alarms(folder, desk.clock))
    desk.pages = roster_pages(desk.hand.papers, rosters, folder, desk.clock)
    app = desk_app(fake_desk(desk.hand, delivery, folder, desk.clock, party, desk.pages))
    server = HttpServer(app, "127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        await server.start(group)
        desk.port = server.port
        try:
            yield desk
        finally:
            await server.stop()
