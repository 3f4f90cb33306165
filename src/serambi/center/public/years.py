"""Counts a year for whoever asks, without login, and so that nothing else at the center waits:
in short turns, one count at a time, and shown again until the ledgers have grown.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from serambi.base.canonical import encode
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import YEAR_EVERY_S, YEAR_WAITING_MAX, YEARS_KEPT
from serambi.base.words import Language
from serambi.center.public.books import Books
from serambi.center.public.counting import FIRST_YEAR, Tally, to_the_end
from serambi.center.public.year import Known, YearDocument, build, newest_ms
from serambi.center.public.year_print import YearPrint
from serambi.ledger.recount import Period
from serambi.ledger.yearly import YearRecount, months_of
from serambi.web.printed_pdf import printed_pdf
from serambi.web.words import PRINTED, Words

Form: TypeAlias = Language | Literal["json"]


@dataclass(slots=True)
class _Year:
    tally: Tally[YearRecount]
    counted_s: float = float("-inf")
    document: YearDocument | None = None
    made: dict[Form, bytes] = field(default_factory=dict)


class Years:
    """The years of one town. `known` gathers what stands beside the ledgers, in a thread."""

    def __init__(
        self, books: Books, clock: Clock, zone: str, known: Callable[[], Known], words: Words
    ) -> None:
        self._books = books
        self._clock = clock
        self._zone = ZoneInfo(zone)
        self._known = known
        self._words = words
        self._printed = Words.load(PRINTED)
        self._turn = asyncio.Lock()
        self._asking = 0
        self._years: OrderedDict[int, _Year] = OrderedDict()

    def this_year(self) -> int:
        return datetime.fromtimestamp(self._clock.now(), self._zone).year

    async def made(self, year: int, form: Form) -> bytes:
        """The year's report, at most YEAR_EVERY_S old: as JSON, or as PDF in one language; the
        same bytes until the ledgers have grown. Raises `NOT_FOUND` for a year of which there can
        be none, `LIMIT` when too many wait, `UNAVAILABLE` while there is too much to count: the
        next call goes on from there."""
        self._check(year)
        if self._asking >= YEAR_WAITING_MAX:
            raise SerambiError(
                Kind.LIMIT,
                "too many are waiting for this report",
                where="transparency",
                hint="try again in a minute",
            )
        self._asking += 1
        try:
            async with self._turn:
                kept = self._kept(year)
                document = await self._counted(year, kept)
                if form not in kept.made:
                    kept.made[form] = await asyncio.to_thread(self._set, document, form)
                return kept.made[form]
        finally:
            self._asking -= 1

    def _check(self, year: int) -> None:
        if not FIRST_YEAR <= year <= self.this_year():
            raise SerambiError(
                Kind.NOT_FOUND,
                "there is no such year here",
                where="year",
                hint=f"write a year from {FIRST_YEAR} to {self.this_year()}",
            )

    def _kept(self, year: int) -> _Year:
        if year not in self._years:
            months = months_of(year, self._zone)
            period = Period(months[0].start_ms, months[-1].end_ms)
            self._years[year] = _Year(Tally(self._books, period, lambda: YearRecount(months)))
        self._years.move_to_end(year)
        while len(self._years) > YEARS_KEPT:
            self._years.popitem(last=False)
        return self._years[year]

    async def _counted(self, year: int, kept: _Year) -> YearDocument:
        now_s = self._clock.monotonic()
        if kept.document is not None and now_s - kept.counted_s < YEAR_EVERY_S:
            return kept.document
        behind = await to_the_end(kept.tally, self._clock)
        document = await asyncio.to_thread(self._build, year, kept.tally, behind)
        if document != kept.document:
            kept.document, kept.made = document, {}
        kept.counted_s = now_s
        return document

    def _build(self, year: int, tally: Tally[YearRecount], behind: int) -> YearDocument:
        ledgers = tally.counted(newest_ms(tally.works().values()))
        return build(year, self._known(), tally.works(), ledgers, behind)

    def _set(self, document: YearDocument, form: Form) -> bytes:
        if form == "json":
            return encode(document)
        return printed_pdf(YearPrint(document, self._words, self._printed, form).printed())
