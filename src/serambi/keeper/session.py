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
    are unix seconds. A playback may give `spans` of what was recorded (unix microseconds).
    `ask` is what is decided anew all the while; `act` the breaking of the glass that opened it."""

    session: str
    stream: Literal["main", "sub"]
    ask: Ask
    person: str
    agreement: str
    opened: float
    until: float
    granted: float
    salt: str = field(default="", repr=False)
    from_ms: int = 0
    to_ms: int = 0
    spans: tuple[Span, ...] = ()
    act: str = ""

    @property
    def camera(self) -> str:
        return self.ask.camera

    @property
    def action(self) -> str:
        return self.ask.action

    @property
    def purpose(self) -> str:
        return self.ask.purpose

    @property
    def unit(self) -> str:
        return self.ask.unit

    @property
    def party(self) -> str:
        return self.ask.party

    @property
    def incident(self) -> str:
        return self.ask.incident

    @property
    def channel(self) -> tuple[str, str]:
        """What is let out for it: a live stream, shared with other views, or its own windows."""
        return self.camera, self.session if self.action == PLAYBACK else self.stream

    @property
    def ends(self) -> float:
        """When it is over unless renewed: the grant's end or the agreement's, what comes first."""
        return min(self.until, self.granted)


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
