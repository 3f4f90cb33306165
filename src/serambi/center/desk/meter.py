"""How much the alerts ask of people, by the practice of ISA-18.2: counts a person can act on."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel

from serambi.base.limits import ALARM_FLOOD, ALARM_WINDOW_S
from serambi.center.desk.alerts import Alert
from serambi.center.desk.kinds import AlertKind, Priority

_DAY_MS = 24 * 3_600_000
_WINDOW_MS = int(ALARM_WINDOW_S * 1000)
_WORST_SHOWN = 5


class Worst(BaseModel):
    """A place that alerts most; to be repaired, or its rule changed."""

    what: AlertKind
    place: str
    count: int


class Meter(BaseModel):
    """Counts of the last 24 h, shelved ones apart. `now` is of the last ten minutes: at most 1 is
    what one person can act on, more than `flood_above` is a flood. `standing`: unended for 24 h."""

    now: int
    flood_above: int = ALARM_FLOOD
    flood: bool
    day: int
    peak: int
    flood_share: float
    by_priority: dict[Priority, int]
    standing: int
    shelved: int
    worst: list[Worst]


def measure(alerts: Iterable[Alert], now_ms: int) -> Meter:
    """`alerts`: at least those of the last 24 h."""
    known = list(alerts)
    day = [alert for alert in known if alert.at_ms > now_ms - _DAY_MS]
    called = [alert for alert in day if alert.state != "shelved"]
    windows = Counter((now_ms - alert.at_ms) // _WINDOW_MS for alert in called)
    places = Counter((alert.what, alert.place) for alert in called)
    return Meter(
        now=windows[0],
        flood=windows[0] > ALARM_FLOOD,
        day=len(called),
        peak=max(windows.values(), default=0),
        flood_share=sum(n > ALARM_FLOOD for n in windows.values()) / (_DAY_MS // _WINDOW_MS),
        by_priority={p: sum(alert.priority == p for alert in called) for p in (1, 2, 3, 4)},
        standing=sum(
            alert.at_ms <= now_ms - _DAY_MS and not alert.ended_ms and alert.state == "waiting"
            for alert in known
        ),
        shelved=len(day) - len(called),
        worst=[
            Worst(what=what, place=place, count=count)
            for (what, place), count in places.most_common(_WORST_SHOWN)
            if count > 1
        ],
    )
