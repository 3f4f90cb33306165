"""Each requirement is shown by tests that exist, or is said not to be met."""

import re

import pytest

from tests.docs.pages import ROOT, page

_ROW = re.compile(r"^\| (R\d+)? ?\| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
ROWS = _ROW.findall(page("docs/reference/requirements.md"))


def written() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= set(re.findall(r"^\s*(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))
    return found


def test_all_twenty_are_there() -> None:
    assert [row[0] for row in ROWS if row[0]] == [f"R{number}" for number in range(1, 21)]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] or "names" for row in ROWS])
def test_every_test_that_is_named_exists(row: tuple[str, str, str, str]) -> None:
    named = set(re.findall(r"`(test_\w+)`", row[3]))
    assert named <= written()
    assert named or "not yet met" in row[3]
