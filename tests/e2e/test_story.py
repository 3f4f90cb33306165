"""The parcel at the gate, from the alert to the report: three people, each with a browser.

The operator works by the keyboard. How long each part took stands in the test's report, on a
machine that does other things besides; `dev.py bench desk` measures.
"""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.e2e.conftest import DEMO, OpenWall
from tests.e2e.screen import AXE, Screen
from tests.e2e.test_demo_playback import recorded, spans_s
from tests.e2e.town import Town, until
from tests.fakes.pdf import text_of

pytestmark = DEMO

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1600, "height": 900}
GATE = "101"
TITLE = "Kardus di gerbang gudang"
TASK = "Tutup gerbang dan jauhkan staf"
ANSWER = "Gerbang ditutup. Staf lewat pintu timur."

Record = Callable[[str, object], None]


class Watch:
    """Says how long each part took."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._at = time.monotonic()

    def note(self, what: str) -> None:
        now = time.monotonic()
        self._record(what, f"{now - self._at:.2f} s")
        print(f"{what}: {now - self._at:.2f} s")
        self._at = now


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_from_the_parcel_at_the_gate_to_the_report(
    town: Town, open_wall: OpenWall, record_property: Record
) -> None:
    until("some seconds are recorded", lambda: spans_s(recorded(town)) > 8, 60)
    operator = open_wall(town, room=DESK, path="/alerts")
    commander = open_wall(town, room=DESK, role="commander", path="/incidents")
    expect(operator.page.locator("#queue")).to_be_visible()
    watch = Watch(record_property)
    gate = town.camera(GATE)
    report = {"text": "gerbang", "what": "left_object", "camera": gate.id}
    town.operator.post("/api/alerts", json=report).raise_for_status()
    see_the_gate(operator)
    watch.note("from the alert to the last half minute and the four nearest")
    number = escalate(operator.page)
    expect(commander.page.locator("main")).to_contain_text(TITLE)
    watch.note("from there to the incident, and the commander sees it")
    url = call_kpu(operator.page, town, number)
    watch.note("KPU's own system was told")
    officer = open_wall(town, room=PHONE, role="", path=url.removeprefix(town.url))
    answer(officer, operator.page, town)
    watch.note("KPU's officer signed in and answered, and the operator reads it")
    resolve(operator.page, commander, officer.page)
    watch.note("the checklist, and resolved")
    check_report(operator, town)
    watch.note("the report")
    # Views that were closing when the next screen was asked for.
    operator.troubles.clear()


def see_the_gate(operator: Screen) -> None:
    """One press: the last half minute of the camera that saw it; Esc: the four nearest."""
    page = operator.page
    first = page.locator(".queue > li").first
    expect(first).to_contain_text("Benda ditinggal")
    expect(page.locator(".chosen")).to_contain_text("Jangan didekati")
    press(page, "r")
    expect(page.locator(".hero .num")).to_have_text(GATE)
    expect(page.locator(".hero .says")).to_have_text("Diputar")
    stands = until("a recorded picture", operator.read)[GATE].frame
    until("it moves", lambda: operator.read().get(GATE, None) and frame(operator) != stands)
    press(page, "Escape", "Escape")
    expect(page.locator(".wall article")).to_have_count(4)
    expect(page.locator(".wall article .num").first).to_have_text(GATE)


def frame(operator: Screen) -> int:
    return operator.read()[GATE].frame


def escalate(page: Page) -> int:
    press(page, "g", "a")
    expect(page.locator(".queue > li").first).to_contain_text("Benda ditinggal")
    press(page, "e", "Tab", "Control+a")
    page.keyboard.type(TITLE)
    press(page, "Enter")
    expect(page.locator(".head h2")).to_have_text(TITLE)
    expect(page.locator(".time")).to_contain_text("P1 Benda ditinggal")
    return int(re.findall(r"\d{3}", page.locator(".head").inner_text())[0])


def call_kpu(page: Page, town: Town, number: int) -> str:
    """Ask KPU in and give it a task; the address in the message that KPU's system took."""
    before = len(town.told_kpu)
    press(page, "p")
    page.keyboard.type("KPU")
    press(page, "Tab")
    page.keyboard.type("Piket KPU")
    press(page, "Enter")
    page.locator("section:has(#tasks) header button").focus()
    press(page, "Enter")
    page.keyboard.type(TASK)
    press(page, "Tab")
    fill_task(page)
    expect(page.locator(".reached")).to_contain_text("lewat papan KPU")
    (said,) = town.told_kpu[before:]
    assert (said["number"], said["party"], said["priority"]) == (number, "kpu", 1)
    assert said["until_ms"] == 0
    assert "Gudang Logistik KPU" in said["text"]
    for hidden in (TITLE, "Piket", "101", "#"):
        assert hidden not in said["text"], hidden
    return str(said["url"])


