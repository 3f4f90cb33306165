"""The transparency page in a real browser that has no JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.owner import reflows
from tests.e2e.screen import Screen, new_screen
from tests.fakes.public_town import public_town_in_a_thread
from tests.fakes.running import Running

pytestmark = [pytest.mark.browser]

SECTIONS = (
    "cam",
    "sunset",
    "use",
    "no",
    "stops",
    "revocations",
    "outages",
    "exports",
    "deleted",
    "log",
)


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with public_town_in_a_thread(tmp_path_factory.mktemp("public") / "town") as center:
        yield center


def opened(
    browser: Browser, center: Running, path: str, width: int = 1280, *, script: bool = False
) -> Screen:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=script
    )
    screen = new_screen(context)
    answer = screen.page.goto(center.base + path)
    assert answer is not None
    assert answer.status == 200
    return screen


@pytest.mark.parametrize(
    ("language", "theme", "width"),
    [("id", "light", 390), ("id", "dark", 1280), ("en", "light", 1280), ("en", "dark", 390)],
)
def test_nothing_in_the_way_of_anybody(
    browser: Browser, center: Running, language: str, theme: str, width: int
) -> None:
    path = f"/transparency?lang={language}&theme={theme}"
    screen = opened(browser, center, path, width, script=True)  # axe is one
    assert screen.violations() == []
    href = screen.page.locator("#sunset td a").first.get_attribute("href")
    screen.page.goto(f"{center.base}{href}")
    assert screen.violations() == []
    assert screen.troubles == []
    assert screen.hosts == {"127.0.0.1"}
    assert screen.page.context.cookies() == []
    screen.page.context.close()


def test_every_section_and_figure_without_a_script(browser: Browser, center: Running) -> None:
    screen = opened(browser, center, "/transparency?lang=en")
    page = screen.page
    for section in SECTIONS:
        assert page.locator(f"#{section} h2").inner_text()
    assert page.locator(".kf li").all_inner_texts()[1].startswith("4.7")
    assert page.locator("#use tfoot").inner_text().split() == ["Total", "4.7", "4"]
    page.get_by_role("link", name="Indonesia").click()
    assert page.locator("#use tfoot").inner_text().split() == ["Jumlah", "4,7", "4"]
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.context.close()


@pytest.mark.parametrize("language", ["id", "en"])
def test_it_reflows_at_320_pixels(browser: Browser, center: Running, language: str) -> None:
    page = opened(browser, center, f"/transparency?lang={language}", 320).page
    assert reflows(page)
    page.context.close()


def test_paper_has_every_table_and_no_buttons(
    browser: Browser, center: Running, tmp_path: Path
) -> None:
    page = opened(browser, center, "/transparency").page
    page.emulate_media(media="print")
    assert page.locator(".seg").is_hidden()
    assert page.locator("#cam table").is_visible()
    assert reflows(page)
    printed = page.pdf(prefer_css_page_size=True)
    assert printed.count(b"/Type /Page\n") in range(2, 6)
    page.context.close()
