"""The owner's log: every entry there can be has words in both languages; pages of a hundred."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import get_args

import pytest

from serambi.agreement.decide import Reason
from serambi.ledger.deleted import span_text
from serambi.ledger.entry import EntryKind
from serambi.recording.index import Why
from serambi.web.words import LANGUAGES, Words
from tests.fakes.keeper_http import Box, box
from tests.fakes.keeper_site import PRIVATE, Site

WORDS = Words.load()
REASONS = (*Reason, *Why, "closed", "not_renewed", "restarted", "center_stopped")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Box]:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    async with box(site) as home:
        await home.sign_in()
        yield home


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_kind_and_reason_has_words(home: Box, language: str) -> None:
    entry = home.keeper.journal.entry
    entries = [
        entry(kind, camera="cam-1", agreement="2026-03", party="kpu")
        for kind in get_args(EntryKind)
        if kind not in ("refused", "session_closed")
    ]
    for reason in REASONS:
        entries.append(entry("refused", reason=reason))
        entries.append(entry("session_closed", camera="cam-1", agreement="2026-03", reason=reason))
    await home.keeper.journal.write(*entries)
    page = unescape(await home.page("/log", lang=language))
    assert page.count("<time") == len(entries)
    for reason in REASONS:
        assert WORDS.text(language, f"reason.{reason}") in page  # type: ignore[arg-type]
    assert "{" not in page


async def test_the_owner_reads_names_where_others_find_a_commitment(home: Box) -> None:
    await home.keeper.stop(PRIVATE)
    await home.keeper.resume(PRIVATE)
    await home.ask("no-such")
    gone = home.keeper.journal.entry("deleted", camera=PRIVATE, reason="disk_full")
    await home.keeper.journal.write(gone)
    page = await home.page("/log", lang="en")
    assert "Recordings of 105 Camera 105 deleted" in page
    assert "You stopped 105 Camera 105" in page
    assert "You shared 105 Camera 105 again" in page
    await home.keeper.journal.write(home.keeper.journal.entry("stopped", camera="another"))
    assert "You stopped a camera that is not shared" in await home.page("/log")


async def test_an_erased_name_is_said_to_be_erased(home: Box) -> None:
    await home.ask(person="Ani Wijaya")
    assert "Ani Wijaya" in await home.page("/log", lang="en")
    assert home.keeper.journal.names.forget("Ani Wijaya") == 1
    page = await home.page("/log", lang="en")
    assert "Ani Wijaya" not in page
    assert WORDS.text("en", "owner.name_erased") in page


async def test_what_was_deleted_is_told_with_its_time_and_reason(home: Box) -> None:
    journal = home.keeper.journal
    span = span_text(1_790_000_000_000, 1_790_003_600_000)
    gone = journal.entry(
        "deleted", camera="cam-1", agreement="2026-03", reason="retention", detail=span
    )
    await journal.write(gone)
    page = unescape(await home.page("/log", lang="en"))
    assert "deleted (21 Sep 2026 21.13 WIB – 21 Sep 2026 22.13 WIB)" in page
    assert WORDS.text("en", "reason.retention") in page


async def test_a_flood_is_told_with_its_number(home: Box) -> None:
    journal = home.keeper.journal
    await journal.write(journal.entry("refused", reason="limit", detail="1234"))
    page = await home.page("/log", lang="en")
    assert WORDS.text("en", "owner.log_refused_many", count=1234) in page


async def test_the_log_is_read_page_by_page(home: Box) -> None:
    journal = home.keeper.journal
    await journal.write(
        *(journal.entry("agreement_accepted", agreement=f"number-{n:03d}") for n in range(250))
    )
    numbers: list[str] = []
    path = "/log"
    pages = 0
    while path:
        page = await home.page(path)
        numbers += re.findall(r"number-(\d+)", page)
        found = re.search(r'href="(/log\?before=\d+)"', page)
        path = found[1] if found else ""
        pages += 1
    assert pages == 3
    assert [int(n) for n in numbers] == list(range(249, -1, -1))
    today = await home.page("/")
    assert len(re.findall(r"number-\d+", today)) == 8


async def test_odd_pages(home: Box) -> None:
    for before, status in (("0", 200), ("-5", 200), ("9" * 30, 200), ("x", 422), ("", 422)):
        answer = await home.http.get("/log", params={"before": before})
        assert answer.status_code == status, before


async def test_yesterdays_entries_are_not_todays(home: Box) -> None:
    await home.keeper.journal.write(home.keeper.journal.entry("started"))
    assert WORDS.text("en", "owner.log_started") in await home.page(lang="en")
    home.clock.advance(11 * 3600)
    assert WORDS.text("en", "owner.log_empty") in await home.page()
    assert WORDS.text("en", "owner.log_started") in await home.page("/log")
