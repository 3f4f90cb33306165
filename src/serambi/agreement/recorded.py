"""Which part of a recording an agreement covers: what was recorded while it was in force and in its
hours. Whether it may be played now is decided in decide.py; this only ever takes away.
"""

from datetime import UTC, datetime

from serambi.agreement.instants import open_until, opens_next
from serambi.agreement.model import SignedAgreement

Span = tuple[float, float]
"""From, until (not included), unix seconds."""


def covered(signed: SignedAgreement, site: str, camera: str, span: Span) -> list[Span]:
    """The parts of `span` in which the agreement itself would have shown this camera, in order."""
    shared = next(
        (s for s in signed.agreement.sites if s.site == site and camera in s.cameras), None
    )
    if shared is None:
        return []
    at, end = max(span[0], signed.valid_from), min(span[1], signed.valid_until)
    found = []
    while at < end:
        closes = open_until(shared.hours, shared.zone, at)
        if closes > at:
            found.append((at, min(closes, end)))
            at = closes
        else:
            at = opens_next(shared.hours, shared.zone, at) or end
    return found


def without(spans: list[Span], shut: list[Span]) -> list[Span]:
    """`spans` less every moment that lies in one of `shut`; both in order."""
    for begin, end in shut:
        spans = [
            part
            for start, stop in spans
            for part in ((start, min(stop, begin)), (max(start, end), stop))
            if part[0] < part[1]
        ]
    return spans


def range_text(from_ms: int, to_ms: int) -> str:
    """A range as ledgers say it: an ISO 8601 interval in UTC."""
    ends = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (from_ms, to_ms))
    return "/".join(end.isoformat(timespec="milliseconds")[:-6] + "Z" for end in ends)
