"""The observer's guide, followed to the letter against a running center, and against a doctored
page from which one entry was left out."""

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from serambi.center.public.document import Document
from serambi.cli.main import main
from serambi.ledger.audit import all_entries
from serambi.ledger.figures import Counted, total
from serambi.ledger.recount import Period, recount
from tests.docs.pages import page, shell_lines
from tests.fakes.public_town import COPIES, origin, public_town_in_a_thread
from tests.fakes.running import Running

GUIDES = ("check-us", "periksa-kami")


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with public_town_in_a_thread(tmp_path_factory.mktemp("public") / "town") as center:
        yield center


@pytest.fixture
def laptop(center: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What an observer has after the guide's words, in the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(center.town.folder / COPIES, "COPY")
    for name, path in (("transparency.json", ".json"), ("roster.json", "/roster.json")):
        raw = httpx.get(f"{center.base}/transparency{path}").raise_for_status().content
        Path(name).write_bytes(raw)
    return tmp_path


def lines(guide: str, center: Running) -> list[str]:
    return [
        line.replace("https://CENTER", center.base)
        for line in shell_lines(page(f"docs/guide/{guide}.md"))
    ]


def run(line: str) -> Result:
    return CliRunner().invoke(main, shlex.split(line)[1:])


@pytest.mark.parametrize("guide", GUIDES)
def test_its_commands_find_every_figure_equal(laptop: Path, center: Running, guide: str) -> None:
    said = [run(line) for line in lines(guide, center)]
    assert [result.exit_code for result in said] == [0, 0, 0, 0], said[-1].output
    assert all(result.output.splitlines()[-1].startswith("OK: ") for result in said[:3])
    assert (laptop / "2026.pdf").read_bytes().startswith(b"%PDF-")


def test_both_languages_have_the_same_commands(center: Running) -> None:
    assert lines(GUIDES[0], center) == lines(GUIDES[1], center)


def test_a_page_from_which_an_entry_was_left_out_is_caught(laptop: Path, center: Running) -> None:
    saved = laptop / "transparency.json"
    shown = msgspec.json.decode(saved.read_bytes(), type=Document)
    entries = all_entries(laptop / "COPY" / "terminal")
    del entries[3]  # a request that the box had refused
    figures = recount(entries, Period(shown.start_ms, shown.end_ms), shown.counted_ms)
    forged = Counted(origin("terminal"), 0, len(entries), figures)
    ledgers = tuple(forged if c.origin == forged.origin else c for c in shown.ledgers)
    doctored = msgspec.structs.replace(shown, ledgers=ledgers, total=total(ledgers))
    saved.write_bytes(msgspec.json.encode(doctored))
    result = run(lines(GUIDES[0], center)[2])
    assert result.exit_code == 1
    assert "refused: out_of_hours: page 0, recount 1: NOT EQUAL" in result.output
    assert result.output.splitlines()[-1].startswith(f"DIFFERENT: {origin('terminal')}")
