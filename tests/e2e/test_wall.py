"""The wall in a real browser against the fake center: what a person sees, state by state."""

import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from serambi.web.pages import BUILT
from tests.e2e.fake_center import FakeCenter, make_app

CHROMIUM = shutil.which("chromium")
AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
PATIENCE_MS = 20_000
DAY_MS = 86_400_000

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
    pytest.mark.skipif(not (BUILT / "index.html").is_file(), reason="the web app is not built"),
]


class Town:
    """The fake center, and where it listens."""

    def __init__(self, url: str, app: Any) -> None:
        self.url = url
        self._app = app

    @property
    def fake(self) -> FakeCenter:
        found = self._app.state.fake
        assert isinstance(found, FakeCenter)
        return found

    def bend(self, **wish: Any) -> None:
        self.fake.bend(wish)

    def renew(self) -> None:
        self._app.state.fake = FakeCenter(self.fake.pictures)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    app = make_app(tmp_path_factory.mktemp("loops"), "gate")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            threading.Event().wait(0.05)
        yield Town(f"http://127.0.0.1:{listener.getsockname()[1]}", app)
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def town(serving: Town) -> Town:
    serving.renew()
    return serving


@pytest.fixture
def page(town: Town, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1600, "height": 900},
        locale="id-ID",
        timezone_id="Asia/Jakarta",
        bypass_csp=True,
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = context.new_page()
    foreign: list[str] = []
    broken: list[str] = []
    page.on("request", lambda r: None if r.url.startswith(town.url) else foreign.append(r.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    context.close()
    assert [url for url in foreign if not url.startswith(("blob:", "data:"))] == []
    assert broken == []


def tile(page: Page, number: str) -> Locator:
    return page.locator("article").filter(has=page.locator(".num", has_text=number))


def open_wall(page: Page, town: Town) -> None:
    page.goto(town.url)
    expect(page.locator(".st.live")).to_have_count(9)


def violations(page: Page) -> str:
    """What axe objects to or cannot decide, as text."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    wcag = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", wcag)
    return json.dumps(
        [
            {rule["id"]: [node["target"] for node in rule["nodes"]]}
            for rule in found["violations"] + found["incomplete"]
        ]
    )


def test_every_shared_camera_is_live_and_a_waiting_site_names_none(page: Page, town: Town) -> None:
    open_wall(page, town)
    expect(tile(page, "101")).to_contain_text("LANGSUNG")
    expect(tile(page, "101")).to_contain_text("sisa 16 hari 6 j")
    expect(tile(page, "101")).to_contain_text("sub 640×360")
    waiting = tile(page, "–")
    expect(waiting).to_contain_text("MENUNGGU TANDA TANGAN")
    expect(waiting).to_contain_text("4 dari 5 tanda tangan")
    expect(page.locator("header.top")).to_contain_text("9 tayangan terbuka, pemilik melihatnya")


def test_a_frozen_source_turns_late_with_the_time_of_its_picture(page: Page, town: Town) -> None:
    open_wall(page, town)
    town.bend(freeze="square")
    expect(tile(page, "149")).to_contain_text("TERLAMBAT")
    expect(tile(page, "149")).to_contain_text("Gambar dari")
    expect(tile(page, "148")).to_contain_text("LANGSUNG")
    town.bend(freeze="square")
    expect(tile(page, "149")).to_contain_text("LANGSUNG")


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({"state": "stopped"}, "DIHENTIKAN", "Dihentikan oleh pemilik"),
        ({"state": "revoked"}, "DICABUT", "Perjanjian dicabut"),
        ({"state": "expired"}, "BERAKHIR", "Perjanjian sudah berakhir"),
        ({"state": "out_of_hours", "opens_ms": 4 * DAY_MS}, "DI LUAR JAM", "Buka lagi"),
        ({"state": "suspended"}, "DITANGGUHKAN", "pandangan kamera belum cocok"),
        ({"state": "unwitnessed"}, "DIJEDA", "terlalu sedikit pihak yang mengukuhkan"),
        ({"online": False, "trouble": "kabel lepas"}, "KAMERA TERPUTUS", "kabel lepas"),
        ({"online": False, "trouble": "site_offline"}, "LOKASI TERPUTUS", "Lokasi tidak"),
    ],
)
def test_a_cause_takes_the_picture_away(
    page: Page, town: Town, change: dict[str, Any], state: str, words: str
) -> None:
    open_wall(page, town)
    town.bend(camera="lane", set=change)
    closed = tile(page, "148")
    expect(closed.locator("video")).to_have_count(0)
    expect(closed).to_contain_text(state)
    expect(closed).to_contain_text(words)
    expect(closed).to_contain_text("Ruang kendali Dishub")
    expect(closed).to_contain_text("Gambar terakhir sudah dihapus")
    town.bend(camera="lane", set={"state": "open", "online": True, "trouble": ""})
    expect(closed).to_contain_text("LANGSUNG")


def test_a_view_that_is_ended_loses_its_picture_before_any_state_says_why(
    page: Page, town: Town
) -> None:
    open_wall(page, town)
    town.bend(refuse="yard", reason="stopped", end="yard")
    closed = tile(page, "102")
    expect(closed).to_contain_text("Dihentikan oleh pemilik")
    expect(closed.locator("video")).to_have_count(0)


def test_a_refusal_is_said_in_words(page: Page, town: Town) -> None:
    town.bend(refuse="dock", reason="limit")
    page.goto(town.url)
    expect(tile(page, "103")).to_contain_text("DITOLAK")
    expect(tile(page, "103")).to_contain_text("Terlalu banyak tayangan")


def test_a_dropped_socket_comes_back_with_the_same_session(page: Page, town: Town) -> None:
    open_wall(page, town)
    before = set(town.fake.sessions)
    town.bend(cut="gate")
    until = time.monotonic() + 10
    while town.fake.cut and time.monotonic() < until:
        page.wait_for_timeout(50)
    expect(tile(page, "101")).to_contain_text("LANGSUNG")
    assert set(town.fake.sessions) == before


def test_enter_enlarges_and_escape_restores_the_same_wall(page: Page, town: Town) -> None:
    open_wall(page, town)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    hero = page.locator("article.hero")
    expect(hero).to_contain_text("Aliran utama 1280×720 · 20 gbr/dtk")
    expect(hero).to_contain_text("LANGSUNG")
    expect(page.locator("main")).to_contain_text("Yang boleh di sini")
    expect(page.locator(".near article")).to_have_count(3)
    page.keyboard.press("Escape")
    expect(page.locator(".wall article")).to_have_count(10)
    expect(page.get_by_role("button", name="Halaman timur")).to_be_focused()
    streams = {session["stream"] for session in town.fake.sessions.values()}
    until = time.monotonic() + 10
    while "main" in streams and time.monotonic() < until:
        page.wait_for_timeout(50)
        streams = {session["stream"] for session in town.fake.sessions.values()}
    assert streams == {"sub"}


def enlarge(page: Page, town: Town) -> Locator:
    """The first tile, enlarged: its main stream is on the screen."""
    open_wall(page, town)
    page.keyboard.press("Enter")
    hero = page.locator("article.hero")
    expect(hero.locator(".tag")).to_have_text("Aliran utama 1280×720 · 20 gbr/dtk")
    return hero


def see_change(picture: Locator) -> None:
    """Return when a canvas shows another picture than now."""
    before = picture.evaluate("canvas => canvas.toDataURL()")
    until = time.monotonic() + 10
    while picture.evaluate("canvas => canvas.toDataURL()") == before:
        assert time.monotonic() < until, "the picture stands still"
        picture.page.wait_for_timeout(50)


def test_a_narrow_link_is_said_and_the_picture_changes_its_size(page: Page, town: Town) -> None:
    hero = enlarge(page, town)
    canvas = hero.locator("canvas")
    expect(canvas).to_have_js_property("width", 1280)
    town.bend(reduce="gate")
    tag = hero.get_by_role("status").filter(has_text="sambungan lokasi sedang lambat")
    expect(tag).to_contain_text("Aliran sub 640×360")
    expect(tag).to_have_attribute("title", re.compile("tidak cukup untuk aliran utama"))
    expect(canvas).to_have_js_property("width", 640)
    expect(hero).to_contain_text("LANGSUNG")
    see_change(canvas)
    town.bend(reduce="gate")
    expect(canvas).to_have_js_property("width", 1280)
    expect(hero.locator(".tag")).to_have_text("Aliran utama 1280×720 · 20 gbr/dtk")
    town.bend(damage="gate")
    see_change(canvas)
    until = time.monotonic() + 10
    while town.fake.damaged and time.monotonic() < until:
        page.wait_for_timeout(50)
    see_change(canvas)
    expect(hero).to_contain_text("LANGSUNG")


def test_the_small_picture_stays_until_the_large_one_is_there(page: Page, town: Town) -> None:
    town.bend(hold="gate", stream="main")
    open_wall(page, town)
    page.keyboard.press("Enter")
    hero = page.locator("article.hero")
    expect(hero.locator(".tag")).to_have_text("Aliran utama sedang dibuka")
    expect(hero).to_contain_text("LANGSUNG")
    on_top = """hero => {
      const { left, top, width, height } = hero.querySelector('.stack').getBoundingClientRect();
      return document.elementFromPoint(left + width / 2, top + height / 2).tagName;
    }"""
    assert hero.evaluate(on_top) == "VIDEO"
    town.bend(hold="gate", stream="main")
    expect(hero.locator(".tag")).to_have_text("Aliran utama 1280×720 · 20 gbr/dtk")
    assert hero.evaluate(on_top) == "CANVAS"
    expect(hero.locator("video")).to_have_count(0)


def test_a_stop_leaves_nothing_of_the_large_picture(page: Page, town: Town) -> None:
    hero = enlarge(page, town)
    canvas = hero.locator("canvas").element_handle()
    assert canvas is not None
    town.bend(refuse="gate", reason="stopped", end="gate")
    expect(hero).to_contain_text("Dihentikan oleh pemilik")
    expect(hero.locator("canvas, video")).to_have_count(0)
    assert canvas.evaluate("canvas => canvas.width") == 0


def test_without_webcodecs_the_large_picture_comes_all_the_same(page: Page, town: Town) -> None:
    page.add_init_script("delete globalThis.VideoDecoder")
    hero = enlarge(page, town)
    expect(hero).to_contain_text("LANGSUNG")
    expect(hero.locator("canvas")).to_have_count(0)
    expect(hero.locator("video")).to_have_js_property("videoWidth", 1280)


def test_a_stream_that_the_browser_cannot_play_is_said(page: Page, town: Town) -> None:
    unknown = "hvc1.9.6.L93.B0"
    town.bend(of="gate", stream="main", codec=unknown)
    open_wall(page, town)
    page.keyboard.press("Enter")
    hero = page.locator("article.hero")
    words = "Aliran sub 640×360: peramban ini tidak dapat memutar aliran utama"
    expect(hero.locator(".tag")).to_contain_text(words)
    expect(hero).to_contain_text("LANGSUNG")
    expect(hero.locator("video")).to_have_js_property("videoWidth", 640)
    page.keyboard.press("Escape")
    town.bend(of="yard", stream="sub", codec=unknown)
    page.reload()
    expect(tile(page, "102")).to_contain_text("TIDAK DAPAT DIPUTAR")
    expect(tile(page, "102")).to_contain_text("Peramban ini tidak dapat memutar")


def test_a_camera_is_found_by_its_number(page: Page, town: Town) -> None:
    open_wall(page, town)
    page.keyboard.type("149")
    expect(page.locator(".entry")).to_contain_text("Kamera 149")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Alun-alun selatan")).to_be_focused()
    page.keyboard.type("999")
    page.keyboard.press("Enter")
    expect(page.locator(".entry")).to_contain_text("Tidak ada kamera 999")


def test_an_enter_that_comes_too_late_opens_nothing(page: Page, town: Town) -> None:
    page.clock.install()
    open_wall(page, town)
    page.keyboard.type("149")
    expect(page.locator(".entry")).to_contain_text("Kamera 149")
    page.clock.run_for(6_000)
    page.keyboard.press("Enter")
    expect(page.locator(".entry")).to_contain_text("149 terlambat")
    expect(page.locator(".hero")).to_have_count(0)


def test_without_a_beat_nothing_is_called_live(page: Page, town: Town) -> None:
    open_wall(page, town)
    town.bend(silent=True)
    expect(page.get_by_role("alert")).to_contain_text("TERPUTUS")
    expect(page.locator(".wall .st.live")).to_have_count(0)
    leave = page.get_by_role("button", name="Keluar")
    expect(leave).to_be_disabled()
    assert "menunggu sambungan" in (leave.get_attribute("title") or "")
    town.bend(silent=False)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(leave).to_be_enabled()


def test_layout_language_and_theme_survive_a_reload_and_no_view_is_left(
    page: Page, town: Town
) -> None:
    open_wall(page, town)
    page.get_by_role("button", name="4 petak").click()
    page.get_by_role("button", name="Halaman berikutnya").click()
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Light theme").click()
    page.reload()
    expect(page.get_by_role("button", name="4 tiles")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("header.top")).to_contain_text("Page 2 of 3")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".st.live")).to_have_count(4)
    cameras = [session["camera"] for session in town.fake.sessions.values()]
    assert sorted(cameras) == sorted(set(cameras))


def test_an_empty_wall_says_so(page: Page, town: Town) -> None:
    town.fake.cameras = []
    town.fake.sites = []
    page.goto(town.url)
    expect(page.get_by_text("Belum ada kamera yang dibagikan")).to_be_visible()


def test_signing_in_and_out(page: Page, town: Town) -> None:
    town.bend(signed_in=False)
    page.goto(f"{town.url}/login?next=//elsewhere.example")
    page.get_by_label("Akun").fill("jaga1")
    page.get_by_label("Kata sandi").fill("salah")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("tidak cocok")
    page.get_by_label("Kata sandi").fill("tes-sandi")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Dinding")).to_be_visible()
    expect(page).to_have_url(f"{town.url}/")
    page.get_by_role("button", name="Keluar").click()
    expect(page.get_by_label("Akun")).to_be_focused()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci in ui/")
@pytest.mark.parametrize(("language", "theme"), [("id", "dark"), ("en", "light")])
def test_everybody_can_use_it(page: Page, town: Town, language: str, theme: str) -> None:
    page.add_init_script(
        f"localStorage['serambi.language'] = '{language}';localStorage['serambi.theme'] = '{theme}'"
    )
    open_wall(page, town)
    town.bend(freeze="square")
    for camera, state in (("lane", "stopped"), ("street", "suspended"), ("dock", "out_of_hours")):
        town.bend(camera=camera, set={"state": state})
    expect(page.locator(".st.late")).not_to_have_count(0)
    expect(page.locator("article video")).to_have_count(6)
    assert violations(page) == "[]"
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == "[]"
    page.keyboard.press("Escape")
    # Out of the page, not only out of sight: until then it holds the keyboard.
    expect(page.locator("dialog")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".hero .tag")).to_contain_text("1280×720")
    town.bend(reduce="gate")
    expect(page.locator(".hero .tag.less")).to_contain_text("640×360")
    assert violations(page) == "[]"
    town.bend(silent=True)
    expect(page.locator(".banner")).to_be_visible()
    assert violations(page) == "[]"
    town.bend(signed_in=False, silent=False)
    page.goto(f"{town.url}/login")
    expect(page.locator("#account")).to_be_visible()
    assert violations(page) == "[]"
