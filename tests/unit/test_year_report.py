"""The report of a year: every figure again from the entries by hand, on paper in both languages,
the same from the center and from copies, and nothing waits while it is made."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from serambi.base.clock import ManualClock
from serambi.base.limits import PRINTED_ROWS_MAX, YEAR_EVERY_S
from serambi.center.public import counting, years
from serambi.center.public.counting import Tally
from serambi.center.public.year import Word, YearDocument
from serambi.center.public.year_print import YearPrint
from serambi.cli.ledger import ledger_group
from serambi.ledger.entry import Entry
from serambi.ledger.figures import OPEN
from serambi.ledger.names import is_commitment
from serambi.web.printed import Facts
from serambi.web.printed_pdf import printed_pdf
from serambi.web.words import LANGUAGES, PRINTED, Language, Words
from tests.fakes.center_town import CENTER_PARTY, OWNERS
from tests.fakes.pdf import spoken, tables, text_of
from tests.fakes.public_town import (
    COPIES,
    HIDDEN,
    PERSON,
    center_entries,
    deliver,
    entries_of,
    public_town,
)
from tests.fakes.running import Running, eventually

NOON = 1_795_500_000.0  # 24 November 2026, 13.00 in Jakarta
HOUR_MS = 3_600_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def center(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Running]:
    async with public_town(tmp_path, clock) as center:
        yield center


@pytest.fixture
async def public(center: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with center.client(None) as client:
        yield client


async def document(client: httpx.AsyncClient, year: int = 2026) -> YearDocument:
    answer = (await client.get(f"/transparency/{year}.json")).raise_for_status()
    return msgspec.json.decode(answer.content, type=YearDocument)


async def paper(client: httpx.AsyncClient, language: str) -> bytes:
    answer = await client.get("/transparency/2026.pdf", params={"lang": language})
    assert answer.headers["content-type"] == "application/pdf"
    return answer.raise_for_status().content


def by_hand(entries: list[Entry], now_ms: int) -> SimpleNamespace:
    """A site's figures, from its entries and by no code of ours."""
    ends = {e.session: e.at_ms for e in entries if e.kind == "session_closed"}
    opened = [e for e in entries if e.kind == "session_opened"]
    watched: Counter[tuple[str, str]] = Counter()
    for view in opened:
        watched[view.unit, view.purpose] += ends.get(view.session, now_ms) - view.at_ms
    shown = [e for e in entries if not is_commitment(e.camera)]
    return SimpleNamespace(
        views=len(opened),
        watched=watched,
        refused=Counter(e.reason for e in entries if e.kind == "refused"),
        stops=sum(e.kind == "stopped" for e in shown),
        deleted={e.camera for e in shown if e.kind == "deleted"},
    )


async def test_every_figure_of_the_year_is_in_the_entries(public: httpx.AsyncClient) -> None:
    found = await document(public)
    now_ms = int(NOON * 1000)
    by_site = [by_hand(entries_of(site, now_ms), found.counted_ms) for site in OWNERS]
    total = found.total
    assert total.views == sum(one.views for one in by_site) == 4
    assert len(total.stops) == sum(one.stops for one in by_site) == 4
    assert Counter(total.refusals) == sum((one.refused for one in by_site), Counter())
    assert {one.camera for one in total.deletions} == by_site[0].deleted | by_site[1].deleted
    watched: Counter[tuple[str, str]] = sum((one.watched for one in by_site), Counter())
    assert {(use.unit, use.purpose): sum(use.watched_ms) for use in found.uses} == watched
    assert [at for at in range(12) if found.uses[0].watched_ms[at]] == [10], "all in November"
    assert (
        total.entries
        == sum(len(entries_of(site, now_ms)) for site in OWNERS)
        + len(center_entries(tuple(OWNERS), now_ms))
        + 1
    )  # the start of this center
    assert (len(total.outages), total.exports, total.break_glass) == (1, 0, 0)
    assert {(c.owner, c.facing, c.cameras) for c in found.cameras} == {
        (owner, facing, 1) for owner in OWNERS.values() for facing in ("street", "yard")
    }
    (term,) = found.agreements
    assert (term.number, term.viewer, set(term.owners)) == (
        "pks-1", CENTER_PARTY, set(OWNERS.values()),
    )  # fmt: skip
    center_log = found.ledgers[0]
    assert found.checkpoint.startswith(f"{center_log.origin}\n{center_log.upto}\n")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_paper_says_what_the_document_says(
    public: httpx.AsyncClient, language: Language
) -> None:
    found, raw = await document(public), await paper(public, language)
    text = text_of(raw)
    say = Words.load(PRINTED).text
    for name, figure in (("views", "4"), ("refused", "4"), ("stops", "4"), ("outages", "1")):
        assert spoken(say(language, f"year.{name}") + figure) in text, name
    assert {"id": "Jam-tayang4,7", "en": "View-hours4.7"}[language] in text
    assert found.checkpoint.split("\n")[2] in text
    assert found.roster in text
    assert spoken(Words.load().text(language, "reason.out_of_hours") + "2") in text
    assert spoken("Lalu lintas kota" if language == "id" else "Traffic of the town") in text
    assert "{" not in text
    for secret in (PERSON, HIDDEN, "commitment"):
        assert spoken(secret) not in text


async def test_the_same_ledgers_give_the_same_bytes(
    public: httpx.AsyncClient, clock: ManualClock, center: Running
) -> None:
    once = await paper(public, "id")
    clock.advance(2 * YEAR_EVERY_S)
    assert await paper(public, "id") == once
    made_anew = YearPrint(await document(public), Words.load(), Words.load(PRINTED), "id")
    assert printed_pdf(made_anew.printed()) == once
    entries = entries_of("terminal", int(NOON * 1000))
    await deliver(
        center.town, "terminal", [*entries, msgspec.structs.replace(entries[3], detail="2")]
    )
    assert await paper(public, "id") == once, "it is shown again for a while"
    clock.advance(2 * YEAR_EVERY_S)
    assert await paper(public, "id") != once


