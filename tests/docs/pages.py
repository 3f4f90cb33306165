"""The texts as the tests of this folder read them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = frozenset({"node_modules", "__pycache__", "build", "built", "test-results"})
HIDDEN = frozenset({".ci", ".gitignore"})


def walk(folder: Path = ROOT) -> Iterator[Path]:
    """Every file of the project below `folder`; not what is installed, built or cached."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") and path.name not in HIDDEN:
            continue
        if path.is_dir():
            if path.name not in SKIPPED and not path.name.endswith(".egg-info"):
                yield from walk(path)
        elif not path.is_symlink():
            yield path


def pages() -> list[Path]:
    return [path for path in walk() if path.suffix == ".md"]


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def shell_lines(text: str) -> list[str]:
    """The commands in the `sh` blocks, one a line, continuations joined."""
    joined = "".join(blocks(text, "sh")).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip()]


def section(text: str, heading: str) -> str:
    """What stands below `heading` up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    pattern = rf"^{re.escape(heading)}[^\n]*\n(.*?)(?=^#{{1,{level}}} |\Z)"
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    return found[1]


def anchors(text: str) -> frozenset[str]:
    """The names by which links reach the headings of a page, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.strip().replace(" ", "-") for heading in plain)
