"""Counts the ledgers for the public page: little by little, and never more often than need be."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    RECOUNT_ENTRIES_PER_TURN,
    RECOUNT_EVERY_S,
    RECOUNT_MONTHS_KEPT,
    YEAR_COUNT_MAX_S,
    YEAR_ENTRIES_PER_TURN,
    YEAR_PAUSE_S,
)
from serambi.center.public.books import Book, Books
from serambi.ledger.figures import Compared, Counted, Figures, is_site, site_of, total
from serambi.ledger.recount import Period, Recount, compare

Work = TypeVar("Work", bound=Recount)

_MONTH_FORMAT = "%Y-%m"
FIRST_YEAR = 2020


@dataclass(frozen=True, slots=True)
class Count:
    """A month's figures. `behind`: entries that are there and not counted yet."""

    month: str
    period: Period
    counted_ms: int
    behind: int
    ledgers: tuple[Counted, ...]
    total: Figures
    compared: tuple[Compared, ...]


@dataclass(slots=True)
class _Open(Generic[Work]):
    """A ledger being counted: all before `next` is in `work`."""

    book: Book
    work: Work
    first: int
    next: int


class Tally(Generic[Work]):
    """All ledgers counted for one period, each turn from where the last one left off; `begin`
    makes the count of one ledger. One thread at a time."""

    def __init__(self, books: Books, period: Period, begin: Callable[[], Work]) -> None:
        self._books = books
        self._period = period
        self._begin = begin
        self._open: dict[str, _Open[Work]] = {}

    def advance(self, left: int) -> int:
        """Count at most `left` entries more; -> how many then wait."""
        behind = 0
        for book in self._books.all():
            going = self._open.get(book.origin)
            if going is None or going.book.life != book.life:
                going = _Open(book, self._begin(), book.first, book.first)
                self._open[book.origin] = going
            end = min(book.upto, going.next + left)
            for index, entry in self._books.walk(book, going.next, end):
                going.work.add(entry)
                going.next = index + 1
                left -= 1
            behind += book.upto - going.next
        return behind

    @property
    def taken(self) -> int:
        """How many entries have been counted."""
        return sum(going.next - going.first for going in self._open.values())

    def works(self) -> dict[str, Work]:
        """By origin."""
        return {origin: going.work for origin, going in sorted(self._open.items())}

    def counted(self, now_ms: int) -> tuple[Counted, ...]:
        """Each ledger's figures; what is open counts until `now_ms`."""
        return tuple(
            Counted(origin, going.first, going.next, going.work.figures(now_ms))
            for origin, going in sorted(self._open.items())
        )

    def compared(self, now_ms: int) -> tuple[Compared, ...]:
        """The views of each site in its ledger and the center's; once nothing waits."""
        works = self.works()
        center = works[self._books.center]
        return tuple(
            compare(site_of(origin), work, center, self._period, now_ms)
            for origin, work in works.items()
            if is_site(origin)
        )


async def to_the_end(tally: Tally[Work], clock: Clock) -> int:
    """Count all there is in short turns, each in a thread, so that nothing else waits; -> entries
    that are known of and cannot be read. Raises `UNAVAILABLE` after YEAR_COUNT_MAX_S: what was
    counted is kept, so that the next call goes on from there."""
    deadline_s = clock.monotonic() + YEAR_COUNT_MAX_S
    while True:
        before = tally.taken
        behind = await asyncio.to_thread(tally.advance, YEAR_ENTRIES_PER_TURN)
        if not behind or tally.taken == before:
            return behind
        if clock.monotonic() > deadline_s:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"this is still being counted: {behind} entries wait",
                where="ledgers",
                hint="ask again: it goes on from where it is",
            )
        await asyncio.sleep(YEAR_PAUSE_S)


class Counting:
    """Counts of months; blocks while it counts, so call it in a thread. Any thread may."""

    def __init__(self, books: Books, clock: Clock, zone: str) -> None:
        self._books = books
        self._clock = clock
        self._zone = ZoneInfo(zone)
        self._turn = threading.Lock()
        self._open: OrderedDict[str, Tally[Recount]] = OrderedDict()
        self._counts: dict[str, tuple[float, Count]] = {}

    def this_month(self) -> str:
        return datetime.fromtimestamp(self._clock.now(), self._zone).strftime(_MONTH_FORMAT)

    def period(self, month: str) -> Period:
        """The month `2026-11` in the page's zone; raises `NOT_FOUND` for what is no month, too long
        ago or still to come."""
        try:
            begin = datetime.strptime(month, _MONTH_FORMAT).replace(tzinfo=self._zone)
        except ValueError:
            begin = None
        now = datetime.fromtimestamp(self._clock.now(), self._zone)
        well_formed = begin is not None and begin.strftime(_MONTH_FORMAT) == month
        if begin is None or not well_formed or not (begin.year >= FIRST_YEAR and begin <= now):
            raise SerambiError(
                Kind.NOT_FOUND,
                "there is no such month on this page",
                where="month",
                hint="write a month as 2026-11, this one at the latest",
            )
        following = begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
        return Period(unix_ms(begin.timestamp()), unix_ms(following.timestamp()))

    def count(self, month: str) -> Count:
        """The figures of a month, at most RECOUNT_EVERY_S old."""
        period = self.period(month)
        with self._turn:
            now_s = self._clock.monotonic()
            at_s, kept = self._counts.get(month, (float("-inf"), None))
            if kept is None or now_s - at_s >= RECOUNT_EVERY_S:
                kept = self._count(month, period)
                self._counts[month] = (now_s, kept)
            return kept

    def _count(self, month: str, period: Period) -> Count:
        tally = self._open.setdefault(month, Tally(self._books, period, lambda: Recount(period)))
        self._open.move_to_end(month)
        while len(self._open) > RECOUNT_MONTHS_KEPT:
            oldest, _ = self._open.popitem(last=False)
            self._counts.pop(oldest, None)
        behind = tally.advance(RECOUNT_ENTRIES_PER_TURN)
        now_ms = unix_ms(self._clock.now())
        ledgers = tally.counted(now_ms)
        compared = () if behind else tally.compared(now_ms)
        return Count(month, period, now_ms, behind, ledgers, total(ledgers), compared)
