"""What the report of a year costs the center, and what everything else there waits for it.

A ledger of views and refusals, 100,000 entries (`--full`: a million), counted in this process as
the center counts it. `count`: until the last entry is in. `pdf`: setting the pages. `lag`: by how
much a task that sleeps a millisecond comes late meanwhile, 99 of 100 times, beside the same on a
loop with nothing else to do.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from benches._report import Row, options, percentile, report, say
from serambi.base.clock import SystemClock
from serambi.center.database import open_database
from serambi.center.entries import SiteEntries
from serambi.center.public.books import Books
from serambi.center.public.counting import Tally, to_the_end
from serambi.center.public.year import Known, YearDocument, build, newest_ms
from serambi.center.public.year_print import YearPrint
from serambi.ledger.entry import Entry
from serambi.ledger.recount import Period
from serambi.ledger.store import LedgerStore
from serambi.ledger.yearly import YearRecount, months_of
from serambi.web.printed_pdf import printed_pdf
from serambi.web.words import PRINTED, Words
from tests.fakes.center_town import CENTER_PARTY, Town

ENTRIES = 100_000
MANY = 1_000_000
BATCH = 1_000
ZONE = "Asia/Jakarta"
TICK_S = 0.001
YEAR = 2025


def entries(count: int) -> list[Entry]:
    """Of a whole year, evenly: views of 40 units, opened and closed, and refusals."""
    months = months_of(YEAR, ZoneInfo(ZONE))
    step_ms = (months[-1].end_ms - months[0].start_ms) // (count + 1)
    made = []
    for n in range(count):
        at_ms = months[0].start_ms + n * step_ms
        view: dict[str, Any] = {
            "session": f"{n // 3:032x}",
            "party": CENTER_PARTY,
            "unit": f"Unit {n // 3 % 40}",
        }
        if n % 3 == 2:
            refused = Entry(kind="refused", at_ms=at_ms, reason="out_of_hours")
            made.append(refused)
        elif n % 3 == 1:
            made.append(Entry(kind="session_closed", at_ms=at_ms, reason="closed", **view))
        else:
            purpose = f"purpose-{n // 3 % 3}"
            made.append(Entry(kind="session_opened", at_ms=at_ms, purpose=purpose, **view))
    return made


async def beside(work: Awaitable[object]) -> tuple[float, list[float]]:
    """How long `work` took in seconds, and how late a tick came meanwhile, in milliseconds."""
    late_ms: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            late_ms.append((time.perf_counter() - due) * 1000)

    ticking = asyncio.create_task(tick())
    began = time.perf_counter()
    await work
    took_s = time.perf_counter() - began
    ticking.cancel()
    return took_s, late_ms


def fill(folder: Path, town: Town, count: int) -> LedgerStore:
    ledger = LedgerStore.open(folder, f"{CENTER_PARTY}/center", town.center_key, SystemClock())
    made = entries(count)
    for start in range(0, count, BATCH):
        ledger.append(made[start : start + BATCH])
    ledger.publish()
    return ledger


async def measured(folder: Path, count: int) -> list[Row]:
    town = Town(folder, SystemClock())
    say(f"writing {count} entries")
    engine = open_database(folder / "bench.db")
    with fill(folder / "log", town, count) as ledger:
        books = Books(CENTER_PARTY, ledger, SiteEntries(engine, SystemClock()), town.roster)
        months = months_of(YEAR, ZoneInfo(ZONE))
        period = Period(months[0].start_ms, months[-1].end_ms)
        tally = Tally(books, period, lambda: YearRecount(months))
        _, idle_ms = await beside(asyncio.sleep(2))
        say("counting")
        count_s, counting_ms = await beside(to_the_end(tally, SystemClock()))
        document = _document(town, tally)
        words = Words.load(), Words.load(PRINTED)
        say("setting")

        def paper() -> bytes:
            return printed_pdf(YearPrint(document, *words, "id").printed())

        pdf_s, setting_ms = await beside(_in_a_thread(paper))
    engine.dispose()
    idle = percentile(idle_ms, 0.99)
    return [
        Row(f"count {count} entries", count_s, "s"),
        Row("lag while counting, p99", percentile(counting_ms, 0.99), "ms", "idle", idle),
        Row("lag while counting, most", max(counting_ms), "ms", "idle", max(idle_ms)),
        Row("pdf", pdf_s, "s"),
        Row("lag while setting, p99", percentile(setting_ms, 0.99), "ms", "idle", idle),
    ]


async def _in_a_thread(work: Callable[[], object]) -> None:
    await asyncio.to_thread(work)


def _document(town: Town, tally: Tally[YearRecount]) -> YearDocument:
    now_ms = newest_ms(tally.works().values())
    known = Known(town.roster, CENTER_PARTY, ZONE, [], [], "", [])
    return build(YEAR, known, tally.works(), tally.counted(now_ms))


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--entries", type=int, default=0, help="how many")
    asked = parser.parse_args()
    count = asked.entries or (MANY if asked.full else ENTRIES)
    with tempfile.TemporaryDirectory(prefix="serambi-bench-") as folder:
        rows = asyncio.run(measured(Path(folder), count))
    report("year", rows, as_json=asked.json)


if __name__ == "__main__":
    main()
