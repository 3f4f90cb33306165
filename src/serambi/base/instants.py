"""Instants in documents: RFC 3339 in UTC, whole seconds, one spelling each."""

import re
from datetime import UTC, datetime

from serambi.base.errors import Kind, SerambiError

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_YEARS = range(1970, 3000)


def instant(text: str, what: str) -> float:
    """`2026-11-23T10:40:00Z` -> unix seconds; anything else raises `BAD_INPUT`."""
    if not _INSTANT.match(text):
        raise SerambiError(
            Kind.BAD_INPUT,
            f"{what} {text[:40]!r} is not an instant",
            hint="write it as 2026-11-23T10:40:00Z",
        )
    try:
        at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise SerambiError(
            Kind.BAD_INPUT, f"{what} {text!r} does not exist", hint="write a day of the calendar"
        ) from error
    if at.year not in _YEARS:
        # Hours are looked for a week further, in zones on both sides of UTC.
        raise SerambiError(
            Kind.BAD_INPUT,
            f"{what} {text!r} is no time for a document",
            hint=f"write a year from {_YEARS[0]} to {_YEARS[-1]}",
        )
    return at.timestamp()


def instant_text(at: float) -> str:
    """Unix seconds -> `2026-11-23T10:40:00Z` (whole seconds, rounded down)."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
