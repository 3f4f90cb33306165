"""The law's documents: filled from what is true, empty where only people know, for whoever
answers for the center; the same from files."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from serambi.base.clock import ManualClock, SystemClock
from serambi.center.accounts import Role
from serambi.center.public.counting import Tally
from serambi.center.public.year import YearDocument
from serambi.center.reports.documents import Document, make
from serambi.center.reports.facts import Facts
from serambi.cli import report as command
from serambi.cli.main import main
from serambi.ledger.entry import Entry
from serambi.ledger.figures import Figures, UnitViews
from serambi.ledger.store import LedgerStore
from serambi.web.printed import Blank, Exact, Printed, Section, Table
from serambi.web.printed import Facts as Rows
from serambi.web.printed_page import printed_page
from serambi.web.words import LANGUAGES, PRINTED, Language, Words
from tests.builders import NOW, SITE
from tests.fakes.center_town import CENTER_PARTY, OWNERS
from tests.fakes.keeper_site import INSIDE, WAITING, Site
from tests.fakes.pdf import spoken, tables, text_of
from tests.fakes.public_town import COPIES, HIDDEN, PERSON, public_town
from tests.fakes.running import Running

NOON = 1_795_500_000.0  # 24 November 2026, 13.00 in Jakarta
ARTICLES = {"processing": "31", "impact": "34", "breach": "46"}


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with public_town(tmp_path, ManualClock(NOON)) as center:
        yield center


@pytest.fixture
async def commander(center: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with center.client(Role.COMMANDER) as client:
        yield client


async def page(client: httpx.AsyncClient, document: str, language: str = "en") -> str:
    answer = await client.get(f"/api/reports/{document}", params={"lang": language})
    return unescape(answer.raise_for_status().text)


def plain(text: str) -> str:
    """Without tags and spaces."""
    return re.sub(r"<[^>]*>|\s", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("document", list(Document))
async def test_each_document_in_both_languages_as_a_page_and_on_paper(
    commander: httpx.AsyncClient, document: str, language: Language
) -> None:
    shown = await page(commander, document, language)
    answer = await commander.get(f"/api/reports/{document}.pdf", params={"lang": language})
    assert answer.headers["content-type"] == "application/pdf"
    paper = text_of(answer.raise_for_status().content)
    title = Words.load(PRINTED).text(language, f"law.{document}.title")
    law = {"id": f"Pasal {ARTICLES[document]}", "en": f"Article {ARTICLES[document]}"}[language]
    for said in (title, law, "27"):
        assert said in shown
        assert spoken(said) in paper
    for text in (shown, paper):
        assert "{" not in text.replace("{ ", "").partition("<style>")[0]
        for secret in (PERSON, HIDDEN, "commitment:"):
            assert spoken(secret) not in text
    assert "<script" not in shown
    assert "style=" not in shown
    assert 'class="blank"' in shown


async def test_it_is_filled_from_what_is_true(commander: httpx.AsyncClient) -> None:
    record = plain(await page(commander, "processing"))
    for said in (
        "Flow of traffic at the terminal", "An accord of three institutions", "pks-1", "look live",
        "Main gate", "South square", "0000000000000000", "400 days", "4 Nov 2026 until 11 Dec 2026",
        "Petugas jaga, command-center (en) 2 4.3", "View-hours 4.7", "Requests refused 4",
        "Stops by owners 4", "not set here",
    ):  # fmt: skip
        assert plain(said) in record, said
    impact = plain(await page(commander, "impact"))
    for said in ("4 cameras shared; 4.7 view-hours", "face matching", "4 refusals", "2 deletions"):
        assert plain(said) in impact, said
    breach = plain(await page(commander, "breach"))
    for said in ("3 x 24 hours", "Sites out of the center's reach 1", "serambi ledger verify"):
        assert plain(said) in breach, said


@pytest.mark.parametrize(
    ("role", "status"),
    [(None, 401), (Role.OPERATOR, 403), (Role.INVESTIGATOR, 403), (Role.COORDINATOR, 200)],
)
async def test_they_are_for_whoever_answers_for_the_center(
    center: Running, role: Role | None, status: int
) -> None:
    async with center.client(role) as client:
        for path in ("processing", "processing.pdf"):
            assert (await client.get(f"/api/reports/{path}")).status_code == status


async def test_no_other_document(commander: httpx.AsyncClient) -> None:
    for path in ("nothing", "nothing.pdf"):
        assert (await commander.get(f"/api/reports/{path}")).status_code == 404


async def test_an_agreement_that_was_revoked_is_not_in_force(
    center: Running, commander: httpx.AsyncClient
) -> None:
    gateway = center.town.gateways["terminal"]
    gateway.cameras = tuple(replace(camera, state="revoked") for camera in gateway.cameras)
    center.town.speak()
    record = plain(await page(commander, "processing"))
    assert plain("No agreement is in force here.") in record
    assert plain("No camera is shared.") in record


async def test_figures_are_shown_again_for_a_while(
    commander: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance, turns = Tally.advance, []

    def counted(tally: Tally[Any], left: int) -> int:
        turns.append(left)
        return advance(tally, left)

    monkeypatch.setattr(Tally, "advance", counted)
    for document in Document:
        await page(commander, document)
    assert len(turns) == 1


def facts(center: Running, **changes: Any) -> Facts:
    known: dict[str, Any] = {
        "roster": center.town.roster,
        "center": CENTER_PARTY,
        "zone": "Asia/Jakarta",
        "made": NOON,
        "agreements": (),
        "cameras": (),
        "figures": Figures(),
        "since_ms": 0,
        "until_ms": int(NOON * 1000),
        "behind": 0,
        "config": None,
    }
    return Facts(**{**known, **changes})


def blanks(printed: Printed) -> list[Blank]:
    return [b for section in printed.sections for b in section.blocks if isinstance(b, Blank)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("document", list(Document))
async def test_an_empty_town_has_its_documents_too(
    center: Running, document: Document, language: Language
) -> None:
    """Nothing known is said to be so, and every empty box says what belongs there."""
    figures = Figures(units=(UnitViews("Regu <1>", "nobody-known", 1, 5),))
    known = facts(center, figures=figures, behind=7)
    printed = make(document, known, Words.load(PRINTED), language)
    assert " 7 " in printed.lead
    assert len(blanks(printed)) >= 5
    assert all(blank.hint.strip() and blank.lines for blank in blanks(printed))
    html = printed_page(printed, language, alone=True)
    assert "Regu <1>" not in html
    assert html.count('class="blank"') == len(blanks(printed))
    assert "<link" not in html


async def test_the_recipients_are_said_even_when_the_roster_knows_them_no_more(
    center: Running,
) -> None:
    figures = Figures(units=(UnitViews("", "gone", 1, 3_600_000), UnitViews("", "", 1, 5)))
    known = facts(center, figures=figures)
    printed = make(Document.PROCESSING, known, Words.load(PRINTED), "en")
    assert any(("gone", "1", "1.0") in table.rows for table in tables(printed))
    assert any(("–", "1", "0.000") in table.rows for table in tables(printed))


def test_a_page_says_what_it_was_given_and_nothing_more() -> None:
    """Every block, and hostile words in each."""
    evil = "<script>x</script>&\"'"
    table = Table((evil, "n"), ((evil, "1"),), (0.5, 0.5), frozenset({1}), small=True)
    printed = Printed(evil, evil, evil, evil)
    assert printed_page(printed, "en").count("&lt;script&gt;") == 5
    section = Section(evil, (evil, table, Rows(((evil, evil),)), Blank(evil, evil), Exact(evil)))
    full = printed_page(Printed(evil, "", evil, evil, (section,)), "id", [(evil, evil)])
    assert "<script" not in full
    assert full.count("&lt;script&gt;") == 4 + 2 + 9
    assert '<td class="r">1</td>' in full


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
async def today(tmp_path: Path) -> AsyncIterator[Running]:
    """The command goes by the machine's date."""
    async with public_town(tmp_path, SystemClock()) as center:
        yield center


