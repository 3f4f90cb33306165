"""Every link between the pages leads somewhere, and every page can be reached from the README."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.pages import ROOT, anchors, page, pages, walk

# Made by `dev.py screenshots`.
PICTURES = frozenset({"docs/images/wall.png", "docs/images/owner.png"})


def links(path: Path) -> Iterator[tuple[str, str]]:
    """(target, anchor) of each relative link."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            name, _, anchor = target.partition("#")
            yield name, anchor


def test_every_relative_link_leads_somewhere() -> None:
    for path in pages():
        for name, anchor in links(path):
            target = (path.parent / name).resolve() if name else path
            inside = target.relative_to(ROOT).as_posix()
            assert target.exists() or inside in PICTURES, f"{path.relative_to(ROOT)}: {name}"
            if anchor:
                assert anchor in anchors(target.read_text("utf-8")), f"{path.name}: #{anchor}"


def test_every_page_that_the_code_names_exists() -> None:
    for path in walk():
        if path.suffix in (".py", ".ts", ".svelte", ".toml"):
            for name in re.findall(r"\bdocs/[\w/.-]+\.md\b", path.read_text("utf-8")):
                assert (ROOT / name).exists(), f"{path.relative_to(ROOT)}: {name}"


def test_the_readme_shows_the_pictures() -> None:
    for picture in PICTURES:
        assert f"]({picture})" in page("README.md")


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen = {ROOT / "README.md"}
    waiting = list(seen)
    while waiting:
        path = waiting.pop()
        for name, _ in links(path):
            target = (path.parent / name).resolve()
            if target.suffix == ".md" and target not in seen:
                seen.add(target)
                waiting.append(target)
    assert set(pages()) - seen == set()
