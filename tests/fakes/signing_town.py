"""The witnessed town with a signing desk for each party: five real desks, each at its own port,
with its own accounts and its own key under its own passphrase."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher

from serambi.base.clock import Clock
from serambi.party.signing.accounts import Accounts
from serambi.party.signing.delivery import Delivery
from serambi.party.signing.desk import Desk
from serambi.party.signing.hand import Hand
from serambi.party.signing.record import Record
from serambi.party.signing.routes import desk_app
from serambi.web.login import Gate, MemoryLogins, NoTokens
from serambi.web.passwords import Passwords
from serambi.web.serve import HttpServer
from serambi.web.words import Words
from tests.fakes.witnessed_town import PARTIES, WitnessedTown, witnessed_town

ACCOUNT = "ani"
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


def fake_desk(hand: Hand, delivery: Delivery, home: Path, clock: Clock, party: str) -> Desk:
    """A desk with one account, ready to be served."""
    accounts = Accounts(home, Passwords(QUICK))
    accounts.put(ACCOUNT, password_of(party))
    gate = Gate(f"serambi_desk_{party}", MemoryLogins(), NoTokens(), clock)
    record = Record(home, clock)
    return Desk(hand, delivery, accounts, record, gate, Words.load(), clock, "Asia/Jakarta")


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
            desk = fake_desk(party.hand, party.delivery, home, town.clock, name)
            server = HttpServer(desk_app(desk), "127.0.0.1", 0)
            await server.start(group)
            servers.append(server)
            desks[name] = f"http://localhost:{server.port}"
        try:
            yield SigningTown(town, desks)
        finally:
            for server in servers:
                await server.stop()