@pytest.mark.parametrize("ending", ["pdf", "html"])
async def test_from_files_without_a_center(today: Running, tmp_path: Path, ending: str) -> None:
    town, out = today.town, tmp_path / f"record.{ending}"
    ledgers = [town.config.ledger, *(town.folder / COPIES / site for site in OWNERS)]
    papers = ["--agreements", town.config.agreements, "--lang", "en"]
    result = report("processing", *ledgers, "--trust", town.config.roster, "--out", out, *papers)
    assert result.exit_code == 0, result.output
    assert result.output.endswith("1 agreements, 4 cameras\n")
    raw = out.read_bytes()
    text = plain(unescape(raw.decode())) if ending == "html" else text_of(raw)
    for said in ("View-hours4.7", "Requestsrefused4", "terminal-1", "notknownhere", "nothere"):
        assert said in text, said


async def test_what_cannot_be_made_is_said(today: Running, tmp_path: Path) -> None:
    town, out = today.town, tmp_path / "a.pdf"
    trust = ["--trust", town.config.roster]
    copy = town.folder / COPIES / "terminal"
    twice = report("breach", copy, copy, *trust, "--out", out)
    assert (twice.exit_code, "two copies" in twice.output) == (1, True)
    zone = report("breach", copy, *trust, "--out", out, "--zone", "Mars/Olympus")
    assert (zone.exit_code, "is no zone" in zone.output) == (2, True)
    nowhere = report("breach", copy, *trust, "--out", tmp_path / "no" / "a.pdf")
    assert (nowhere.exit_code, "cannot be written" in nowhere.output) == (1, True)


def test_attested_cameras_are_told_and_none_that_looks_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agreement names a camera inside all the same: no site opens it, no report counts it."""
    monkeypatch.setattr(command, "SystemClock", lambda: ManualClock(NOW))
    site = Site(tmp_path / "keeper")
    site.put_documents()
    papers = site.folder / "documents"
    given = ["--trust", site.folder / "roster.json", "--agreements", papers]
    given += ["--attestations", papers, "--lang", "en"]
    result = report("impact", "--out", tmp_path / "impact.html", *given)
    assert result.exit_code == 0, result.output
    text = plain(unescape((tmp_path / "impact.html").read_text()))
    for camera, facing in (("cam-1", "street"), ("cam-2", "yard")):
        attested = site.digests[camera][:16]
        assert re.search(rf"{facing}2026-\d+{attested}", text), camera
    assert site.digests[INSIDE][:16] not in text
    assert site.digests[WAITING][:16] not in text

    origin = f"kpu/{SITE}/keeper"
    clock = ManualClock(NOW)
    with LedgerStore.open(tmp_path / "log", origin, site.town.gateways[SITE], clock) as ledger:
        ledger.append([Entry(kind="started", at_ms=int(NOW * 1000), site=SITE)])
    out = tmp_path / "year.json"
    arguments = ["ledger", "report", tmp_path / "log", "--year", 2026, "--out", out, *given]
    made = CliRunner().invoke(main, list(map(str, arguments)))
    assert made.exit_code == 0, made.output
    year = msgspec.json.decode(out.read_bytes(), type=YearDocument)
    assert [(c.facing, c.cameras) for c in year.cameras] == [("street", 1), ("yard", 1)]
    assert (year.center, year.checkpoint, year.cosigned) == ("polres", "", ())
