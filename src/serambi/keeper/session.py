"""One open view as a value, and what is answered. What happens to views is in sessions.py."""

from dataclasses import dataclass, field
from typing import Literal

from serambi.agreement.decide import Ask
from serambi.keeper.playback import NOTHING, Recorded
from serambi.recording.archive import Span

LIVE = "live"
PLAYBACK = "playback"


@dataclass(frozen=True, slots=True)
class Session:
    """One open view, named by its `session` id. Person and unit are what the center claims; times
    are unix seconds. A playback may give `spans` of what was recorded (unix microseconds)."""

    session: str
    camera: str
    stream: Literal["main", "sub"]
    action: str
    purpose: str
    person: str
    unit: str
    party: str
    agreement: str
    opened: float
    until: float
    granted: float
    salt: str = field(default="", repr=False)
    from_ms: int = 0
    to_ms: int = 0
    spans: tuple[Span, ...] = ()

    @property
    def channel(self) -> tuple[str, str]:
        """What is let out for it: a live stream, shared with other views, or its own windows."""
        return self.camera, self.session if self.action == PLAYBACK else self.stream

    @property
    def ends(self) -> float:
        """When it is over unless renewed: the grant's end or the agreement's, what comes first."""
        return min(self.until, self.granted)

    @property
    def ask(self) -> Ask:
        return Ask(self.camera, self.action, self.purpose, self.party)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered to the center."""

    allowed: bool
    reason: str
    nonce: str = ""
    session: str = ""
    agreement: str = ""
    until: float = 0.0
    recorded: Recorded = NOTHING


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop did, for the owner to read: the seconds until the last byte was out."""

    seconds: float
    sessions: int
    people: int
