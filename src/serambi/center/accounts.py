"""Who works at the center: accounts with one role each, their tokens and sign-ins."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.center.database import accounts, codes, logins, tokens
from serambi.web.login import digest_of, new_token
from serambi.web.passwords import FailureLimit, Passwords

CODE_TTL_S = 7 * 24 * 3600.0


class Role(StrEnum):
    """What somebody's work is. Only the sites decide what may be seen."""

    OPERATOR = "operator"
    COMMANDER = "commander"
    INVESTIGATOR = "investigator"
    COORDINATOR = "coordinator"
    PARTICIPANT = "participant"
    """Somebody of another institution, whose id in the roster is the account's unit."""


# A participant is in none of these: theirs is `desk/parts.py`, and nothing else.
# A coordinator connects sites and has no work that needs a picture.
MAY_VIEW = frozenset({Role.OPERATOR, Role.COMMANDER, Role.INVESTIGATOR})
MAY_CLOSE_ALL = frozenset({Role.COMMANDER})
MAY_BREAK_GLASS = frozenset({Role.OPERATOR, Role.COMMANDER})
# Whoever lets people in again sees no picture.
MAY_INVITE = frozenset({Role.COORDINATOR})
# It names who watched what: for whoever answers for a shift, and whoever follows a case.
MAY_READ_HISTORY = frozenset({Role.COMMANDER, Role.INVESTIGATOR})

# What the law asks of the controller: for whoever answers for the center and whoever connects it.
MAY_READ_REPORTS = frozenset({Role.COMMANDER, Role.COORDINATOR})


@dataclass(frozen=True, slots=True)
class Account:
    account: str
    name: str
    role: Role
    unit: str


class Accounts:
    """Accounts, bearer tokens, sign-ins and one-time codes, all in the database.

    Serves `web.login.Gate` as its `Logins` and its `Tokens`. Sign-ins that were made under another
    `rule` count no more: where passkeys become required, whoever came in without one is out.
    """

    def __init__(
        self, engine: Engine, clock: Clock, passwords: Passwords | None = None, rule: str = ""
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._rule = rule
        self._passwords = passwords or Passwords()
        self._failures = FailureLimit(clock)

    def create_account(self, account: str, name: str, role: Role, unit: str, password: str) -> None:
        """Raises `CONFLICT` when the account exists, `BAD_INPUT` when a value is not usable."""
        row = {
            "account": check_id(account, "account"),
            "name": name,
            "role": role.value,
            "unit": unit,
            "password": self._passwords.hash(password),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(accounts).values(row))
        except IntegrityError as error:
            raise SerambiError(Kind.CONFLICT, f"the account {account} exists already") from error

    def find(self, account: str) -> Account | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(accounts).where(accounts.c.account == account)).first()
        return None if row is None else Account(row.account, row.name, Role(row.role), row.unit)

    def get(self, account: str) -> Account:
        """Like `find` for whoever has proven to be it; raises `UNAUTHENTICATED`."""
        found = self.find(account)
        if found is None:
            raise SerambiError(
                Kind.UNAUTHENTICATED, "this account does not exist any more", hint="sign in again"
            )
        return found

    async def check_password(self, account: str, password: str, address: str) -> Account:
        """The account, if the password is right.

        Raises `UNAUTHENTICATED`, the same for a wrong password and an unknown account, and `LIMIT`
        after too many failures of this account or from this address.
        """
        subjects = (f"account {account[:64]}", f"address {address}")
        self._failures.check(*subjects)
        with self._engine.connect() as connection:
            kept = connection.execute(
                select(accounts.c.password).where(accounts.c.account == account)
            ).scalar()
        # Counted before the check, so that many guesses at once are not all let through.
        self._failures.failed(*subjects)
        right = await self._passwords.check(kept, password)
        found = self.find(account) if right else None
        if found is None:
            raise SerambiError(Kind.UNAUTHENTICATED, "account or password is wrong", where="login")
        self._failures.succeeded(*subjects)
        return found

    def create_token(self, account: str, label: str) -> str:
        """A new bearer token, shown this once. Raises `NOT_FOUND` for an unknown account."""
        self._known(account)
        token = new_token()
        row = {
            "digest": digest_of(token),
            "account": account,
            "label": label,
            "created_ms": unix_ms(self._clock.now()),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(tokens).values(row))
        return token

    def create_code(self, account: str, ttl_s: float = CODE_TTL_S) -> str:
        """A code that signs in once, for a link to `/signin?code=`."""
        self._known(account)
        code = new_token()
        row = {
            "digest": digest_of(code),
            "account": account,
            "expires_ms": unix_ms(self._clock.now() + ttl_s),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(codes).values(row))
        return code

    def void(self, account: str) -> None:
        """End the account's sign-ins and the codes that wait for it."""
        with self._engine.begin() as connection:
            for table in (logins, codes):
                connection.execute(delete(table).where(table.c.account == account))

    def use_code(self, code: str) -> Account | None:
        """The code's account, the first time and before it expires; else None."""
        with self._engine.begin() as connection:
            row = connection.execute(
                delete(codes)
                .where(codes.c.digest == digest_of(code))
                .returning(codes.c.account, codes.c.expires_ms)
            ).first()
        if row is None or row.expires_ms <= unix_ms(self._clock.now()):
            return None
        return self.find(row.account)

    def _known(self, account: str) -> None:
        if self.find(account) is None:
            raise SerambiError(Kind.NOT_FOUND, f"there is no account {account[:64]}")

    # web.login.Tokens

    def find_token(self, digest: str) -> str | None:
        with self._engine.connect() as connection:
            found = connection.execute(
                select(tokens.c.account).where(tokens.c.digest == digest)
            ).scalar()
        return None if found is None else str(found)

    # web.login.Logins

    def add(self, digest: str, account: str, expires_ms: int) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                delete(logins).where(logins.c.expires_ms <= unix_ms(self._clock.now()))
            )
            connection.execute(
                insert(logins).values(
                    digest=self._rule + digest, account=account, expires_ms=expires_ms
                )
            )

    def find_login(self, digest: str) -> tuple[str, int] | None:
        with self._engine.connect() as connection:
            row = connection.execute(
                select(logins).where(logins.c.digest == self._rule + digest)
            ).first()
        return None if row is None else (row.account, row.expires_ms)

    def remove(self, digest: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(logins).where(logins.c.digest == self._rule + digest))
