"""Sites that the center does not hear, as entries of its own ledger.

Short cuts are the nature of thin links and no entry: a site that flaps must not fill a ledger.
"""

import asyncio

from serambi.base.clock import Clock
from serambi.base.limits import OUTAGE_FROM_S
from serambi.center.journal import Journal
from serambi.center.sites import Sites
from serambi.ledger.entry import Entry


class Outages:
    """`tick` is to be called often; `group` writes the entries."""

    def __init__(
        self, sites: Sites, journal: Journal, clock: Clock, group: asyncio.TaskGroup
    ) -> None:
        self._sites = sites
        self._journal = journal
        self._clock = clock
        self._group = group
        self._away: dict[str, float] = {}
        self._lost: set[str] = set()

    def tick(self) -> None:
        """Write down who has been away for OUTAGE_FROM_S, and who of these is back."""
        now_s = self._clock.monotonic()
        for known in self._sites.all():
            site = known.state.site
            if known.online:
                self._away.pop(site, None)
                if site in self._lost:
                    self._lost.discard(site)
                    self._note(Entry(kind="site_heard", at_ms=self._journal.now_ms(), site=site))
            elif (
                now_s - self._away.setdefault(site, now_s) >= OUTAGE_FROM_S
                and site not in self._lost
            ):
                self._lost.add(site)
                self._note(Entry(kind="site_lost", at_ms=self._journal.now_ms(), site=site))

    def _note(self, entry: Entry) -> None:
        self._group.create_task(self._journal.note(entry))
