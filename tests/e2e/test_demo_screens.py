"""The demo as people use it: keyboard, both languages and themes, accessibility."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DEMO, OpenWall
from tests.e2e.screen import AGREED, AXE, Screen
from tests.e2e.town import Camera, Town

pytestmark = DEMO

LIVE = {"id": "LANGSUNG", "en": "LIVE"}
STOPPED = {"id": "Dihentikan oleh pemilik", "en": "Stopped by the owner"}
SIGN_OUT = {"id": "Keluar", "en": "Sign out"}
LOOKS = [(language, theme) for language in ("id", "en") for theme in ("dark", "light")]
DIAGONAL = [("id", "dark"), ("en", "light")]
"""Both languages and both themes; every pair of them is looked at with a center of the test's own
(test_wall.py)."""
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: npm ci in ui/")


@pytest.fixture
def stopped(town: Town) -> Iterator[Camera]:
    camera = town.camera("148")
    town.stop(camera)
    yield camera
    town.resume(camera)


def sign_out(screen: Screen, language: str = "id") -> None:
    screen.page.get_by_role("button", name=SIGN_OUT[language]).click()
    expect(screen.page.locator("#account")).to_be_focused()


def see_all(screen: Screen, town: Town, stopped: Camera, language: str) -> None:
    """Every tile as it should be for a picture of the whole."""
    open_now = [camera for camera in town.shared if camera != stopped]
    for camera in open_now:
        expect(screen.tile(camera.number)).to_contain_text(LIVE[language])
    screen.see_moving({camera.number for camera in open_now})
    expect(screen.tile(stopped.number)).to_contain_text(STOPPED[language])


@needs_axe
@pytest.mark.parametrize(("language", "theme"), DIAGONAL)
def test_everybody_can_use_the_wall_and_the_login(
    town: Town, open_wall: OpenWall, stopped: Camera, language: str, theme: str
) -> None:
    screen = open_wall(town, language, theme)
    see_all(screen, town, stopped, language)
    assert screen.violations() == []
    sign_out(screen, language)
    assert screen.page.locator("html").get_attribute("lang") == language
    assert screen.page.locator("html").get_attribute("data-theme") == theme
    assert screen.violations() == []


def test_a_camera_by_its_number_enlarged_and_back(town: Town, wall: Screen) -> None:
    camera = town.camera("147")
    wall.see_moving({camera.number})
    wall.page.keyboard.type(camera.number)
    expect(wall.page.locator(".entry")).to_contain_text(f"Kamera {camera.number}")
    wall.page.keyboard.press("Enter")
    expect(wall.tile(camera.number).get_by_role("button")).to_be_focused()
    wall.page.keyboard.press("Enter")
    hero = wall.page.locator("article.hero")
    expect(hero).to_contain_text("Aliran utama 1280×720 · 20 gbr/dtk")
    main = wall.see_moving({camera.number})[camera.number]
    assert main.tag == camera.tag
    expect(hero.locator("canvas")).to_have_count(1)
    expect(hero.locator("video")).to_have_count(0)
    assert {viewer["stream"] for viewer in town.viewers(camera)} >= {"main"}
    wall.page.keyboard.press("Escape")
    expect(hero).to_have_count(0)
    expect(wall.tile(camera.number).get_by_role("button")).to_be_focused()
    wall.see_moving({each.number for each in town.shared})


def test_a_link_signs_in_once_and_a_password_always(town: Town, open_wall: OpenWall) -> None:
    screen = open_wall(town)
    page = screen.page
    screen.see_moving(AGREED)
    before = {viewer["session"] for viewer in town.viewers(town.camera("101"))}
    sign_out(screen)
    after = {viewer["session"] for viewer in town.viewers(town.camera("101"))}
    assert len(after) < len(before), "who has gone sees nothing any more"
    login = town.login("commander")
    page.get_by_label("Akun").fill(login["account"])
    page.get_by_label("Kata sandi").fill(login["password"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dinding")).to_be_visible()
    expect(page.locator("header.top")).to_contain_text("Perwira kendali")
    screen.see_moving(AGREED)
    assert town.codes["investigator"], "the demo prints a link for every role"
    sign_out(screen)
    page.goto(f"{town.url}/signin?code={town.codes['investigator']}")
    expect(page.locator("header.top")).to_contain_text("Penyidik")
    screen.see_moving(AGREED)
    sign_out(screen)
    page.goto(f"{town.url}/signin?code={town.codes['investigator']}")
    expect(page.get_by_label("Akun")).to_be_visible()
