"""The rosters that follow the pinned one, at a party's process: taken, kept, passed on.

The process goes by the one it started with; a newer one holds from its next start.
"""

import logging

from serambi.identity.chain import Chain
from serambi.identity.roster import Roster
from serambi.party.alarms import Alarms
from serambi.party.carrier import Carrier

log = logging.getLogger(__name__)


class Rosters:
    """Any thread may use it; one calls `pass_on`."""

    def __init__(self, chain: Chain, alarms: Alarms) -> None:
        self._chain = chain
        self._alarms = alarms
        self._started_with = chain.head.digest
        self._passed_on = 0
        self._alarm_forks()

    def accept(self, raw: bytes) -> bool:
        """Take the next roster; whether it is new. Durable on return. Raises as `Chain.accept`
        does; a fork is an alarm as well."""
        try:
            new = self._chain.accept(raw)
        finally:
            self._alarm_forks()
        if new:
            number = self._chain.head.document.sequence
            log.warning("roster %d is kept: start this process again to go by it", number)
        return new

    @property
    def head(self) -> Roster:
        """The newest that all have signed."""
        return self._chain.head

    @property
    def all(self) -> tuple[Roster, ...]:
        """From the pinned one on."""
        return self._chain.rosters

    @property
    def forks(self) -> tuple[str, ...]:
        """The digests of refused rosters that follow the same one as another here."""
        return self._chain.forks

    @property
    def restart_needed(self) -> bool:
        """Whether a newer roster has come since this process started."""
        return self._chain.head.digest != self._started_with

    def files(self) -> tuple[bytes, ...]:
        """All that follow the pinned one, in their order."""
        return self._chain.files

    def pass_on(self, carrier: Carrier) -> None:
        """Bring the sites what they may not have heard since this process started. Raises
        `UNAVAILABLE` when the carrier is away: the rest is brought next time."""
        for raw in self._chain.files[self._passed_on :]:
            carrier.pass_on(raw)
            self._passed_on += 1

    def _alarm_forks(self) -> None:
        for digest in self._chain.forks:
            self._alarms.raise_alarm(
                f"roster fork {digest}",
                f"two rosters follow the same one; the one with sha256 {digest} is refused. Ask "
                "every party which of the two it has signed",
            )
