"""The auditor that never sleeps: each site's ledger against the center's, as both grow."""

from collections.abc import Sequence

from serambi.base.clock import Clock, unix_ms
from serambi.base.limits import LIVE_GRANT_MAX_S, WITNESS_PATIENCE_S
from serambi.ledger.audit import TOLERANCE_MS, Audit, site_of
from serambi.ledger.entry import Entry
from serambi.party.alarms import Alarms


class Reconciling:
    """One `Audit` for each site. Views of more than a day before the start are not judged again:
    the process before this one did."""

    def __init__(self, alarms: Alarms, clock: Clock) -> None:
        self._alarms = alarms
        self._clock = clock
        self._since_ms = unix_ms(clock.now() - LIVE_GRANT_MAX_S)
        self._audits: dict[str, Audit] = {}
        self._until_ms: dict[str, int] = {}

    def add(self, origin: str, entries: Sequence[Entry]) -> None:
        """New entries of a ledger, in order."""
        site = site_of(origin)
        recent = [entry for entry in entries if entry.at_ms >= self._since_ms - TOLERANCE_MS]
        newest = max((entry.at_ms for entry in entries), default=0)
        self._until_ms[site] = max(newest, self._until_ms.get(site, 0))
        if site:
            self._audit(site).add_keeper(recent)
        else:
            for name in {entry.site for entry in recent if entry.site}:
                self._audit(name).add_center(recent)

    def judge(self) -> None:
        """Raise an alarm for each view that one of the two ledgers omits or tells differently.
        A ledger without newer entries is taken to be complete up to a minute ago."""
        asked_ms = unix_ms(self._clock.now() - WITNESS_PATIENCE_S)
        center_ms = max(self._until_ms.get("", 0), asked_ms)
        for site, audit in self._audits.items():
            if site not in self._until_ms or "" not in self._until_ms:
                continue  # only one of the two has been shown
            keeper_ms = max(self._until_ms[site], asked_ms)
            for alarm in audit.alarms(keeper_ms, center_ms, since_ms=self._since_ms):
                self._alarms.raise_alarm(alarm, alarm)

    def _audit(self, site: str) -> Audit:
        return self._audits.setdefault(site, Audit(site))