def fill_task(page: Page) -> None:
    form = page.get_by_role("dialog")
    form.get_by_label("Lembaga").focus()
    page.keyboard.type("KPU")
    press(page, "Enter")
    expect(page.locator("section:has(#tasks)")).to_contain_text(TASK)


def answer(officer: Screen, desk: Page, town: Town) -> None:
    page = officer.page
    login = town.login("participant")
    page.get_by_label("Akun").fill(login["account"])
    page.get_by_label("Kata sandi").fill(login["password"])
    press(page, "Enter")
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    expect(page.locator("main")).to_contain_text("Gudang Logistik KPU")
    expect(page.locator("main")).to_contain_text("Pusat komando menunggu jawaban Anda")
    # No camera, no other institution, nobody of the desk by name.
    for hidden in ("Gerbang utama", GATE, "Bawaslu", "Petugas jaga", "Perwira", "bom"):
        assert hidden not in page.locator("main").inner_text(), hidden
    wider = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(wider), "it does not fit a telephone"
    if AXE.is_file():
        assert officer.violations() == []
    state = desk.get_by_label("Keadaan Piket KPU, KPU")
    for said, value in (
        ("Sudah saya baca", "reached"),
        ("Perlu bantuan", "needs_help"),
        ("Saya menuju ke sana", "on_way"),
    ):
        page.get_by_role("button", name=said).focus()
        press(page, "Enter")
        expect(page.get_by_role("button", name=said)).to_have_attribute("aria-pressed", "true")
        expect(state).to_have_value(value)
    page.get_by_label(TASK).check()
    page.get_by_label("Tulis kepada semua peserta").fill(ANSWER)
    press(page, "Enter")
    line = desk.locator(".time li").filter(has_text=ANSWER)
    expect(line).to_contain_text("Petugas KPU, KPU")


def resolve(desk: Page, commander: Screen, phone: Page) -> None:
    boxes = desk.locator("section:has(#checklist) [type=checkbox]")
    for n in range(boxes.count()):
        boxes.nth(n).focus()
        press(desk, "Space")
    expect(desk.locator("section:has(#checklist) header b")).to_have_text("7 dari 7")
    page = commander.page
    page.get_by_role("link", name=TITLE).click()
    page.get_by_role("button", name="Tutup insiden").click()
    page.get_by_label("Ringkasan").fill("Kardus kosong milik toko")
    page.get_by_role("dialog").get_by_role("button", name="Tutup insiden").click()
    expect(desk.locator(".head")).to_contain_text("DITUTUP")
    expect(phone.locator("main")).to_contain_text("Insiden ini sudah ditutup")
    expect(phone.get_by_role("button", name="Perlu bantuan")).to_be_disabled()
    commander.troubles.clear()


def check_report(operator: Screen, town: Town) -> None:
    link = operator.page.get_by_role("link", name="Laporan PDF")
    path = link.get_attribute("href") or ""
    raw = operator.page.context.request.get(town.url + path).body()
    assert raw.startswith(b"%PDF-")
    text = text_of(raw)
    for said in (TITLE, TASK, ANSWER, "Petugas KPU", "Piket KPU", "Kardus kosong milik toko"):
        assert said.replace(" ", "") in text, said


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci in ui/")
def test_everybody_can_use_the_page_of_an_institution(town: Town, open_wall: OpenWall) -> None:
    screen = open_wall(town, "en", "light", PHONE, "participant", "/part")
    expect(screen.page.get_by_role("status")).to_contain_text("No incident concerns KPU")
    assert screen.violations() == []


def test_a_telephone_without_a_network_says_so_and_keeps_nothing(
    town: Town, open_wall: OpenWall
) -> None:
    screen = open_wall(town, room=PHONE, role="participant", path="/part")
    page = screen.page
    expect(page.get_by_role("status")).to_contain_text("KPU")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.context.set_offline(True)
    try:
        expect(page.get_by_role("alert")).to_contain_text("TERPUTUS")
        page.reload()
        expect(page.get_by_role("heading", name="TERPUTUS")).to_be_visible()
        kept = page.evaluate(
            """async () => {
              const found = [];
              for (const name of await caches.keys())
                for (const one of await (await caches.open(name)).keys()) found.push(one.url);
              return found;
            }"""
        )
        assert kept == [f"{town.url}/part-offline.html"]
    finally:
        page.context.set_offline(False)
    page.get_by_role("link", name="coba lagi").click()
    expect(page.get_by_role("status")).to_contain_text("KPU")
    manifest = page.context.request.get(f"{town.url}/part.webmanifest")
    assert manifest.headers["content-type"] == "application/manifest+json"
    icons = [icon["src"] for icon in manifest.json()["icons"]]
    for icon in icons:
        assert page.context.request.get(town.url + icon).headers["content-type"] == "image/png"
    assert len(icons) == 3
    screen.troubles.clear()  # the requests that were cut
