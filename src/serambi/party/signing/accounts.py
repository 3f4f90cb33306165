"""The people of one institution at its own desk: names and password hashes in one file.

Each person has an account; nobody else's process knows them.
"""

from pathlib import Path
from typing import Literal

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.kept import StateFile
from serambi.base.limits import DESK_ACCOUNTS_MAX, DOCUMENT_MAX_BYTES
from serambi.web.passwords import Passwords


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    accounts: dict[str, str]


class Accounts:
    """The file `accounts.json` of a party's folder, mode 0600; read anew each time, so that a
    password changed by command counts at once."""

    def __init__(self, folder: Path, passwords: Passwords | None = None) -> None:
        self._file = StateFile(
            folder / "accounts.json",
            _File,
            what="who may sign in at the desk",
            max_bytes=DOCUMENT_MAX_BYTES,
        )
        self._passwords = passwords or Passwords()

    def put(self, name: str, password: str) -> None:
        """Add an account or change its password. Raises `BAD_INPUT`, `LIMIT`, or
        `UNAVAILABLE` when the disk refuses it."""
        check_id(name, "account")
        accounts = {**self._read(), name: self._passwords.hash(password)}
        if len(accounts) > DESK_ACCOUNTS_MAX:
            raise SerambiError(Kind.LIMIT, f"at most {DESK_ACCOUNTS_MAX} accounts")
        self._file.write(_File(1, accounts))

    def any(self) -> bool:
        """Whether anybody can sign in at all."""
        return bool(self._read())

    async def check(self, name: str, password: str) -> bool:
        """Whether this is the password of `name`."""
        return await self._passwords.check(self._read().get(name), password)

    def _read(self) -> dict[str, str]:
        found = self._file.read()
        return {} if found is None else found.accounts
