"""When what an entry `deleted` speaks of was recorded: written by the keeper, read by whoever
counts."""

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"([0-9-]{10}T[0-9:]{8})Z/([0-9-]{10}T[0-9:]{8})Z\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_S = 253_402_300_799  # the last second of the year 9999, where calendars end


def span_text(from_ms: int, until_ms: int) -> str:
    """`2026-11-01T00:00:00Z/2026-11-02T00:00:00Z`: unix milliseconds in whole seconds that hold
    them; what lies outside the calendar as its first or last second."""
    ends = (from_ms // 1000, -(-until_ms // 1000))
    moments = [_EPOCH + timedelta(seconds=min(max(0, at), _LAST_S)) for at in ends]
    return "/".join(f"{at:%Y-%m-%dT%H:%M:%S}Z" for at in moments)


def read_span(detail: str) -> tuple[int, int] | None:
    """The two ends in unix milliseconds; None for anything that `span_text` does not write."""
    found = _SPAN.match(detail)
    if found is None:
        return None
    try:
        begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in found.groups())
    except ValueError:
        return None
    ends = tuple(int((at - _EPOCH).total_seconds()) * 1000 for at in (begin, end))
    return (ends[0], ends[1]) if 0 <= ends[0] <= ends[1] else None
