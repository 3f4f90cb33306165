"""One open view as the center knows it. Opening, keeping and ending are in sessions.py."""

from dataclasses import dataclass, field

from serambi.agreement.recorded import range_text
from serambi.agreement.request import beside
from serambi.base.ids import new_id
from serambi.center.accounts import Account
from serambi.center.live import Feed
from serambi.center.viewer import Viewer
from serambi.fabric.messages import Stream

PLAYBACK = "playback"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a view is opened by: the number of an open incident, or an act of breaking the glass
    with the reason that was given. Neither for an ordinary view."""

    incident: str = ""
    act: str = ""
    why: str = field(default="", repr=False)


ORDINARY = Grounds()


@dataclass(slots=True, eq=False)
class Session:
    """One open view. `until_ms` is when the grant ends unless it is renewed.

    `id` is what browsers call it, `grant` what site and ledgers call what the site gave for it:
    another one for each stream. `wanted` is the stream that was asked for, `stream` the one shown.
    `salt` is the grant's, and hides the person in the ledgers. A playback has a range, unix
    milliseconds, and no feed: its windows are asked for one by one.
    """

    id: str
    grant: str
    owner: Account
    site: str
    camera: str
    stream: Stream
    action: str
    purpose: str
    agreement: str
    until_ms: int
    seq: int
    renew_at_s: float
    unwatched_until_s: float
    feed: Feed | None
    wanted: Stream = "sub"
    viewer: Viewer | None = None
    renewing: bool = False
    switching: bool = False
    notice: str = ""
    salt: str = field(default_factory=new_id, repr=False)
    from_ms: int = 0
    to_ms: int = 0
    clips: int = 0
    grounds: Grounds = ORDINARY

    @property
    def detail(self) -> str:
        """What the ledger says beside the usual: the action, of a playback with its range, and
        what it was opened by."""
        by = beside(self.grounds.incident, self.grounds.act)
        if self.action != PLAYBACK:
            return f"{self.action} {by}".strip()
        return f"{PLAYBACK} {range_text(self.from_ms, self.to_ms)} {by}".strip()
