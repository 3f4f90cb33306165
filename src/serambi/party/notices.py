"""What this party's alarms say to the owners of the sites they are about, again and again: whoever
carries it may lose it, and an owner that was told already is not told twice."""

import logging

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.base.instants import instant_text
from serambi.base.limits import NOTICES_EVERY_S
from serambi.identity.keys import SigningKey
from serambi.ledger.notice import Notice, NoticeKind, seal_notice
from serambi.party.alarms import Alarms
from serambi.party.carrier import Carrier

log = logging.getLogger(__name__)

_KINDS: dict[str, NoticeKind] = {
    "fork": "fork",
    "conflict": "fork",
    "rollback": "rollback",
    "refused": "refused",
}
"""By the first word of an alarm's key; the second is the ledger's origin."""


class Notices:
    """One thread calls `step`."""

    def __init__(self, party: str, key: SigningKey, alarms: Alarms, clock: Clock) -> None:
        """`key` is the witness's."""
        self._party = party
        self._key = key
        self._alarms = alarms
        self._clock = clock
        self._again_at = float("-inf")

    def step(self, carrier: Carrier) -> None:
        """Tell the sites. Raises `UNAVAILABLE` when the carrier is away."""
        now = self._clock.monotonic()
        if now < self._again_at:
            return
        self._again_at = now + NOTICES_EVERY_S
        for raw in self.all():
            try:
                carrier.pass_on(raw)
            except SerambiError as error:
                log.info("a notice is not passed on: %s", error)

    def all(self) -> list[bytes]:
        """A notice of each alarm that is about one ledger's history."""
        found = []
        for key, at_ms in self._alarms.raised():
            word, _, origin = key.partition(" ")
            if word in _KINDS and " " not in origin:
                at = instant_text(at_ms / 1000)
                notice = Notice(1, _KINDS[word], origin, self._party, at)
                found.append(seal_notice(notice, self._key))
        return found
