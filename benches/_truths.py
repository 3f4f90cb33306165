"""What must be told of a scene, and what must not: rules, truths and the judge of both."""

import itertools
from dataclasses import dataclass, replace

import numpy as np

from benches._stage import HIGH, WIDE, Walker
from serambi.analytics.events import Event
from serambi.analytics.rules import Line, Rules, RuleSetting, Zone

LEFT_AFTER_S = 10.0
LOITER_AFTER_S = 20.0
CROWD = 5
LINE_X = 0.4
ZONE = (0.58, 0.95)  # left and right side; from ZONE_TOP down
ZONE_TOP = 0.42
ONCE_S = 4.0
COMMON_LEAST = 0.2  # of the boxes of a thing and of its alarm

RULES = Rules(
    zones=(
        Zone(
            "court",
            ((ZONE[0], ZONE_TOP), (ZONE[1], ZONE_TOP), (ZONE[1], 1.0), (ZONE[0], 1.0)),
        ),
    ),
    lines=(Line("kerb", (LINE_X, 0.2), (LINE_X, 1.0)),),
    rules=(
        RuleSetting(rule="left_object", after_s=LEFT_AFTER_S),
        RuleSetting(rule="removed_object", after_s=LEFT_AFTER_S),
        RuleSetting(rule="loitering", after_s=LOITER_AFTER_S),
        RuleSetting(rule="line", line="kerb"),
        RuleSetting(rule="zone", zone="court"),
        RuleSetting(rule="crowd", count=CROWD, after_s=5.0),
        RuleSetting(rule="motion"),
        RuleSetting(rule="tamper"),
    ),
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Truth:
    """An alarm of `rule` must come from `from_s` to `until_s`; `due_s` is when, ideally. One
    that need not come but may (`may`) is neither missed nor false. `box` in shares, None: any."""

    rule: str
    due_s: float
    from_s: float
    until_s: float
    box: Box | None = None
    may: bool = False


def walkers_truths(walkers: list[Walker], length_s: float, *, crowd: bool) -> list[Truth]:
    """What loitering, line, zone and motion must say, from where the walkers are."""
    truths: list[Truth] = []
    for walker in walkers:
        seen = [(t, walker.place(t)) for t in np.arange(0, length_s, 0.1).tolist()]
        inside = [(t, s) for t, s in seen if s is not None and -12 < s[0] < WIDE + 12]
        if not inside:
            continue
        begin, end = inside[0][0], inside[-1][0]
        truths.append(Truth("motion", begin, begin - 0.5, end + 1.0))
        stay = end - begin
        if stay > LOITER_AFTER_S - 5:
            sure = stay >= LOITER_AFTER_S + 2
            due = begin + LOITER_AFTER_S
            truths.append(Truth("loitering", due, due - 3, max(end, due) + 1.5, may=not sure))
        truths += _line_truths(inside)
        truths += _zone_truths(inside)

    # Who is there first is scenery; in a crowd nobody is told from his neighbor.
    if crowd or (walkers and walkers[0].path[0][0] < 0):
        return [replace(truth, may=True) for truth in truths]
    return truths


def _line_truths(inside: list[tuple[float, tuple[float, float]]]) -> list[Truth]:
    truths = []
    at = LINE_X * WIDE
    for (_, a), (t_s, b) in itertools.pairwise(inside):
        if (a[0] < at) != (b[0] < at):
            truths.append(Truth("line", t_s, t_s - 1.5, t_s + 3.0))
    return truths


def _zone_truths(inside: list[tuple[float, tuple[float, float]]]) -> list[Truth]:
    truths = []
    low, high = ZONE[0] * WIDE, ZONE[1] * WIDE
    entered: float | None = None
    left_s = -1e9
    for t_s, (x, y) in [*inside, (inside[-1][0] + 0.1, (-99.0, 0.0))]:
        here = low <= x <= high and y >= ZONE_TOP * HIGH
        if here and entered is None:
            entered = t_s
        if not here and entered is not None:
            # Who is out for a moment and in again has entered once.
            sure = t_s - entered > 1.5 and entered - left_s > ONCE_S
            left_s = t_s
            truths.append(Truth("zone", entered + 0.6, entered - 1.0, t_s + 1.5, may=not sure))
            entered = None
    return truths


def fits(truth: Truth, event: Event) -> bool:
    """Whether an event tells this truth: its rule, in time, and at its place."""
    if event.rule != truth.rule:
        return False
    if truth.rule == "motion":  # it lasts, and may have begun with another
        over = event.end_s or event.start_s
        return event.start_s <= truth.until_s and over >= truth.from_s
    if not truth.from_s <= event.start_s <= truth.until_s:
        return False
    return truth.box is None or _in_common(truth.box, event.box) >= COMMON_LEAST


def _in_common(a: Box, b: Box) -> float:
    """Intersection over union."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = wide * high
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