async def test_copies_give_the_figures_of_the_center(
    center: Running, public: httpx.AsyncClient, tmp_path: Path
) -> None:
    found = await document(public)
    town, out = center.town, tmp_path / "year.json"
    folders = [town.config.ledger, *(town.folder / COPIES / site for site in OWNERS)]
    options = ["--year", "2026", "--trust", town.config.roster, "--agreements",
               town.config.agreements]  # fmt: skip
    for file in (out, tmp_path / "a.pdf", tmp_path / "b.pdf"):
        arguments = ["report", *folders, *options, "--out", file]
        result = CliRunner().invoke(ledger_group, list(map(str, arguments)))
        assert result.exit_code == 0, result.output
    again = msgspec.json.decode(out.read_bytes(), type=YearDocument)
    for name in ("total", "uses", "ledgers", "agreements", "counted_ms", "checkpoint"):
        assert getattr(again, name) == getattr(found, name), name
    assert again.cameras == (), "no attestations were given"
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


async def test_a_ledger_that_is_not_sound_makes_no_report(center: Running, tmp_path: Path) -> None:
    copy = center.town.folder / COPIES / "terminal"
    bundle = next((copy / "tile" / "entries").rglob("*.p/*"))
    bundle.write_bytes(bundle.read_bytes().replace(b"Penyidik", b"Penyidix"))
    out = tmp_path / "year.pdf"
    arguments = ["report", copy, "--year", "2026", "--trust", center.town.config.roster]
    result = CliRunner().invoke(ledger_group, [*map(str, arguments), "--out", str(out)])
    assert result.exit_code == 1
    assert not out.exists()


@pytest.mark.parametrize("path", ["2019.pdf", "2027.json", "20266.pdf", "-1.json", "2026.csv"])
async def test_other_years_are_not_there(public: httpx.AsyncClient, path: str) -> None:
    assert (await public.get(f"/transparency/{path}")).status_code == 404
    assert (await document(public, 2025)).total.views == 0


async def test_nothing_waits_while_a_long_year_is_counted(
    center: Running, public: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn is short, and in a thread: this one does not end before the center has answered."""
    answered, turns = threading.Event(), Counter[str]()
    advance = Tally.advance

    def slow(tally: Tally[Any], left: int) -> int:
        turns["taken"] += 1
        assert answered.wait(20), "the center was held up"
        return advance(tally, left)

    monkeypatch.setattr(Tally, "advance", slow)
    monkeypatch.setattr(counting, "YEAR_ENTRIES_PER_TURN", 7)
    making = asyncio.create_task(paper(public, "id"))
    await eventually(lambda: turns["taken"])
    assert (await public.get("/api/health")).status_code == 200
    answered.set()
    assert (await making).startswith(b"%PDF-")
    assert turns["taken"] > 5


async def test_what_cannot_be_counted_at_once_goes_on_at_the_next_call(
    public: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "YEAR_ENTRIES_PER_TURN", 15)
    monkeypatch.setattr(counting, "YEAR_COUNT_MAX_S", -1.0)
    answers = []
    for _ in range(3):
        answers.append((await public.get("/transparency/2026.json")).status_code)
    assert answers == [503, 503, 200]


async def test_too_many_who_wait_are_told_so(
    public: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(years, "YEAR_WAITING_MAX", 0)
    assert (await public.get("/transparency/2026.pdf")).status_code == 429


async def test_entries_that_cannot_be_read_are_said(
    public: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = Tally.advance
    monkeypatch.setattr(Tally, "advance", lambda tally, left: advance(tally, left) + 9)
    assert (await document(public)).behind == 9


async def test_a_long_list_is_cut_and_says_so(public: httpx.AsyncClient) -> None:
    found = await document(public)
    many = PRINTED_ROWS_MAX + 5
    figures = msgspec.structs.replace(
        found.total,
        stops=tuple(msgspec.structs.replace(found.total.stops[0], site=f"s{n:04}", end_ms=OPEN)
                    for n in range(many)),
        refusals={"of_a_later_version": 1},
    )  # fmt: skip
    uses = tuple(msgspec.structs.replace(found.uses[0], unit=f"u{n}") for n in range(many))
    longer = msgspec.structs.replace(found, total=figures, uses=uses, checkpoint="")
    printed = YearPrint(longer, Words.load(), Words.load(PRINTED), "en").printed()
    assert max(len(table.rows) for table in tables(printed)) == PRINTED_ROWS_MAX + 1, "and the sum"
    blocks = [block for section in printed.sections for block in section.blocks]
    assert blocks.count("5 more rows; the JSON of this report has them all.") == 2
    assert "The center's ledger is not here." in blocks
    assert any("of_a_later_version" in str(block) for block in blocks)


async def test_who_has_cosigned_is_said_and_a_damaged_file_holds_nothing_up(
    center: Running, public: httpx.AsyncClient, clock: ManualClock
) -> None:
    assert (await document(public)).cosigned == ()
    (center.town.config.ledger / "cosigned").write_bytes(b"nonsense\n\n")
    clock.advance(2 * YEAR_EVERY_S)
    found = await document(public)
    assert found.cosigned == ()
    longer = msgspec.structs.replace(found, cosigned=(Word("trade", 1234),))
    shown = YearPrint(longer, Words.load(), Words.load(PRINTED), "en").printed()
    said = [row for s in shown.sections for b in s.blocks if isinstance(b, Facts) for row in b.rows]
    assert ("Cosigned by", "trade (en) to entry 1,234") in said
