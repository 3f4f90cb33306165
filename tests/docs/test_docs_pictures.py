"""The guides show the screens they speak of, each in its own language, as the tests made them."""

import re

from tests.docs.pages import ROOT, page, pages
from tests.e2e.pictures import FOLDER, LIMIT_BYTES, NAMES

INDONESIAN = {"jaga.md", "pemilik.md", "menandatangani.md", "periksa-kami.md"}
MADE_BY = "tests/e2e/screenshots.py"


def shown() -> dict[str, set[str]]:
    """The pictures that each guide shows."""
    guides = [path for path in pages() if path.parent == ROOT / "docs" / "guide"]
    return {
        path.name: set(re.findall(r"\]\(\.\./images/guide/([^)]+)\)", path.read_text("utf-8")))
        for path in guides
    }


def test_every_picture_of_a_guide_is_made_and_small_and_shown() -> None:
    kept = {path.name for path in FOLDER.iterdir()}
    assert kept == NAMES
    assert set().union(*shown().values()) == NAMES
    for name in NAMES:
        assert (FOLDER / name).stat().st_size <= LIMIT_BYTES, name
        what = name.rpartition("-")[0]
        assert re.search(rf'keep\([\w.]+, "{what}", language', page(MADE_BY)), name


def test_a_picture_speaks_the_language_of_its_guide() -> None:
    for guide, names in shown().items():
        language = "id" if guide in INDONESIAN else "en"
        assert all(name.endswith(f"-{language}.webp") for name in names), guide
