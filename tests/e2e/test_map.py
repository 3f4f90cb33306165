"""The map in a real browser against a real center: the list is the map, and N leads to pictures."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Position, ViewportSize, expect

from serambi.center.accounts import Role
from tests.e2e.conftest import Open
from tests.e2e.desk import DeskTown
from tests.e2e.screen import AXE
from tests.fakes.tiles import LAND

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("desk")]

SMALL: ViewportSize = {"width": 1366, "height": 768}
PARCEL = {
    "type": "suspicious_parcel",
    "site": "terminal",
    "camera": "terminal-2",
    "title": "Kardus di gerbang",
}
CLOSING = {"kind": "closed", "outcome": "false_alarm", "text": "x"}


@pytest.fixture
def calm(desk: DeskTown) -> None:
    """No incident is open, so that the list is known to the row."""
    for incident in desk.get("/api/incidents"):
        found = desk.get(f"/api/incidents/{incident['id']}")
        steps = [
            {"kind": "item_set", "item": item["id"], "state": "skipped"}
            for item in found["checklist"]
            if item["state"] == "open"
        ]
        for said in [*steps, CLOSING]:
            path = f"/api/incidents/{incident['id']}/steps"
            desk.post(path, {"said": said}, Role.COMMANDER)
    assert desk.get("/api/incidents") == []


def rows(page: Page) -> Locator:
    return page.locator(".side li")


def chart(page: Page) -> Locator:
    return page.locator(".chart")


def open_map(opened: Open, path: str = "/map", **how: Any) -> Page:
    page: Page = opened(path, **how).page
    expect(chart(page).locator("canvas").first).to_be_visible()
    return page


def near(page: Page) -> list[str]:
    """Numbers of the cameras on the wall, which shows no more than these."""
    expect(page.locator(".wall article")).to_have_count(4)
    return page.locator(".wall article .num").all_inner_texts()


def colors(page: Page) -> set[tuple[int, int, int]]:
    """Which are on the map: red, green, blue."""
    found = page.evaluate(
        """() => {
          const found = new Set();
          for (const canvas of document.querySelectorAll('.chart canvas')) {
            const { width, height } = canvas;
            const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
            for (const pixel of new Uint32Array(data.buffer)) found.add(pixel & 0xffffff);
          }
          return [...found];
        }"""
    )
    return {(pixel & 255, pixel >> 8 & 255, pixel >> 16) for pixel in found}


def see_drawn(page: Page) -> None:
    """Return when signs are drawn, on tiles of the center's own archive."""
    for _ in range(200):
        found = colors(page)
        if LAND in found and len(found) > 10:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"the map is all but empty: {len(found)} colors")


@pytest.mark.usefixtures("calm")
def test_the_list_is_the_map_and_the_keys_move_through_both(desk: DeskTown, opened: Open) -> None:
    desk.post("/api/incidents", PARCEL)
    page = opened("/").page
    expect(page.get_by_role("article").first).to_be_visible()  # whoever asks is known: keys count
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page).to_have_url(f"{desk.url}/map")
    # One incident, two sites, four cameras; nobody has attested where one of them stands.
    expect(rows(page)).to_have_count(7)
    expect(page.get_by_role("status").filter(has_text="7 di daftar")).to_be_visible()
    expect(chart(page)).to_have_attribute("data-shown", "6")
    expect(page.get_by_text("1 tanpa tempat di peta")).to_be_visible()
    expect(rows(page).filter(has_text="tanpa tempat")).to_have_count(1)
    see_drawn(page)
    page.keyboard.press("ArrowDown")
    expect(rows(page).nth(0)).to_have_attribute("aria-current", "true")
    expect(page.locator(".chosen h3")).to_contain_text("Kardus di gerbang")
    page.keyboard.press("Enter")
    expect(page.locator(".head")).to_contain_text("Kardus di gerbang")
    page.go_back()
    page.keyboard.press("/")
    page.keyboard.type("terminal-2")
    page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(7)
    page.keyboard.press("/")
    page.keyboard.type("kardus")
    expect(rows(page)).to_have_count(1)
    expect(chart(page)).to_have_attribute("data-shown", "1")
    page.keyboard.type(" tidak ada")
    expect(page.get_by_role("status").filter(has_text="Tidak ada yang cocok")).to_be_visible()


