"""The owner's page as a phone shows it."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.e2e.screen import Screen, new_screen
from tests.e2e.town import Town

PHONE: ViewportSize = {"width": 390, "height": 844}
PURPOSE = "routine_watch"
PATIENCE_MS = 20_000


@contextmanager
def owner_page(
    browser: Browser,
    town: Town,
    site: str,
    *,
    script: bool = True,
    language: str = "id",
    theme: str = "light",
    size: ViewportSize = PHONE,
) -> Iterator[Screen]:
    """Signed in at the box of `site`; afterwards the page must have had no trouble and talked
    to nobody but this machine."""
    context = browser.new_context(viewport=size, java_script_enabled=script, device_scale_factor=2)
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    gateway = next(gateway for gateway in town.told["gateways"] if gateway["site"] == site)
    screen = new_screen(context)
    screen.page.goto(f"{gateway['url']}/signin?code={gateway['tokens']['owner']}")
    screen.page.goto(f"{gateway['url']}/?lang={language}&theme={theme}")
    try:
        yield screen
        assert screen.troubles == []
        assert screen.hosts <= {"localhost"}
    finally:
        context.close()


@contextmanager
def watching(town: Town, number: str) -> Iterator[str]:
    """A view of one camera, opened through the center's API and given back afterwards."""
    wish = {"camera": town.camera(number).id, "action": "live", "purpose": PURPOSE}
    answer = town.operator.post("/api/sessions", json=wish).raise_for_status().json()
    yield str(answer["id"])
    town.operator.delete(f"/api/sessions/{answer['id']}")


def reflows(page: Page) -> bool:
    """Nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
