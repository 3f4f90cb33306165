"""The desk's screens, all without a script of their own: nothing in the way of anybody, in both
languages and themes, on a phone and on a table."""

from pathlib import Path

import pytest
from playwright.async_api import Page, ViewportSize, async_playwright

from tests.e2e.conftest import ARGUMENTS, CHROMIUM, PATIENCE_MS
from tests.e2e.screen import AXE
from tests.fakes.signing_town import ACCOUNT, OneDesk, one_desk, passphrase_of, password_of

pytestmark = [pytest.mark.browser]

PHONE: ViewportSize = {"width": 390, "height": 844}
TABLE: ViewportSize = {"width": 1280, "height": 900}
LOOKS = [("id", "light", PHONE), ("en", "dark", TABLE)]
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


async def violations(page: Page) -> list[str]:
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", _WCAG)
    every = found["violations"] + found["incomplete"]
    return [f"{rule['id']} {node['target']}" for rule in every for node in rule["nodes"]]


async def look(page: Page, name: str) -> None:
    """Every fold open: axe is clean and nothing sticks out to the side."""
    await page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert await violations(page) == [], name
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def prepare(desk: OneDesk) -> None:
    """Something of everything on the pages: a refusal, a remark, a second version, an end."""
    passphrase = passphrase_of(desk.party).encode()
    desk.hand.say("remark", desk.shown("2026-04"), "Dari jam berapa?\nFrom when?", passphrase)
    desk.hand.revoke(desk.shown("2026-03"), passphrase)
    desk.hand.sign(desk.shown("2026-05"), passphrase)


@pytest.mark.parametrize(("language", "theme", "size"), LOOKS)
async def test_nothing_in_the_way_of_anybody(
    tmp_path: Path, language: str, theme: str, size: ViewportSize
) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: set SERAMBI_CHROMIUM")
    if not AXE.is_file():
        pytest.skip("axe is not installed: python3 dev.py test installs it")
    async with one_desk(tmp_path) as desk, async_playwright() as playwright:
        prepare(desk)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page(viewport=size)
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(f"{desk.url}/?lang={language}&theme={theme}")
        await look(page, "login")
        await page.locator("[name=account]").fill(ACCOUNT)
        await page.locator("[name=password]").fill(password_of(desk.party))
        await page.get_by_role("button").first.click()
        await page.locator(".list").wait_for()
        digests = desk.papers
        for path in (
            "/",
            f"/papers/{digests['2026-04']}",
            f"/papers/{digests['2026-03']}",
            f"/papers/{digests['2026-05']}/revoke",
            f"/draft?of={digests['2026-04']}",
            "/papers/nothing",
        ):
            await page.goto(f"{desk.url}{path}")
            await look(page, path)
        await browser.close()
