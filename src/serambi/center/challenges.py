"""Random questions to somebody outside: each is answered once, and soon."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from serambi.base.clock import Clock
from serambi.base.limits import CHALLENGE_TTL_S, CHALLENGES_KEPT, CHALLENGES_PER_SUBJECT


@dataclass(frozen=True, slots=True)
class _Asked:
    purpose: str
    subject: str
    about: bytes
    until_s: float


class Challenges:
    """Open questions, in memory: those of a process that ended are void.

    One subject (an account, an address) has at most CHALLENGES_PER_SUBJECT, so that it cannot
    take the room of others; of all there are at most CHALLENGES_KEPT. The oldest make room.
    """

    def __init__(self, clock: Clock, ttl_s: float = CHALLENGE_TTL_S) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._open: OrderedDict[bytes, _Asked] = OrderedDict()

    def ask(self, purpose: str, subject: str, about: bytes = b"") -> bytes:
        """A new question, 32 random bytes. `purpose` says what its answer is good for, `about` is
        given back with it."""
        mine = [each for each, asked in self._open.items() if asked.subject == subject]
        for each in mine[: max(0, len(mine) - CHALLENGES_PER_SUBJECT + 1)]:
            del self._open[each]
        challenge = secrets.token_bytes(32)
        until_s = self._clock.monotonic() + self._ttl_s
        self._open[challenge] = _Asked(purpose, subject, about, until_s)
        while len(self._open) > CHALLENGES_KEPT:
            self._open.popitem(last=False)
        return challenge

    def take(self, purpose: str, challenge: bytes) -> bytes | None:
        """What the question was about; None unless it was asked for `purpose` and has waited for
        its answer less than `ttl_s`. It is spent by that, whatever the answer is worth."""
        asked = self._open.pop(challenge, None)
        if asked is None or asked.purpose != purpose:
            return None
        return asked.about if self._clock.monotonic() < asked.until_s else None
