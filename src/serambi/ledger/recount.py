"""From entries to the figures that the public reads, by nothing but counting.

Pure: whoever has the same ledgers gets the same figures, the center that shows them and the
auditor who doubts them.

A site's ledger counts views, refusals, stops, agreements, revocations, deletions and broken
glasses: the box on the spot refused, let through or deleted. The center's ledger counts outages and
histories that differ. The views of both are compared (`compare`): one that only one of them knows
was left out, or made up.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from serambi.ledger.audit import UNANSWERED
from serambi.ledger.deleted import read_span
from serambi.ledger.entry import Entry
from serambi.ledger.figures import (
    OPEN,
    Compared,
    Deletion,
    Figures,
    Outage,
    Paper,
    Stop,
    in_order,
    most_first,
    unit_rows,
)
from serambi.ledger.names import is_commitment

# A view reaches the center's copy of a site's ledger within seconds, later after a cut.
COMPARED_AFTER_MS = 60_000
_CLOCKS_MS = 10_000
_NUMBER = re.compile(r"[1-9][0-9]{0,8}\Z", re.ASCII)

Span = TypeVar("Span", Stop, Outage)


@dataclass(frozen=True, slots=True)
class Period:
    """[start_ms, end_ms), unix milliseconds."""

    start_ms: int
    end_ms: int

    def has(self, at_ms: int) -> bool:
        return self.start_ms <= at_ms < self.end_ms

    def within(self, begin_ms: int, end_ms: int) -> int:
        """How much of [begin_ms, end_ms) lies in the period."""
        return max(0, min(end_ms, self.end_ms) - max(begin_ms, self.start_ms))


class Recount:
    """One ledger's entries, added in their order; holds what is open and what was counted."""

    def __init__(self, period: Period, *, comparing: bool = True) -> None:
        """`comparing`: whether views are remembered for `compare`, one by one; over a year that is
        a great many."""
        self.period = period
        self._entries = 0
        self._views: dict[str, Entry] = {}
        self._opened: Counter[tuple[str, str]] = Counter()
        self._watched_ms: Counter[tuple[str, str]] = Counter()
        self._refusals: Counter[str] = Counter()
        self._starts: Counter[str] = Counter()
        self._stops: dict[tuple[str, str], Entry] = {}
        self._outages: dict[str, Entry] = {}
        self._stopped: list[Stop] = []
        self._lost: list[Outage] = []
        self._agreements: list[Paper] = []
        self._revocations: list[Paper] = []
        self._suspensions: Counter[str] = Counter()
        self._deleted: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._differ = 0
        self._broken = 0
        self._justified = 0
        self.latest_ms = 0
        """When the newest entry was written."""
        self._comparing = comparing
        self.sessions: dict[str, tuple[str, int]] = {}
        """Views of the period and a little around it: session -> site, when it was opened."""
        self.unanswered: set[str] = set()
        """Views that the center asked for and got no answer about: the site may have said yes."""

    def add(self, entry: Entry) -> None:
        """The next entry of the ledger."""
        counts = self.period.has(entry.at_ms)
        self._entries += counts
        self.latest_ms = max(self.latest_ms, entry.at_ms)
        match entry.kind:
            case "session_opened":
                self._open(entry, counts)
            case "session_closed":
                self._close(entry.session, entry.at_ms)
            case "refused":
                self._refusals[entry.reason] += counts * _how_many(entry)
                if entry.reason == UNANSWERED and counts and self._comparing:
                    self.unanswered.add(entry.session)
            case "stopped" | "resumed":
                self._stop(entry)
            case "site_lost":
                self._outages.setdefault(entry.site, entry)
            case "site_heard":
                self._heard(entry.site, entry.at_ms)
            case "started":
                self._start(entry, counts)
            case "agreement_accepted":
                self._agreements += [_paper(entry)] * counts
            case "agreement_revoked":
                self._revocations += [_paper(entry)] * counts
            case "history_differs":
                self._differ += counts
            case "deleted" if counts:
                self._delete(entry)
            case "suspended":
                self._suspensions[entry.reason] += counts and not is_commitment(entry.camera)
            case "break_glass":
                self._broken += counts
            case "justified":
                self._justified += counts

    def figures(self, now_ms: int) -> Figures:
        """The figures as of `now_ms`: what is open counts until then."""
        watched_ms = self._watched_ms.copy()
        for view in self._views.values():
            watched_ms[_unit(view)] += self.period.within(view.at_ms, now_ms)
        stops = [*self._stopped, *(_lifted(stop, OPEN) for stop in self._stops.values())]
        outages = [*self._lost, *(_found(lost, OPEN) for lost in self._outages.values())]
        return Figures(
            entries=self._entries,
            units=unit_rows(self._opened, watched_ms),
            open_views=sum(view.at_ms < self.period.end_ms for view in self._views.values()),
            refusals=most_first(self._refusals),
            stops=_in(self.period, stops),
            agreements=tuple(self._agreements),
            revocations=tuple(self._revocations),
            starts=most_first(self._starts),
            outages=_in(self.period, outages),
            histories_differ=self._differ,
            suspensions=most_first(self._suspensions),
            deletions=in_order(Deletion(*of, *ends) for of, ends in self._deleted.items()),
            break_glass=self._broken,
            justified=self._justified,
        )

    def _open(self, entry: Entry, counts: bool) -> None:
        near = Period(self.period.start_ms - _CLOCKS_MS, self.period.end_ms + _CLOCKS_MS)
        if self._comparing and near.has(entry.at_ms):
            self.sessions.setdefault(entry.session, (entry.site, entry.at_ms))
        if entry.session not in self._views:
            self._views[entry.session] = entry
            if counts:
                self._opened[_unit(entry)] += 1
                self._began(entry)

    def _close(self, session: str, at_ms: int) -> None:
        view = self._views.pop(session, None)
        if view is not None:
            self._watched_ms[_unit(view)] += self.period.within(view.at_ms, at_ms)
            self._ended(view, at_ms)

    def _began(self, view: Entry) -> None:
        """For who counts more than this: a view that was opened in the period."""

    def _ended(self, view: Entry, at_ms: int) -> None:
        """For who counts more than this: a view is over, whenever it was opened."""

    def _start(self, entry: Entry, counts: bool) -> None:
        """A process that died closed nothing; what it had open ended with it."""
        self._starts[entry.site] += counts
        for session in list(self._views):
            self._close(session, entry.at_ms)
        for site in list(self._outages):
            # While the center was down it heard nobody: that is no site's outage.
            self._heard(site, entry.at_ms)

    def _stop(self, entry: Entry) -> None:
        key = (entry.site, entry.camera)
        if is_commitment(entry.camera):
            return  # of a camera that no agreement names: nobody's business
        if entry.kind == "stopped":
            self._stops.setdefault(key, entry)
            return
        for held in list(self._stops):
            if held == key or (held[0] == entry.site and not entry.camera):
                self._stopped.append(_lifted(self._stops.pop(held), entry.at_ms))

    def _delete(self, entry: Entry) -> None:
        span = read_span(entry.detail)
        if span is None or is_commitment(entry.camera):
            return  # as of a stop: a camera that no agreement names is nobody's business
        of = (entry.site, entry.camera, entry.reason)
        begin_ms, end_ms = self._deleted.get(of, span)
        self._deleted[of] = (min(begin_ms, span[0]), max(end_ms, span[1]))

    def _heard(self, site: str, at_ms: int) -> None:
        lost = self._outages.pop(site, None)
        if lost is not None:
            self._lost.append(_found(lost, at_ms))


