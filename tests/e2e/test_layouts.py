"""Saved layouts and numbered monitors: saved at one screen, shown on the others, by keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect

from serambi.center.accounts import Role
from tests.e2e.conftest import Open
from tests.e2e.desk import DeskTown
from tests.e2e.screen import AXE

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("desk")]

NUMBERS = "Nomor kamera, menurut urutannya"


def none_saved(desk: DeskTown) -> None:
    for layout in desk.get("/api/walls")["layouts"]:
        desk.clients[Role.OPERATOR].delete(f"/api/layouts/{layout['id']}").raise_for_status()


def save(page: Page, name: str, cameras: str, tiles: str) -> None:
    """By the keyboard, from the wall."""
    page.keyboard.press("l")
    dialog = page.get_by_role("dialog", name="Tata letak")
    dialog.get_by_label("Nama", exact=True).fill(name)
    dialog.get_by_label(NUMBERS).fill(cameras)
    dialog.get_by_label("Jumlah petak").select_option(tiles)
    page.keyboard.press("Enter")


def test_a_layout_is_saved_and_a_monitor_shows_it(desk: DeskTown, opened: Open) -> None:
    none_saved(desk)
    page = opened("/").page
    tiles = page.get_by_role("list", name="Dinding kamera").get_by_role("article")
    expect(tiles).not_to_have_count(0)
    save(page, "Gerbang", "1 77", "4")
    expect(page.get_by_role("alert")).to_contain_text("77")
    page.get_by_label(NUMBERS).fill("2 1")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?layout="))
    expect(page.locator("header.top")).to_contain_text("Gerbang")
    expect(tiles).to_have_count(2)
    expect(tiles.first).to_contain_text("2")
    page.reload()
    expect(tiles).to_have_count(2)

    (layout,) = desk.get("/api/walls")["layouts"]
    other = opened("/monitor/2", Role.COMMANDER).page
    expect(other.get_by_role("heading", name="Tidak ada yang tampil di monitor 2")).to_be_visible()
    expect(other.get_by_role("navigation")).to_have_count(0)
    page.keyboard.press("l")
    page.get_by_role("combobox", name="Monitor 1").select_option(layout["id"])
    page.get_by_role("combobox", name="Monitor 2").select_option(layout["id"])
    expect(other.locator("header.top")).to_contain_text("Gerbang")
    expect(other.get_by_role("article")).to_have_count(2)

    page.get_by_role("button", name="Hapus tata letak Gerbang").click()
    expect(page.get_by_text("Belum ada yang tersimpan")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Tata letak ini sudah tidak ada")).to_be_visible()
    expect(other.get_by_role("heading", name="Tidak ada yang tampil di monitor 2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/$"))
    expect(tiles).not_to_have_count(2)


def test_pages_turn_by_themselves_and_never_under_somebodys_hands(
    desk: DeskTown, opened: Open
) -> None:
    none_saved(desk)
    cameras = [camera["id"] for camera in desk.get("/api/cameras")][:2]
    wish = {"name": "Ronda", "tiles": 1, "cameras": cameras, "turn_s": 10}
    layout = desk.post("/api/layouts", wish)
    page = opened("/alerts").page
    page.clock.install()
    page.goto(f"{desk.url}/?layout={layout['id']}")
    shown = page.locator(".pages")
    expect(shown).to_contain_text("Halaman 1 dari 2")
    page.clock.run_for(10_500)
    expect(shown).to_contain_text("Halaman 2 dari 2")
    page.clock.run_for(10_500)
    expect(shown).to_contain_text("Halaman 1 dari 2")
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Lanjutkan")).to_be_visible()
    page.clock.run_for(30_000)
    expect(shown).to_contain_text("Halaman 1 dari 2")
    page.keyboard.press("p")
    # An arrow takes the wall into somebody's hands.
    page.keyboard.press("ArrowRight")
    expect(shown).to_contain_text("Halaman 2 dari 2")
    expect(page.get_by_role("button", name="Lanjutkan")).to_be_visible()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci in ui/")
@pytest.mark.parametrize(("language", "theme"), [("id", "light"), ("en", "dark")])
def test_everybody_can_use_it(desk: DeskTown, opened: Open, language: str, theme: str) -> None:
    none_saved(desk)
    cameras = [camera["id"] for camera in desk.get("/api/cameras")][:3]
    wish = {"name": "Gerbang", "tiles": 1, "cameras": cameras, "turn_s": 60}
    layout = desk.post("/api/layouts", wish)
    desk.post("/api/monitors/1", {"layout": layout["id"]})
    screen = opened(f"/?layout={layout['id']}", language=language, theme=theme)
    expect(screen.page.locator(".named")).to_be_visible()
    screen.page.keyboard.press("l")
    expect(screen.page.get_by_role("dialog")).to_be_visible()
    assert screen.violations() == []
    screen.page.set_viewport_size({"width": 1366, "height": 768})
    assert screen.violations() == []
    screen.page.keyboard.press("Escape")
    expect(screen.page.get_by_role("dialog")).to_have_count(0)
    assert screen.violations() == []
    empty = opened("/monitor/9", language=language, theme=theme)
    expect(empty.page.locator(".empty h2")).to_contain_text("9")
    assert empty.violations() == []
