"""Instants and hours in documents: RFC 3339 in UTC, and weekly hours in an IANA zone.

Hours are wall-clock hours where the camera stands; around a change of daylight saving time a
minute that happens twice is open twice and one that is skipped is not open.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from serambi.base.errors import Kind, SerambiError

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d\Z|24:00\Z")
_LOOK_AHEAD_DAYS = 8

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On `days`, from `opens` to `closes` (`HH:MM`, up to `24:00`). When `closes` is not later
    than `opens` the hours cross midnight and belong to the day they begin on."""

    days: tuple[Day, ...]
    opens: str
    closes: str


ALWAYS = (Hours(DAYS, "00:00", "24:00"),)


def instant(text: str, what: str) -> float:
    """`2026-11-23T10:40:00Z` -> unix seconds; anything else raises `BAD_INPUT`."""
    if not _INSTANT.match(text):
        raise SerambiError(
            Kind.BAD_INPUT,
            f"{what} {text[:40]!r} is not an instant",
            hint="write it as 2026-11-23T10:40:00Z",
        )
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise SerambiError(Kind.BAD_INPUT, f"{what} {text!r} does not exist") from error


def instant_text(at: float) -> str:
    """Unix seconds -> `2026-11-23T10:40:00Z` (whole seconds, rounded down)."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_zone(zone: str) -> None:
    """Raise `BAD_INPUT` unless `zone` is an IANA zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"time zone {zone[:64]!r} is not known",
            hint="use an IANA name such as Asia/Jakarta",
        ) from error


def check_hours(hours: Iterable[Hours]) -> None:
    """Raise `BAD_INPUT` for hours that cannot be read."""
    for span in hours:
        if not (_CLOCK.match(span.opens) and _CLOCK.match(span.closes)) or span.opens == "24:00":
            raise SerambiError(
                Kind.BAD_INPUT,
                f"hours {span.opens[:8]!r} to {span.closes[:8]!r} cannot be read",
                hint="write HH:MM, 00:00 to 24:00",
            )
        if not span.days or len(set(span.days)) != len(span.days):
            raise SerambiError(Kind.BAD_INPUT, "hours name each of their days once")


def open_until(hours: Iterable[Hours], zone: str, now: float) -> float:
    """When the hours that are open at `now` close, 0.0 when none is. Spans that touch or overlap
    count as one, up to a week ahead."""
    spans = list(_spans(hours, ZoneInfo(zone), now))
    until = 0.0
    reach = now
    for begin, end in sorted(spans):
        if begin <= reach < end:
            until = reach = end
    return until


def opens_next(hours: Iterable[Hours], zone: str, now: float) -> float:
    """The next opening after `now` within a week, 0.0 when there is none."""
    starts = [begin for begin, _ in _spans(hours, ZoneInfo(zone), now) if begin > now]
    return min(starts, default=0.0)


def _spans(hours: Iterable[Hours], zone: ZoneInfo, now: float) -> Iterable[tuple[float, float]]:
    """Every span from the day before `now` to a week after, in unix seconds."""
    today = datetime.fromtimestamp(now, zone).date()
    for span in hours:
        for offset in range(-1, _LOOK_AHEAD_DAYS):
            day = today + timedelta(days=offset)
            if DAYS[day.weekday()] not in span.days:
                continue
            begin = _at(datetime(day.year, day.month, day.day), span.opens, zone)
            crosses = span.closes <= span.opens
            closing_day = day + timedelta(days=1) if crosses else day
            midnight = datetime(closing_day.year, closing_day.month, closing_day.day)
            end = _at(midnight, span.closes, zone)
            if end > begin:
                yield begin, end


def _at(midnight: datetime, clock: str, zone: ZoneInfo) -> float:
    hour, minute = int(clock[:2]), int(clock[3:])
    if hour == 24:
        midnight, hour = midnight + timedelta(days=1), 0
    return midnight.replace(hour=hour, minute=minute, tzinfo=zone).timestamp()
