"""The commands in the texts are run, in order, against a town as the demo lays it out."""

import re
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from serambi.base.clock import SystemClock
from serambi.cli.doctor import examine
from serambi.cli.layout import Layout, Ports, lay_out
from serambi.cli.main import main
from serambi.identity.keys import SigningKey
from serambi.ledger.entry import Entry
from serambi.ledger.store import LedgerStore
from serambi.sim.encode import Streams
from serambi.sim.town import read_town
from tests.docs.pages import blocks, page, pages, section, shell_lines

RUNNING = ("demo", "keeper", "courier", "center", "doctor")
GROUPS = ("agreement", "ledger", "party")


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """`build/town` in an empty folder: everything on disk, nothing running."""
    monkeypatch.chdir(tmp_path)
    found = read_town()
    ports = Ports(1, 2, 3, {site.id: 4 for site in found.site})
    nothing = Streams(tmp_path / "main", tmp_path / "sub")
    loops = {camera.id: nothing for camera in found.cameras}
    layout = lay_out(tmp_path / "build" / "town", found, ports, loops, time.time())
    keeper = layout.keeper("gudang-kpu")
    write_ledger(keeper / "ledger", keeper / "key", "kpu/gudang-kpu/keeper")
    write_ledger(layout.center / "ledger", layout.center / "key", "polres/center")
    for site in found.site:
        (layout.keeper(site.id) / "inbox").mkdir(exist_ok=True)
    return layout


def write_ledger(folder: Path, key: Path, origin: str) -> None:
    with LedgerStore.open(folder, origin, SigningKey.load(key), SystemClock()) as store:
        store.append([Entry(kind="started", at_ms=store.stamp())])


def run(line: str) -> str:
    """One line of a `sh` block. What starts processes is only checked for its options."""
    words = shlex.split(line)
    if words[0] == "cp":
        shutil.copy(words[1], words[2])
        return ""
    if words[0] != "serambi" or words[1] in RUNNING:
        return ""
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, f"{line}\n{result.output}"
    return result.output


@pytest.mark.parametrize("name", ["README.md", "docs/guide/signing.md"])
def test_commands_of_a_page_run(town: Layout, tmp_path: Path, name: str) -> None:
    for draft in blocks(page(name), "toml"):
        (tmp_path / "build" / "draft.toml").write_text(draft)
    said = [run(line) for line in shell_lines(page(name))]
    assert sum(map(bool, said)) >= 5


def without_files(line: str) -> list[str]:
    known = {"id": "LANGUAGE", "en": "LANGUAGE"}
    return [known.get(w, w) for w in line.split() if not w.startswith("build/") or "town" in w]


def test_the_indonesian_guide_has_the_same_commands(town: Layout, tmp_path: Path) -> None:
    (draft,) = blocks(page("docs/guide/signing.md"), "toml")
    (tmp_path / "build" / "draft.toml").write_text(draft)
    mine, other = (shell_lines(page(f"docs/guide/{n}.md")) for n in ("menandatangani", "signing"))
    for one, same in zip(mine, other, strict=True):
        # Only the names of new files differ.
        assert without_files(one) == without_files(same)
    for line in mine:
        run(line)


def test_what_the_readme_says_of_the_town_is_so(town: Layout) -> None:
    text = page("README.md")
    found = town.town
    shared = [c for site in found.site for c in site.camera if found.shared(site, c)]
    assert (len(found.party), len(found.site), len(found.cameras)) == (5, 4, 14)
    assert "five institutions" in text
    assert "four sites and fourteen simulated cameras" in text
    assert "as nineteen processes" in text
    assert 2 + 3 * len(found.site) + len(found.party) == 19
    assert len(shared) == 8
    assert "**Eight cameras are open**" in text
    waiting = found.agreement[1]
    assert waiting.number == "2026-04"
    assert {p.id for p in found.party} - set(waiting.signed_by) == {"bawaslu", "kesbangpol"}
    assert all(site.owner != "kesbangpol" for site in found.site)


def test_data_folders_are_documented(town: Layout) -> None:
    text = page("docs/reference/data-folders.md")
    keeper, center = town.keeper("gudang-kpu"), town.center
    for folder in (keeper, town.courier("gudang-kpu"), center, town.folder):
        for path in folder.iterdir():
            if path.name not in ("sites", "center", "parties", "agreements", "attestations"):
                assert re.search(rf"[`/]{re.escape(path.name)}[`/]", text), path.name
    for name in ("agreements", "attestations", "parties"):
        assert f"`DIR/{name}/" in text


def verbs() -> Iterator[tuple[str, str]]:
    for path in pages():
        for line in shell_lines(path.read_text("utf-8")):
            yield path.name, line


@pytest.mark.parametrize(("name", "line"), list(verbs()))
def test_every_command_in_a_text_exists(name: str, line: str) -> None:
    words = shlex.split(line)
    if words[:2] == ["python3", "dev.py"]:
        assert f"| `{words[2]}` |" in section(
            page("docs/reference/commands.md"), "## `python3 dev.py`"
        )
    elif words[0] == "serambi":
        names = words[1:3] if words[1] in GROUPS else words[1:2]
        shown = CliRunner().invoke(main, [*names, "--help"])
        assert shown.exit_code == 0, shown.output
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.output


def test_the_doctor_names_what_it_looks_at(tmp_path: Path) -> None:
    found = list(examine(tmp_path))
    assert all(finding.name and finding.text for finding in found)
    shown = CliRunner().invoke(main, ["doctor", "--data", str(tmp_path)])
    assert shown.exit_code in (0, 1)
    assert len(shown.output.splitlines()) == len(found) + 1


@pytest.mark.parametrize(("name", "language"), [("owner", "en"), ("pemilik", "id")])
def test_the_owners_guides_use_the_words_of_the_page(name: str, language: str) -> None:
    guide = page(f"docs/guide/{name}.md")
    words = page(f"src/serambi/web/words/{language}.json")
    quoted = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", guide)
    assert len(quoted) >= 7
    for text in quoted:
        assert f'"{text}"' in words, text
