"""A year's figures: those of the public page, and who watched for what in which month.

Pure, as `recount.py`: whoever has the same ledgers gets the same figures.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from serambi.ledger.entry import Entry
from serambi.ledger.recount import Period, Recount

_Key = tuple[str, str, str, int]


class Use(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a unit watched for one purpose: views opened in the year and milliseconds watched, by
    month, twelve of each."""

    party: str
    unit: str
    purpose: str
    views: tuple[int, ...]
    watched_ms: tuple[int, ...]


def months_of(year: int, zone: ZoneInfo) -> tuple[Period, ...]:
    """The twelve months of a year as people in `zone` live them."""
    begins = [datetime(year, month, 1, tzinfo=zone) for month in range(1, 13)]
    edges = [int(at.timestamp() * 1000) for at in (*begins, datetime(year + 1, 1, 1, tzinfo=zone))]
    return tuple(Period(*ends) for ends in pairwise(edges))


class YearRecount(Recount):
    """One ledger's entries, added in their order."""

    def __init__(self, months: Sequence[Period]) -> None:
        super().__init__(Period(months[0].start_ms, months[-1].end_ms), comparing=False)
        self._months = tuple(months)
        self._begun: Counter[_Key] = Counter()
        self._seen_ms: Counter[_Key] = Counter()

    def _began(self, view: Entry) -> None:
        month = next(at for at, month in enumerate(self._months) if month.has(view.at_ms))
        self._begun[*_use(view), month] += 1

    def _ended(self, view: Entry, at_ms: int) -> None:
        _add(self._seen_ms, self._months, view, at_ms)

    def used(self, now_ms: int) -> tuple[Counter[_Key], Counter[_Key]]:
        """Views and milliseconds by party, unit, purpose and month (0 to 11), as of `now_ms`:
        what is open counts until then."""
        seen_ms = self._seen_ms.copy()
        for view in self._views.values():
            _add(seen_ms, self._months, view, now_ms)
        return self._begun, seen_ms


def uses(works: Iterable[YearRecount], now_ms: int) -> tuple[Use, ...]:
    """The use of a town, from its sites' ledgers: the longest watched first."""
    views: Counter[_Key] = Counter()
    seen_ms: Counter[_Key] = Counter()
    for work in works:
        begun, watched_ms = work.used(now_ms)
        views.update(begun)
        seen_ms.update(watched_ms)
    found = {key[:3] for count in (views, seen_ms) for key in count if count[key]}
    rows = [
        Use(
            *key,
            tuple(views[*key, month] for month in range(12)),
            tuple(seen_ms[*key, month] for month in range(12)),
        )
        for key in found
    ]
    return tuple(sorted(rows, key=lambda row: (-sum(row.watched_ms), -sum(row.views), row.party,
                                               row.unit, row.purpose)))  # fmt: skip


def _use(view: Entry) -> tuple[str, str, str]:
    return view.party, view.unit, view.purpose


def _add(seen_ms: Counter[_Key], months: Sequence[Period], view: Entry, until_ms: int) -> None:
    for at, month in enumerate(months):
        if month.start_ms < until_ms and view.at_ms < month.end_ms:
            seen_ms[*_use(view), at] += month.within(view.at_ms, until_ms)
