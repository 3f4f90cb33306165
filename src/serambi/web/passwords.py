"""Passwords: hashing, and a bound on guessing."""

import asyncio
from collections import OrderedDict

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    LOGIN_FAILURES,
    LOGIN_FAILURES_WINDOW_S,
    LOGIN_SUBJECTS_KEPT,
    PASSWORD_CHECKS_AT_ONCE,
    PASSWORD_MAX_BYTES,
)


class Passwords:
    """Argon2id with the library's current parameters, a few checks at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(PASSWORD_CHECKS_AT_ONCE)
        # Checked for unknown accounts, so that they take as long as known ones.
        self._nobody = self._hasher.hash("nobody")

    def hash(self, password: str) -> str:
        """What is kept of a password. Raises `BAD_INPUT` when it is empty or too long."""
        if not password or len(password.encode()) > PASSWORD_MAX_BYTES:
            raise SerambiError(
                Kind.BAD_INPUT, f"a password has 1 to {PASSWORD_MAX_BYTES} bytes", where="password"
            )
        return self._hasher.hash(password)

    async def check(self, kept: str | None, password: str) -> bool:
        """Whether `password` belongs to the hash `kept`; None stands for an unknown account."""
        if len(password.encode()) > PASSWORD_MAX_BYTES:
            return False
        async with self._turn:
            right = await asyncio.to_thread(self._matches, kept or self._nobody, password)
        return right and kept is not None

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


class FailureLimit:
    """At most `LOGIN_FAILURES` failures per subject (an account, an address) and window."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, *subjects: str) -> None:
        """Raise `LIMIT` when one of the subjects has failed too often lately."""
        since = self._clock.monotonic() - LOGIN_FAILURES_WINDOW_S
        for subject in subjects:
            recent = [at for at in self._failures.get(subject, ()) if at > since]
            if len(recent) >= LOGIN_FAILURES:
                wait_s = int(recent[0] - since) + 1
                raise SerambiError(
                    Kind.LIMIT,
                    "too many failed sign-ins",
                    where="login",
                    hint=f"try again in {wait_s} seconds",
                )

    def failed(self, *subjects: str) -> None:
        """Count one failure for each subject. The longest quiet subject makes room."""
        since = self._clock.monotonic() - LOGIN_FAILURES_WINDOW_S
        for subject in subjects:
            recent = [at for at in self._failures.pop(subject, ()) if at > since]
            self._failures[subject] = [*recent, self._clock.monotonic()][-LOGIN_FAILURES:]
        while len(self._failures) > LOGIN_SUBJECTS_KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the account's failures, and of the address's only the one just counted."""
        self._failures.pop(account, None)
        recent = self._failures.get(address)
        if recent:
            recent.pop()