@pytest.mark.usefixtures("calm")
def test_a_mark_is_picked_on_the_map_and_a_camera_opens_enlarged(
    desk: DeskTown, opened: Open
) -> None:
    page = open_map(opened)
    # Alone, it comes into the middle.
    page.get_by_role("searchbox").fill("2 terminal")
    expect(chart(page)).to_have_attribute("data-shown", "1")
    page.get_by_role("button", name="Tampilkan semua").click()
    box = chart(page).bounding_box()
    assert box is not None
    middle: Position = {"x": box["width"] / 2, "y": box["height"] / 2}
    for _ in range(40):
        chart(page).click(position=middle)
        if rows(page).first.get_attribute("aria-current") == "true":
            break
        page.wait_for_timeout(50)
    expect(rows(page).first).to_have_attribute("aria-current", "true")
    expect(page.locator(".chosen")).to_contain_text("PKS-1")
    chart(page).dblclick(position=middle)
    expect(page.locator("article.hero")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".wall article")).to_have_count(4)


@pytest.mark.usefixtures("calm")
def test_n_leads_to_the_nearest_four_from_everywhere(desk: DeskTown, opened: Open) -> None:
    incident = desk.post("/api/incidents", PARCEL)
    screen = opened(f"/map?of=incident:{incident['id']}")
    page = screen.page
    expect(page.locator(".chosen h3")).to_contain_text("Kardus")
    page.keyboard.press("n")
    # The camera where it began, then by distance; the one without a place comes last.
    assert near(page) == ["2", "1", "1", "2"]
    expect(page.locator("header.top")).to_contain_text("Kamera terdekat: ")
    expect(page.locator("header.top")).to_contain_text("Kardus di gerbang")
    page.reload()
    assert near(page) == ["2", "1", "1", "2"]
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{desk.url}/")
    page.goto(f"{desk.url}/incidents/{incident['id']}")
    page.get_by_role("link", name="Empat terdekat").click()
    assert near(page) == ["2", "1", "1", "2"]
    desk.alert("Kotak", what="left_object", camera="market-1", site="market")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.locator(".chosen")).to_contain_text("Benda ditinggal")
    page.keyboard.press("n")
    expect(page.locator("header.top")).to_contain_text("Kamera terdekat: Benda ditinggal")
    tiles = page.locator(".wall article")
    expect(tiles).to_have_count(4)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("n")
    expect(page.locator("header.top")).not_to_contain_text("Benda ditinggal")
    page.go_back()
    expect(page.locator("header.top")).to_contain_text("Benda ditinggal")
    # A view that was being opened when the page was loaded anew.
    screen.troubles[:] = [one for one in screen.troubles if not one.endswith("/api/sessions")]


@pytest.mark.usefixtures("calm")
def test_without_a_drawing_or_a_map_the_list_remains(desk: DeskTown, opened: Open) -> None:
    screen = opened("/", Role.COORDINATOR)
    page = screen.page
    page.route("**/api/map/drawing", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(f"{desk.url}/map")
    expect(page.get_by_role("status").filter(has_text="tidak dapat dipakai")).to_be_visible()
    expect(chart(page)).to_have_attribute("data-shown", "5")
    bare = {"drawing": False, "archive": False, "tiles": "", "credit": "", "trouble": ""}
    page.route("**/api/map", lambda route: route.fulfill(json=bare))
    page.reload()
    expect(page.get_by_role("status").filter(has_text="belum punya gambar")).to_be_visible()
    page.route("**/assets/chart-*", lambda route: route.abort())
    page.reload()
    expect(page.get_by_role("status").filter(has_text="tidak dapat dimuat")).to_be_visible()
    expect(rows(page)).to_have_count(6)
    screen.troubles.clear()  # what was cut on purpose


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci in ui/")
@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize(("language", "theme"), [("id", "dark"), ("en", "light")])
def test_everybody_can_use_it(desk: DeskTown, opened: Open, language: str, theme: str) -> None:
    desk.post("/api/incidents", PARCEL)
    screen = opened("/map", Role.COMMANDER, language, theme, room=SMALL)
    page = screen.page
    expect(chart(page)).to_have_attribute("data-shown", "6")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".chosen")).to_be_visible()
    assert screen.violations() == []
    page.keyboard.press("/")
    page.keyboard.type("?")
    assert screen.violations() == []
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    assert len(near(page)) == 4
    assert screen.violations() == []