def recount(entries: Iterable[Entry], period: Period, now_ms: int) -> Figures:
    """The figures of one ledger's entries, which begin with its first."""
    work = Recount(period)
    for entry in entries:
        work.add(entry)
    return work.figures(now_ms)


def compare(
    site: str, of_site: Recount, of_center: Recount, period: Period, now_ms: int
) -> Compared:
    """Views of `site` in both ledgers. Those of the last minute are not judged: the site's entries
    may still be on their way."""
    until_ms = min(period.end_ms, now_ms - COMPARED_AFTER_MS)
    judged = Period(period.start_ms, until_ms)
    here = {s for s, (_, at_ms) in of_site.sessions.items() if judged.has(at_ms)}
    there = {
        session
        for session, (where, at_ms) in of_center.sessions.items()
        if where == site and judged.has(at_ms)
    }
    site_only = len(here - of_center.sessions.keys() - of_center.unanswered)
    return Compared(
        site=site,
        both=len(here) - site_only,
        site_only=site_only,
        center_only=len(there - of_site.sessions.keys()),
    )


def _how_many(entry: Entry) -> int:
    """A flood of refusals is one entry with their number."""
    return int(entry.detail) if _NUMBER.match(entry.detail) else 1


def _unit(entry: Entry) -> tuple[str, str]:
    return entry.party, entry.unit


def _paper(entry: Entry) -> Paper:
    return Paper(entry.site, entry.agreement, entry.party, entry.at_ms)


def _lifted(stop: Entry, end_ms: int) -> Stop:
    return Stop(stop.site, stop.camera, stop.party, stop.at_ms, end_ms)


def _found(lost: Entry, end_ms: int) -> Outage:
    return Outage(lost.site, lost.at_ms, end_ms)


def _in(period: Period, rows: Sequence[Span]) -> tuple[Span, ...]:
    """Those that began in the period, in that order."""
    found = [row for row in rows if period.has(row.begin_ms)]
    return tuple(sorted(found, key=lambda row: row.begin_ms))
