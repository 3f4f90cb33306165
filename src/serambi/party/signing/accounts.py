"""The people of one institution at its own desk: names and password hashes in one file.

Each person has an account; nobody else's process knows them.
"""

from pathlib import Path
from typing import Literal

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.ids import check_id
from serambi.base.limits import DESK_ACCOUNTS_MAX, DOCUMENT_MAX_BYTES
from serambi.web.passwords import Passwords


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    accounts: dict[str, str]


class Accounts:
    """The file `accounts.json` of a party's folder, mode 0600; read anew each time, so that a
    password changed by command counts at once."""

    def __init__(self, folder: Path, passwords: Passwords | None = None) -> None:
        self._path = folder / "accounts.json"
        self._passwords = passwords or Passwords()

    def put(self, name: str, password: str) -> None:
        """Add an account or change its password. Raises `BAD_INPUT` or `LIMIT`."""
        check_id(name, "account")
        accounts = {**self._read(), name: self._passwords.hash(password)}
        if len(accounts) > DESK_ACCOUNTS_MAX:
            raise SerambiError(Kind.LIMIT, f"at most {DESK_ACCOUNTS_MAX} accounts")
        raw = msgspec.json.encode(_File(1, accounts))
        write_atomically(self._path, raw, mode=0o600)

    def any(self) -> bool:
        """Whether anybody can sign in at all."""
        return bool(self._read())

    async def check(self, name: str, password: str) -> bool:
        """Whether this is the password of `name`."""
        return await self._passwords.check(self._read().get(name), password)

    def _read(self) -> dict[str, str]:
        try:
            with self._path.open("rb") as file:
                raw = file.read(DOCUMENT_MAX_BYTES)
            return msgspec.json.decode(raw, type=_File, strict=True).accounts
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            raise SerambiError(
                Kind.CORRUPT,
                "the accounts cannot be read",
                where=str(self._path),
                hint="delete the file and make the accounts anew",
            ) from error
