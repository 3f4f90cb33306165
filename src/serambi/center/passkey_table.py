"""Which passkeys there are: the database's table `passkeys`, nothing of it secret."""

from dataclasses import dataclass

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PASSKEYS_PER_ACCOUNT
from serambi.center.database import passkeys


@dataclass(frozen=True, slots=True)
class Passkey:
    """`id` in base64url. `handle` is how authenticators know the account: random, and the same in
    all of its passkeys. `public_key` is a COSE key, `sign_count` the newest counter that was seen.
    Times are unix milliseconds, `used_ms` 0 when it never signed in."""

    id: str
    account: str
    handle: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_ms: int
    used_ms: int


class PasskeyTable:
    """Every change is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, account: str) -> list[Passkey]:
        """Oldest first."""
        mine = select(passkeys).where(passkeys.c.account == account)
        with self._engine.connect() as connection:
            rows = connection.execute(mine.order_by(passkeys.c.created_ms, passkeys.c.id)).all()
        return [Passkey(*row) for row in rows]

    def find(self, passkey: str) -> Passkey | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(passkeys).where(passkeys.c.id == passkey)).first()
        return None if row is None else Passkey(*row)

    def add(self, new: Passkey) -> None:
        """Raises `CONFLICT` when the account has enough, has another handle by now, or when the
        passkey is there already."""
        there = self.of(new.account)
        if len(there) >= PASSKEYS_PER_ACCOUNT or any(each.handle != new.handle for each in there):
            raise _changed_meanwhile()
        row = {name: getattr(new, name) for name in Passkey.__slots__}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(passkeys).values(row))
        except IntegrityError as error:
            raise _changed_meanwhile() from error

    def used(self, passkey: Passkey, sign_count: int, now_ms: int) -> bool:
        """Note the new counter; False when another use or a removal came between."""
        same = (passkeys.c.id == passkey.id, passkeys.c.sign_count == passkey.sign_count)
        with self._engine.begin() as connection:
            noted = connection.execute(
                update(passkeys).where(*same).values(sign_count=sign_count, used_ms=now_ms)
            )
        return noted.rowcount == 1

    def remove(self, account: str, passkey: str, *, keep_one: bool) -> None:
        """Raises `NOT_FOUND` when `account` has no such passkey, and with `keep_one` `CONFLICT`
        for its last one."""
        mine = passkeys.c.account == account
        with self._engine.begin() as connection:
            gone = connection.execute(delete(passkeys).where(mine, passkeys.c.id == passkey))
            if gone.rowcount == 0:
                raise SerambiError(Kind.NOT_FOUND, "there is no such passkey of yours")
            left = connection.execute(select(func.count()).where(mine)).scalar()
            if keep_one and not left:
                # Raised inside the transaction, which is undone by it.
                raise SerambiError(
                    Kind.CONFLICT,
                    "the last passkey cannot be removed, because signing in needs one",
                    hint="register another one first",
                )

    def forget(self, account: str) -> None:
        """Remove all of an account's passkeys."""
        with self._engine.begin() as connection:
            connection.execute(delete(passkeys).where(passkeys.c.account == account))


def _changed_meanwhile() -> SerambiError:
    return SerambiError(
        Kind.CONFLICT,
        "the passkeys of this account have changed meanwhile",
        hint="look at the list and begin anew",
    )
