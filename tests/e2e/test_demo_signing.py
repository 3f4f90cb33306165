"""The desks of the demo's five institutions, each served by its own process."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import DEMO, PATIENCE_MS
from tests.e2e.screen import Screen, new_screen
from tests.e2e.town import Town

pytestmark = DEMO


def sign_in(town: Town, page: Page, party: str, language: str = "id") -> str:
    """At the desk of `party`; its address."""
    (desk,) = (each["desk"] for each in town.told["parties"] if each["party"] == party)
    page.goto(f"{desk['url']}/?lang={language}")
    page.locator("[name=account]").fill(desk["account"])
    page.locator("[name=password]").fill(desk["password"])
    page.locator("form[action='/login'] button").click()
    expect(page.locator(".box.ours")).to_be_visible()
    return str(desk["url"])


@pytest.fixture
def screen(browser: Browser) -> Iterator[Screen]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    screen = new_screen(context)
    yield screen
    context.close()
    assert screen.troubles == []
    assert screen.hosts == {"localhost"}


def test_what_waits_for_an_institution_lies_on_its_desk(town: Town, screen: Screen) -> None:
    """2026-04 lacks Bawaslu and Kesbangpol; 2026-03 is in force at the sites."""
    page = screen.page
    url = sign_in(town, page, "bawaslu")
    waiting = page.locator(".box.ours .item").filter(has_text="2026-04")
    expect(waiting).to_contain_text("Bawaslu")
    waiting.get_by_role("link").click()
    expect(page.locator(".sig.signed")).to_have_count(3)
    expect(page.get_by_role("button", name="Tanda tangani sebagai")).to_be_enabled()
    page.goto(url)
    force = page.locator(".box.force .item").filter(has_text="2026-03")
    force.get_by_role("link").click()
    expect(page.locator(".side")).to_contain_text("gudang-kpu sudah memegang perjanjian ini")


def test_one_institution_s_account_opens_no_other_desk(town: Town) -> None:
    desks = {each["party"]: each["desk"] for each in town.told["parties"]}
    own, other = desks["kpu"], desks["polres"]
    said = {"account": own["account"], "password": own["password"]}
    with httpx.Client(trust_env=False) as client:
        for desk, status in ((other, 401), (own, 303)):
            origin = {"origin": desk["url"]}
            answer = client.post(f"{desk['url']}/login", data=said, headers=origin)
            assert answer.status_code == status
        # The cookie goes to every port of the machine, and means nothing there.
        assert "2026-0" not in client.get(other["url"]).text
        assert "2026-0" in client.get(own["url"]).text
