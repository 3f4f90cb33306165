"""Not a test: every screen in both languages and themes, for people to look at.

`python3 dev.py screenshots` runs it: all pictures go to build/screenshots, the README's two to
docs/images.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import DEMO, OpenWall
from tests.e2e.owner import owner_page, watching
from tests.e2e.test_demo_screens import LOOKS, see_all, sign_out
from tests.e2e.town import Camera, Town

pytestmark = DEMO
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "screenshots"
README = ROOT / "docs" / "images"


@pytest.fixture(scope="module")
def stopped(town: Town) -> Iterator[Camera]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    README.mkdir(parents=True, exist_ok=True)
    camera = town.camera("148")
    town.stop(camera)
    yield camera
    town.resume(camera)


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_wall(town: Town, open_wall: OpenWall, stopped: Camera, language: str, theme: str) -> None:
    screen = open_wall(town, language, theme, {"width": 1920, "height": 1080})
    see_all(screen, town, stopped, language)
    name = f"{language}-{theme}"
    screen.page.screenshot(path=FOLDER / f"wall-{name}.png")
    screen.page.keyboard.type("101")
    screen.page.keyboard.press("Enter")
    screen.page.keyboard.press("Enter")
    expect(screen.page.locator("article.hero")).to_contain_text("1280×720")
    screen.see_moving({"101"})
    screen.page.screenshot(path=FOLDER / f"enlarged-{name}.png")
    sign_out(screen, language)
    screen.page.screenshot(path=FOLDER / f"login-{name}.png")
    # A view that was closing when the person signed out; pictures are wanted here, not verdicts.
    screen.troubles.clear()
    if name == "en-dark":
        shutil.copy(FOLDER / f"wall-{name}.png", README / "wall.png")


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_owner(town: Town, browser: Browser, stopped: Camera, language: str, theme: str) -> None:
    name = f"{language}-{theme}"

    def keep(screen: str) -> None:
        page.evaluate("document.fonts.ready.then(() => true)")
        page.screenshot(path=FOLDER / f"owner-{screen}-{name}.png")

    with owner_page(browser, town, "gudang-kpu", language=language, theme=theme) as screen:
        page = screen.page
        home = page.url.split("?")[0]
        keep("none")
        with watching(town, "101"), watching(town, "104"):
            expect(page.locator(".lamp.on")).to_be_visible()
            expect(page.locator("[data-part=viewers] .num")).to_have_count(2)
            keep("on")
            page.goto(home + "stop")
            keep("confirm")
            page.locator("button").click()
            expect(page.locator(".lamp.stopped")).to_be_visible()
            keep("stopped")
        page.goto(home + "log")
        keep("log")
        page.goto(home)
        page.locator(".stopbar button").click()
        expect(page.locator(".lamp.none")).to_be_visible()
    if name == "en-light":
        shutil.copy(FOLDER / f"owner-on-{name}.png", README / "owner.png")
