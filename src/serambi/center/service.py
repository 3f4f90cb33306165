"""The parts of a running center that the HTTP interface talks to."""

from collections.abc import Mapping
from dataclasses import dataclass

from serambi.base.clock import Clock
from serambi.center.approvals import Approvals
from serambi.center.asking import Asker
from serambi.center.changes import Changes
from serambi.center.desk.desk import Desk
from serambi.center.door import Door
from serambi.center.entries import SiteEntries
from serambi.center.glass import Glass
from serambi.center.ground import Ground
from serambi.center.journal import Journal
from serambi.center.logs import Logs
from serambi.center.public.pages import PublicPages
from serambi.center.reports.made import LegalReports
from serambi.center.sessions import Sessions
from serambi.center.sites import Sites
from serambi.identity.chain import Chain
from serambi.identity.roster import Roster


@dataclass(frozen=True, slots=True)
class Center:
    party: str
    roster: Roster
    rosters: Chain
    clock: Clock
    door: Door
    sites: Sites
    sessions: Sessions
    glass: Glass
    approvals: Approvals
    asker: Asker
    changes: Changes
    journal: Journal
    entries: SiteEntries
    public: PublicPages
    reports: LegalReports
    desk: Desk
    logs: Logs
    ground: Ground
    witnesses: Mapping[str, str]
    """SHA-256 of each witness's token -> its party."""
