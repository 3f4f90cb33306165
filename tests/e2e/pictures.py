"""The pictures in the guides: which there are, and how one is kept."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from serambi.web.words import LANGUAGES

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images" / "guide"
LIMIT_BYTES = 150_000
SHOWN = ("wall", "alerts", "incident", "part", "owner-on", "owner-stop", "desk", "paper")
NAMES = frozenset(f"{name}-{language}.webp" for name in SHOWN for language in LANGUAGES)
"""Each in the language of the guide that shows it."""


def keep(page: Page, name: str, language: str, wide_px: int) -> None:
    """What is on the screen now, no wider than that, as a picture that a repository can bear."""
    file = f"{name}-{language}.webp"
    assert file in NAMES, file
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.evaluate("document.fonts.ready.then(() => true)")
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.thumbnail((wide_px, 8 * wide_px))
    picture.save(FOLDER / file, "WEBP", quality=70, method=6)
    assert (FOLDER / file).stat().st_size <= LIMIT_BYTES, file
