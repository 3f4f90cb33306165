"""What the analysis says: something began, and later that it is over."""

from dataclasses import dataclass
from typing import Literal

Rule = Literal[
    "left_object",
    "removed_object",
    "loitering",
    "line",
    "zone",
    "crowd",
    "motion",
    "tamper",
    "view",
]

#: A box as left, top, right, bottom in 0..1 of width and height.
Share = tuple[float, float, float, float]
WHOLE: Share = (0.0, 0.0, 1.0, 1.0)


@dataclass(slots=True)
class Event:
    """`start_s` is when the rule was met, `since_s` when it began to be (the thing was put down,
    the person came), `end_s` when it was over: None while it lasts. `place` names the zone or
    line, "" for the whole picture; `kind` says more: what tampering, which direction."""

    rule: Rule
    start_s: float
    since_s: float
    box: Share
    confidence: float
    place: str = ""
    kind: str = ""
    end_s: float | None = None
