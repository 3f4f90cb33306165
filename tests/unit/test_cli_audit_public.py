"""`serambi ledger audit --public` against a running center: what is equal, what differs, what
cannot be checked; and a page from which one entry was left out."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from serambi.center.public.document import Document
from serambi.cli.ledger import ledger_group
from serambi.ledger.audit import all_entries
from serambi.ledger.figures import Counted, total
from serambi.ledger.recount import Period, recount
from tests.fakes.center_town import CENTER_PARTY, OWNERS
from tests.fakes.public_town import COPIES, origin, public_town_in_a_thread, write_ledger
from tests.fakes.running import Running


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with public_town_in_a_thread(tmp_path_factory.mktemp("public") / "town") as center:
        yield center


@pytest.fixture
def copies(center: Running) -> list[Path]:
    return [center.town.folder / COPIES / site for site in OWNERS]


def audit(*arguments: object) -> Result:
    return CliRunner().invoke(ledger_group, ["audit", *map(str, arguments)])


def last(result: Result) -> str:
    return result.output.splitlines()[-1]


def address(center: Running) -> str:
    return f"{center.base}/transparency"


def document(center: Running) -> Document:
    raw = httpx.get(f"{address(center)}.json").raise_for_status().content
    return msgspec.json.decode(raw, type=Document)


def save(page: Document, folder: Path) -> Path:
    path = folder / "transparency.json"
    path.write_bytes(msgspec.json.encode(page))
    return path


def without(page: Document, site: str, folder: Path, index: int) -> Document:
    """The page of a center that counted the site's ledger without one of its entries."""
    entries = all_entries(folder)
    del entries[index]
    period = Period(page.start_ms, page.end_ms)
    forged = Counted(origin(site), 0, len(entries), recount(entries, period, page.counted_ms))
    ledgers = tuple(forged if c.origin == forged.origin else c for c in page.ledgers)
    return msgspec.structs.replace(page, ledgers=ledgers, total=total(ledgers))


def test_from_the_address_alone_it_says_what_it_cannot_show(center: Running) -> None:
    result = audit("--public", address(center))
    assert result.exit_code == 0, result.output
    assert last(result).startswith("OK: ")
    assert last(result).endswith("2 ledgers not checked")
    assert f"{CENTER_PARTY}/center: OK: " in result.output
    assert "The page's checkpoint of " in result.output
    assert "outages: page 1, recount 1: equal" in result.output
    for site, owner in OWNERS.items():
        assert f"Not shown by this: {origin(site)}; ask its owner ({owner})" in result.output


def test_with_the_owners_copies_every_figure_is_equal(center: Running, copies: list[Path]) -> None:
    result = audit("--public", address(center), *copies)
    assert result.exit_code == 0, result.output
    assert last(result).endswith("0 ledgers not checked")
    assert "NOT" not in result.output
    assert "Views of terminal in both ledgers:" in result.output
    assert "unit Petugas jaga of command-center, views: page 1, recount 1: equal" in result.output


def test_a_saved_page_is_recomputed_without_the_network(
    center: Running, copies: list[Path], tmp_path: Path
) -> None:
    saved = save(document(center), tmp_path)
    trust = center.town.config.roster
    result = audit("--public", saved, *copies, "--trust", trust)
    assert result.exit_code == 0, result.output
    assert last(result).endswith("1 ledgers not checked")
    assert audit("--public", saved, *copies).exit_code == 1, "whom to believe must be said"


@pytest.mark.parametrize("index", range(12))
def test_an_entry_that_the_page_left_out_is_named(
    center: Running, copies: list[Path], tmp_path: Path, index: int
) -> None:
    page = without(document(center), "terminal", copies[0], index)
    saved = save(page, tmp_path)
    result = audit("--public", saved, *copies, "--trust", center.town.config.roster)
    assert result.exit_code == 1
    assert last(result).startswith(f"DIFFERENT: {origin('terminal')}")
    assert ("NOT EQUAL" in result.output) or ("1 entries are older than the page" in last(result))


def test_an_entry_that_the_copy_lacks_is_said(
    center: Running, copies: list[Path], tmp_path: Path
) -> None:
    entries = all_entries(copies[0])
    town = center.town
    short = write_ledger(town, tmp_path, "terminal", entries[:5] + entries[6:])
    result = audit("--public", address(center), short)
    assert result.exit_code == 1
    assert "this copy has 13 entries and the page counted 14" in last(result)


def test_a_sum_that_is_none_is_named(center: Running, tmp_path: Path) -> None:
    page = document(center)
    prettier = msgspec.structs.replace(page.total, refusals={})
    saved = save(msgspec.structs.replace(page, total=prettier), tmp_path)
    result = audit("--public", saved, "--trust", center.town.config.roster)
    assert result.exit_code == 1
    assert last(result) == "DIFFERENT: sum, refused: page 0, recount 4"


def test_a_copy_that_was_changed_is_refused(
    center: Running, copies: list[Path], tmp_path: Path
) -> None:
    changed = shutil.copytree(copies[0], tmp_path / "changed")
    bundle = next((changed / "tile/entries").rglob("*.p/*"))
    bundle.write_bytes(bundle.read_bytes().replace(b"out_of_hours", b"out_of_Hours"))
    result = audit("--public", address(center), changed)
    assert result.exit_code == 1
    assert "is not sound" in last(result)


def test_another_roster_and_another_past_are_said(
    center: Running, copies: list[Path], tmp_path: Path
) -> None:
    page = msgspec.structs.replace(document(center), roster="0" * 64)
    result = audit("--public", save(page, tmp_path), "--trust", center.town.config.roster)
    assert result.exit_code == 1
    assert "another roster" in last(result)
    entries = all_entries(copies[0])
    other = msgspec.structs.replace(entries[3], reason="limit")
    fork = write_ledger(center.town, tmp_path, "terminal", [*entries[:3], other, *entries[4:]])
    result = audit("--public", address(center), copies[0], fork)
    assert result.exit_code == 1
    assert "two copies have different pasts" in last(result)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("no-such-file", "the page cannot be read"),
        ("http://127.0.0.1:1/transparency", "the center cannot be reached"),
        ("http://127.0.0.1:1/other", "this is no page's address"),
        (__file__, "this is no transparency page"),
    ],
)
def test_what_is_no_page_is_said(page: str, said: str) -> None:
    result = audit("--public", page)
    assert result.exit_code == 1
    assert said in result.output


def test_without_a_page_it_compares_two_ledgers(center: Running, copies: list[Path]) -> None:
    trust = center.town.config.roster
    assert audit(copies[0], "--trust", trust).exit_code == 2
    assert audit(*copies).exit_code == 2
