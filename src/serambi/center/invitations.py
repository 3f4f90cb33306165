"""A fresh sign-in link for one account: how people come in first, and how they come back when a
passkey is lost. Every one stands in the center's ledger before it is given.
"""

import contextlib
import secrets
from dataclasses import dataclass

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import new_id
from serambi.center.accounts import CODE_TTL_S, Account, Accounts, Role
from serambi.center.config import CenterConfig
from serambi.center.database import open_database
from serambi.center.desk.seats import party_of
from serambi.center.journal import Journal
from serambi.center.passkeys import Passkeys
from serambi.identity.chain import Chain
from serambi.identity.keys import SigningKey
from serambi.ledger.entry import Entry
from serambi.ledger.names import Names
from serambi.ledger.store import LedgerStore

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """`path` signs in once, until `until_ms` (unix milliseconds)."""

    path: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Invitations:
    """Gives links. `party` is the center's own."""

    party: str
    accounts: Accounts
    passkeys: Passkeys
    journal: Journal
    clock: Clock

    async def give(self, account: str, by: Account | None) -> Invitation:
        """A link for `account`; what it had before (sign-ins, links, passkeys) ends.

        `by` is who gives it, None for whoever has the center's machine. The ledger names both as
        commitments. Raises `NOT_FOUND` for an unknown account, `DENIED` for one's own, and
        `UNAVAILABLE` when the ledger cannot be written: then nothing has changed.
        """
        found = self.accounts.find(account)
        if found is None:
            raise SerambiError(Kind.NOT_FOUND, f"there is no account {account[:64]}")
        if by is not None and by.account == account:
            raise SerambiError(
                Kind.DENIED,
                "nobody makes a sign-in link for himself",
                hint="ask another coordinator, or whoever has the center's machine",
            )
        giver = "given at the center's machine" if by is None else "given by a coordinator"
        await self._write(found, f"for this person, {giver}")
        if by is not None:
            await self._write(by, f"gave the link for the role {found.role}")
        self.passkeys.table.forget(account)
        self.accounts.void(account)
        code = self.accounts.create_code(account)
        return Invitation(f"/signin?code={code}", unix_ms(self.clock.now() + CODE_TTL_S))

    async def _write(self, account: Account, detail: str) -> None:
        session = new_id()
        await self.journal.append(
            Entry(
                kind="account_link",
                at_ms=self.journal.now_ms(),
                session=session,
                person=self.journal.names.commit(session, account.name),
                unit=account.unit,
                party=self.party,
                detail=detail,
            )
        )


async def invite_at_the_machine(
    config: CenterConfig, clock: Clock, account: str, new: Account | None
) -> Invitation:
    """A link for `account`, which is made first when it is `new`, without a password.

    Raises `CONFLICT` while the center runs, or when a new account exists already, `DENIED` for a
    participant of no party of the roster; and like `Invitations.give`.
    """
    if new is not None and new.role is Role.PARTICIPANT:
        chain = Chain.open(config.folder / "rosters", config.roster, config.genesis)
        party_of(chain.head, new)
    key = SigningKey.load(config.key)
    with contextlib.ExitStack() as opened:
        ledger = LedgerStore.open(config.ledger, f"{config.party}/center", key, clock)
        opened.callback(ledger.close)
        engine = open_database(config.database, durable=True)
        opened.callback(engine.dispose)
        names = Names(config.names_folder, clock, config.names_days * _DAY_S)
        journal = Journal(ledger, names, clock)
        opened.callback(journal.close)
        accounts = Accounts(engine, clock)
        if new is not None:
            unknown = secrets.token_urlsafe(32)
            accounts.create_account(new.account, new.name, new.role, new.unit, unknown)
        site = config.login.site(config.port, tls=config.web_tls is not None)
        passkeys = Passkeys(engine, clock, site)
        return await Invitations(config.party, accounts, passkeys, journal, clock).give(
            account, None
        )
