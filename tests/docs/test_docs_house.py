"""The tree in the README is the house, and the house keeps its own rules."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, page, pages, walk

BANNED = frozenset({"utils", "helpers", "manager", "data", "info"})
MODULE_MAX_LINES = 450
TEST_MAX_LINES = 600
GENERATED = frozenset({"ui/src/api/schema.d.ts"})
SOURCE = sorted(p for p in walk() if p.suffix in (".py", ".ts", ".svelte", ".js"))


def drawn() -> set[str]:
    """Folders in the README's tree, and the task runner."""
    (tree,) = blocks(page("README.md"), "tree")
    found: set[str] = set()
    stack: list[tuple[int, str]] = []
    for line in tree.splitlines():
        name = line.split()[0]
        depth = len(line) - len(line.lstrip())
        while stack and stack[-1][0] >= depth:
            stack.pop()
        whole = (stack[-1][1] if stack else "") + name
        assert len(line.split()) > 2 or name in ("src/serambi/", "ui/", "src/", "tests/", "docs/")
        if name.endswith("/"):
            stack.append((depth, whole))
        found.add(whole.rstrip("/"))
    return found


def built() -> set[str]:
    """Folders with files of the project, templates aside: they belong to the page beside them."""
    folders = {path.parent.relative_to(ROOT).as_posix() for path in walk()}
    inner = {f for f in folders if f.endswith(("/templates", "/fonts"))}
    return folders - inner - {"."}


def test_the_tree_names_every_folder_and_no_other() -> None:
    tree = drawn()
    containers = {"src", "ui/src", "docs", "tests"}
    assert built() - containers <= tree
    for name in tree:
        # The pictures are made later, by dev.py screenshots.
        assert (ROOT / name).exists() or name == "docs/images", name


def test_layers_in_the_readme_are_those_that_are_checked() -> None:
    layers = re.search(r"^layers = \[(.*?)\]", page("pyproject.toml"), re.M | re.S)
    assert layers
    for layer in re.findall(r'"([^"]+)"', layers[1]):
        assert f"`{layer}`" in page("README.md")
        assert f"`{layer}`" in page("docs/adr/0001-the-house.md")


def lengths() -> Iterator[tuple[str, int]]:
    for path in SOURCE:
        name = path.relative_to(ROOT).as_posix()
        if name not in GENERATED:
            yield name, path.read_text("utf-8").count("\n")


def test_no_module_is_too_long() -> None:
    for name, lines in lengths():
        limit = TEST_MAX_LINES if name.startswith("tests/") else MODULE_MAX_LINES
        assert lines <= limit, f"{name} has {lines} lines"


def test_no_name_says_nothing() -> None:
    for path in SOURCE:
        stems = {part.lower() for part in path.relative_to(ROOT).with_suffix("").parts}
        assert not stems & BANNED, path
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef):
                    assert node.name.strip("_").lower() not in BANNED, f"{path}: {node.name}"


def flat(raw: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in raw.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def test_both_languages_have_the_same_texts_with_the_same_values_in_them() -> None:
    folder = "src/serambi/web/words"
    id_, en = (dict(flat(json.loads(page(f"{folder}/{name}.json")))) for name in ("id", "en"))
    assert id_.keys() == en.keys()
    for name, text in en.items():
        assert text.strip(), name
        assert id_[name].strip(), name
        values = [set(re.findall(r"\{(\w+)\}", each)) for each in (text, id_[name])]
        assert values[0] == values[1], name


def test_every_decision_is_in_the_index() -> None:
    index = page("docs/adr/README.md")
    decisions = sorted(p for p in (ROOT / "docs" / "adr").glob("*.md") if p.name != "README.md")
    for path in decisions:
        number = int(path.name[:4])
        title = path.read_text("utf-8").splitlines()[0]
        assert path.name.startswith(f"{number:04}-")
        assert title.startswith(f"# {number}. ")
        assert f"| {number} | [{title.partition('. ')[2]}]({path.name}) |" in index


def terms() -> list[tuple[str, str]]:
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+\|$", page("docs/glossary.md"), re.M)
    return [(word, screen) for word, screen in rows if word not in ("Word", "---")]


def test_the_glossary_is_in_order_and_says_each_word_once() -> None:
    words = [word.lower() for word, _ in terms()]
    assert len(words) == len(set(words))
    assert words == sorted(words)


@pytest.fixture(scope="module")
def all_text() -> str:
    """Everything but the glossary, lower case, names in code taken apart."""
    files = [p for p in (*SOURCE, *pages()) if p.name not in ("glossary.md", Path(__file__).name)]
    text = "\n".join(path.read_text("utf-8") for path in files)
    return re.sub(r"[_\s]+", " ", text).lower()


def test_every_term_of_the_glossary_is_used(all_text: str) -> None:
    for word, _ in terms():
        assert re.sub(r" \(.*\)", "", word).lower() in all_text, word


def forbidden() -> list[str]:
    """Written in pieces, so that this file does not hold them itself."""
    hosts = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com")
    folders = ("/wo" + "rk/", "/tmp" + "/sv", "/ro" + "ot/", "/ho" + "me/")
    return [*hosts, *folders]


def test_no_file_names_a_registry_or_a_folder_of_somebody_s_machine() -> None:
    for path in walk():
        raw = path.read_bytes()
        for word in forbidden():
            assert word.encode() not in raw, f"{path.relative_to(ROOT)}: {word}"
