"""The owner's page on a phone: who watches now, and the button that ends it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.e2e.conftest import DEMO
from tests.e2e.owner import owner_page, reflows, watching
from tests.e2e.test_demo_screens import DIAGONAL, needs_axe
from tests.e2e.town import Town, until

pytestmark = DEMO
SITE = "gudang-kpu"


@pytest.fixture(autouse=True)
def shared_again(town: Town) -> Iterator[None]:
    """Whatever a test has stopped, the next one finds open."""
    yield
    town.owners[SITE].post("/api/resume", json={}).raise_for_status()
    until("all is open", lambda: {town.state(n) for n in ("101", "103", "104")} == {"open"})


def test_the_lamp_follows_the_view(town: Town, browser: Browser) -> None:
    with owner_page(browser, town, SITE) as screen:
        lamp = screen.page.locator(".lamp")
        expect(lamp).to_contain_text("Tidak dilihat")
        with watching(town, "101"):
            expect(lamp).to_contain_text("Sedang dilihat")
            row = screen.page.locator("[data-part=viewers] .item").first
            expect(row).to_contain_text("Petugas jaga 1, Polres")
            expect(row).to_contain_text("101")
            expect(row).to_contain_text("Pengamanan gudang logistik pemilu")
        expect(lamp).to_contain_text("Tidak dilihat")
        expect(screen.page.locator("[data-part=log]")).to_contain_text(
            "Petugas jaga 1 menutup 101 Gerbang utama"
        )


@pytest.mark.parametrize("script", [True, False], ids=["with script", "without"])
def test_one_press_and_one_confirmation_stop_the_whole_site(
    town: Town, browser: Browser, script: bool
) -> None:
    with watching(town, "101"), owner_page(browser, town, SITE, script=script) as screen:
        page = screen.page
        expect(page.locator(".lamp")).to_contain_text("Sedang dilihat")
        page.get_by_role("link", name="Hentikan berbagi").click()
        expect(page.get_by_role("heading", name="Hentikan semua berbagi")).to_be_visible()
        if script:
            page.wait_for_load_state()  # its script takes the key
            expect(page.get_by_role("button", name="Ya, hentikan sekarang")).to_be_focused()
            page.keyboard.press("Escape")
            expect(page.locator(".lamp")).to_contain_text("Sedang dilihat")
            page.get_by_role("link", name="Hentikan berbagi").click()
        page.get_by_role("button", name="Ya, hentikan sekarang").click()
        expect(page.locator(".lamp h2")).to_have_text(re.compile(r"Dihentikan dalam \d+,\d detik"))
        expect(page.locator("main")).to_contain_text("1 orang, 1 tayangan")
        until("the center knows", lambda: town.state("104") == "stopped")
        assert town.state("141") == "open", "the other site is not concerned"
        page.get_by_role("button", name="Buka berbagi lagi").click()
        expect(page.locator(".lamp")).to_contain_text("Tidak dilihat")
        until("the center knows", lambda: town.state("104") == "open")


def test_one_camera_can_be_stopped_alone(town: Town, browser: Browser) -> None:
    with owner_page(browser, town, SITE, script=False) as screen:
        page = screen.page
        page.get_by_role("link", name="Hentikan 103").click()
        expect(page.get_by_role("heading")).to_contain_text(["Gudang", "kamera 103"])
        page.get_by_role("button", name="Ya, hentikan sekarang").click()
        until("the center knows", lambda: town.state("103") == "stopped")
        assert town.state("102") == "open"
        page.get_by_role("button", name="Buka lagi 103").click()
        until("the center knows", lambda: town.state("103") == "open")


def test_inside_and_waiting_cameras_are_said_to_their_owner(town: Town, browser: Browser) -> None:
    with owner_page(browser, town, "kantor-kpu") as screen:
        cameras = screen.page.locator("[data-part=cameras]")
        expect(cameras).to_contain_text("Di dalam gedung, tidak pernah dibagikan")
        if "111" not in town.opened:
            expect(cameras).to_contain_text("Menunggu tanda tangan: Bawaslu, Kesbangpol")


@needs_axe
@pytest.mark.parametrize(("language", "theme"), DIAGONAL)
def test_everybody_can_use_every_page(
    town: Town, browser: Browser, language: str, theme: str
) -> None:
    # So high that nothing lies under the bar with the button: axe cannot judge what is covered.
    narrow: ViewportSize = {"width": 320, "height": 2400}
    with owner_page(browser, town, SITE, language=language, theme=theme, size=narrow) as screen:
        page = screen.page
        home = page.url.split("?")[0]
        with watching(town, "101"):
            expect(page.locator(".lamp.on")).to_be_visible()
            assert screen.violations() == []
            assert reflows(page)
        for path in ("stop", "stop?camera=" + town.camera("101").id, "log", ""):
            page.goto(home + path)
            assert screen.violations() == [], path
            assert reflows(page), path
        town.stop(town.camera("101"))
        page.goto(home)
        assert screen.violations() == []
        town.resume(town.camera("101"))
        page.get_by_role("button", name={"id": "Keluar", "en": "Sign out"}[language]).click()
        expect(
            page.get_by_label({"id": "Kode pemilik", "en": "Owner's code"}[language])
        ).to_be_visible()
        assert [t for t in screen.violations() if t] == []
        screen.troubles[:] = [t for t in screen.troubles if "401" not in t]
