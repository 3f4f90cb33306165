"""What the public reads, as plain values, and how several ledgers add up.

Counting is `recount.py`'s work; what a figure is called on a page belongs elsewhere.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

import msgspec

OPEN = 0
"""The end of what has not ended."""

Row = TypeVar("Row")


class UnitViews(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Views that a unit opened in the period, and for how long it watched in it."""

    unit: str
    party: str
    views: int
    watched_ms: int


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An owner's stop that began in the period; `camera` empty for the whole site, `end_ms` OPEN
    while it is in force."""

    site: str
    camera: str
    party: str
    begin_ms: int
    end_ms: int


class Paper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agreement that a site accepted, or that a party revoked there."""

    site: str
    agreement: str
    party: str
    at_ms: int


class Deletion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Recordings that a site deleted in the period: of one camera and for one reason all together,
    the first of them recorded at `from_ms`, the last until `until_ms`."""

    site: str
    camera: str
    reason: str
    from_ms: int
    until_ms: int


class Outage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The center did not hear the site; `end_ms` OPEN while that lasts."""

    site: str
    begin_ms: int
    end_ms: int


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a period adds up to. `open_views`: views that were not over when it was counted.

    `suspensions`: how often what a camera showed was not what had been approved, by reason.
    `exports`: no such entry exists yet, so it is 0 until one does. `break_glass` counts acts in the
    period, `justified` the reasons given in it, for whichever act.
    """

    entries: int = 0
    units: tuple[UnitViews, ...] = ()
    open_views: int = 0
    refusals: dict[str, int] = {}
    stops: tuple[Stop, ...] = ()
    agreements: tuple[Paper, ...] = ()
    revocations: tuple[Paper, ...] = ()
    starts: dict[str, int] = {}
    outages: tuple[Outage, ...] = ()
    histories_differ: int = 0
    exports: int = 0
    break_glass: int = 0
    suspensions: dict[str, int] = {}
    deletions: tuple[Deletion, ...] = ()
    justified: int = 0

    @property
    def views(self) -> int:
        return sum(unit.views for unit in self.units)

    @property
    def watched_ms(self) -> int:
        return sum(unit.watched_ms for unit in self.units)

    @property
    def refused(self) -> int:
        return sum(self.refusals.values())


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures with what they were counted from: the entries `first` to `upto - 1` of a ledger."""

    origin: str
    first: int
    upto: int
    figures: Figures


class Compared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Views of one site in the period, by which of the two ledgers knows them."""

    site: str
    both: int
    site_only: int
    center_only: int


def total(counted: Iterable[Counted]) -> Figures:
    """The figures of a town: from each ledger what it counts. Their order does not matter."""
    ledgers = sorted(counted, key=lambda one: one.origin)
    sites = [one.figures for one in ledgers if is_site(one.origin)]
    centers = [one.figures for one in ledgers if not is_site(one.origin)]
    opened: Counter[tuple[str, str]] = Counter()
    watched_ms: Counter[tuple[str, str]] = Counter()
    refusals: Counter[str] = Counter()
    starts: Counter[str] = Counter()
    suspensions: Counter[str] = Counter()
    for figures in sites:
        opened.update({(unit.party, unit.unit): unit.views for unit in figures.units})
        watched_ms.update({(unit.party, unit.unit): unit.watched_ms for unit in figures.units})
        refusals.update(figures.refusals)
        starts.update(figures.starts)
        suspensions.update(figures.suspensions)
    return Figures(
        entries=sum(one.figures.entries for one in ledgers),
        units=unit_rows(opened, watched_ms),
        open_views=sum(figures.open_views for figures in sites),
        refusals=most_first(refusals),
        stops=_chained([figures.stops for figures in sites], "begin_ms"),
        agreements=_chained([figures.agreements for figures in sites], "at_ms"),
        revocations=_chained([figures.revocations for figures in sites], "at_ms"),
        starts=most_first(starts),
        outages=_chained([figures.outages for figures in centers], "begin_ms"),
        histories_differ=sum(figures.histories_differ for figures in centers),
        exports=sum(figures.exports for figures in sites),
        break_glass=sum(figures.break_glass for figures in sites),
        suspensions=most_first(suspensions),
        deletions=in_order(one for figures in sites for one in figures.deletions),
        justified=sum(figures.justified for figures in sites),
    )


def is_site(origin: str) -> bool:
    """Whether an origin is a site's keeper, `<party>/<site>/keeper`; else it is a center."""
    return origin.endswith("/keeper")


def site_of(origin: str) -> str:
    """The site of a keeper's origin; empty for a center's."""
    return origin.split("/")[1] if is_site(origin) else ""


def unit_rows(
    opened: Counter[tuple[str, str]], watched_ms: Counter[tuple[str, str]]
) -> tuple[UnitViews, ...]:
    """By time watched, the longest first."""
    keys = {key for count in (opened, watched_ms) for key in count if count[key]}
    rows = [UnitViews(unit, party, opened[party, unit], watched_ms[party, unit])
            for party, unit in keys]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-row.watched_ms, -row.views, row.party, row.unit)))


def in_order(deletions: Iterable[Deletion]) -> tuple[Deletion, ...]:
    """By site, camera and reason."""
    return tuple(sorted(deletions, key=lambda one: (one.site, one.camera, one.reason)))


def most_first(counts: Counter[str]) -> dict[str, int]:
    """The most first, without zeros."""
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return {name: count for name, count in rows if count}


def _chained(parts: Iterable[tuple[Row, ...]], by: str) -> tuple[Row, ...]:
    rows = [row for part in parts for row in part]
    return tuple(sorted(rows, key=lambda row: int(getattr(row, by))))
