"""Weekly hours in documents, in an IANA zone.

Hours are wall-clock hours where the camera stands; around a change of daylight saving time a
minute that happens twice is open twice and one that is skipped is not open.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from serambi.base.errors import Kind, SerambiError

_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z|24:00\Z")
# Not `localtime`, `posixrules` and the like, which mean something else on each machine.
_ZONE = re.compile(r"UTC\Z|[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z0-9_+-]*)+\Z")
_LOOK_AHEAD_S = 7 * 86_400
# No zone changes its offset twice within this time and ends where it began.
_STRIDE_S = 6 * 3600

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On `days`, from `opens` to `closes` (`HH:MM`, up to `24:00`; `from` and `to` in the
    document). When `closes` is not later than `opens` the hours cross midnight and belong to the
    day they begin on."""

    days: tuple[Day, ...]
    opens: str = msgspec.field(name="from")
    closes: str = msgspec.field(name="to")


ALWAYS = (Hours(DAYS, "00:00", "24:00"),)


def check_zone(zone: str) -> None:
    """Raise `BAD_INPUT` unless `zone` is an IANA zone."""
    unknown = SerambiError(
        Kind.BAD_INPUT,
        f"time zone {zone[:64]!r} is not known",
        hint="use an IANA name such as Asia/Jakarta",
    )
    if not _ZONE.match(zone):
        raise unknown
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise unknown from error


def check_hours(hours: Sequence[Hours]) -> None:
    """Raise `BAD_INPUT` for hours that cannot be read."""
    for span in hours:
        if not (_CLOCK.match(span.opens) and _CLOCK.match(span.closes)) or span.opens == "24:00":
            raise SerambiError(
                Kind.BAD_INPUT,
                f"hours {span.opens[:8]!r} to {span.closes[:8]!r} cannot be read",
                hint="write HH:MM, 00:00 to 24:00",
            )
        if not span.days or len(set(span.days)) != len(span.days):
            raise SerambiError(
                Kind.BAD_INPUT, "hours name each of their days once", hint="write mon to sun"
            )


def is_open(hours: Sequence[Hours], wall: datetime) -> bool:
    """Whether the hours hold at this wall-clock time."""
    today, yesterday = DAYS[wall.weekday()], DAYS[wall.weekday() - 1]
    clock = f"{wall.hour:02}:{wall.minute:02}"
    for span in hours:
        if span.opens < span.closes:
            if today in span.days and span.opens <= clock < span.closes:
                return True
        elif (today in span.days and clock >= span.opens) or (
            yesterday in span.days and clock < span.closes
        ):
            return True
    return False


def open_until(hours: Sequence[Hours], zone: str, now: float) -> float:
    """When the hours that are open at `now` close, 0.0 when they are not open. Spans that touch
    or overlap count as one, up to a week ahead."""
    at = int(now)
    if not is_open(hours, _wall(ZoneInfo(zone), at)):
        return 0.0
    return float(_next_change(hours, ZoneInfo(zone), at) or at + _LOOK_AHEAD_S)


def opens_next(hours: Sequence[Hours], zone: str, now: float) -> float:
    """The next opening after `now` within a week, 0.0 when there is none."""
    at = int(now)
    change = _next_change(hours, ZoneInfo(zone), at)
    if change and is_open(hours, _wall(ZoneInfo(zone), at)):
        change = _next_change(hours, ZoneInfo(zone), change)
    return float(change)


def _next_change(hours: Sequence[Hours], zone: ZoneInfo, start: int) -> int:
    """The first second after `start` at which the hours open or close, 0 for none in a week.

    Walks from one boundary or change of the zone's offset to the next, because between two of
    them the wall clock runs evenly and the answer cannot change.
    """
    boundaries = sorted({_seconds(c) for span in hours for c in (span.opens, span.closes)})
    open_at_start = is_open(hours, _wall(zone, start))
    at = start
    while at < start + _LOOK_AHEAD_S:
        wall = _wall(zone, at)
        second = wall.hour * 3600 + wall.minute * 60 + wall.second
        step_s = next((b for b in boundaries if b > second), 86_400) - second
        at = _until_shift(zone, at, at + min(step_s, _STRIDE_S))
        if is_open(hours, _wall(zone, at)) != open_at_start:
            return at
    return 0


def _until_shift(zone: ZoneInfo, begin: int, end: int) -> int:
    """`end`, or the second before it at which the zone's offset changes."""
    offset = _wall(zone, begin).utcoffset()
    if _wall(zone, end).utcoffset() == offset:
        return end
    while end - begin > 1:
        middle = (begin + end) // 2
        if _wall(zone, middle).utcoffset() == offset:
            begin = middle
        else:
            end = middle
    return end


def _wall(zone: ZoneInfo, at: int) -> datetime:
    return datetime.fromtimestamp(at, zone)


def _seconds(clock: str) -> int:
    return int(clock[:2]) * 3600 + int(clock[3:]) * 60
