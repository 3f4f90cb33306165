"""The transparency page of the running demo: no name in any ledger, every figure recomputed."""

import contextlib
from pathlib import Path

from click.testing import CliRunner

from serambi.base.clock import SystemClock
from serambi.cli.ledger import ledger_group
from serambi.ledger.audit import all_entries
from serambi.ledger.names import Names
from serambi.ledger.reader import CHECKPOINT_FILE
from tests.e2e.conftest import DEMO
from tests.e2e.owner import watching
from tests.e2e.town import Town, until

pytestmark = DEMO
SITE = "gudang-kpu"


def ledgers(town: Town) -> list[Path]:
    """Every ledger in the town's folder, the parties' copies included."""
    return sorted(path.parent for path in town.folder.rglob(CHECKPOINT_FILE))


def test_no_ledger_of_the_town_names_a_person(town: Town) -> None:
    with watching(town, "101"):
        town.stop(town.camera("101"))
    town.resume(town.camera("101"))
    accounts = town.told["center"]["logins"].values()
    names = {town.get("/api/me")["name"], *(login["account"] for login in accounts)}
    assert "Petugas jaga 1" in names
    # Those of four sites and of the center, and a copy at least.
    found = until("a party has a copy", lambda: len(ledgers(town)) > 5 and ledgers(town))
    kinds = set()
    assert found
    for folder in found:
        for entry in all_entries(folder):
            kinds.add(entry.kind)
            assert not entry.person or entry.person.startswith("commitment:")
        for path in folder.rglob("*"):
            # A narrow tile may give way to a wider one at any moment.
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                raw = path.read_bytes()
                assert not [name for name in names if name.encode() in raw], path
    assert {"started", "session_opened", "session_closed", "stopped", "resumed"} <= kinds
    center = town.folder / "center"
    who = Names(center / "names", SystemClock(), 86_400).who
    assert "Petugas jaga 1" in {who(entry.person) for entry in all_entries(center / "ledger")}


def test_the_page_is_recomputed_from_the_ledgers(town: Town) -> None:
    with watching(town, "103"):
        pass
    keeper = town.folder / "sites" / SITE / "keeper" / "ledger"

    def equal() -> bool:
        arguments = ["audit", "--public", f"{town.url}/transparency", str(keeper)]
        result = CliRunner().invoke(ledger_group, arguments)
        assert "NOT EQUAL" not in result.output, result.output
        return result.exit_code == 0

    until("the page has the newest view", equal)
    page = town.operator.get("/transparency", params={"lang": "en"}).text
    assert "103" in page
    assert "Petugas jaga 1" not in page
    for camera in town.inside:
        assert camera.id not in page
