"""Alerts, incidents and handover in a real browser against a real center."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from serambi.center.accounts import Role
from tests.e2e.conftest import Open
from tests.e2e.desk import DeskTown
from tests.e2e.screen import AXE, new_screen

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("desk")]

PARCEL = {"type": "suspicious_parcel", "site": "terminal", "title": "Kardus di gerbang"}


def queue(page: Page) -> Locator:
    return page.locator(".queue > li")


def incident_page(opened: Open, incident: dict[str, object], role: Role = Role.OPERATOR) -> Page:
    page = opened(f"/incidents/{incident['id']}", role).page
    expect(page.locator(".head")).to_contain_text(str(incident["title"]))
    return page


def test_alerts_by_the_keyboard_and_an_answer_survives_a_reload(
    desk: DeskTown, opened: Open
) -> None:
    page = opened("/alerts").page
    expect(page.locator(".calm")).to_contain_text("Tenang")
    desk.alert("Asap di belakang pasar", caller="Pos 2")
    desk.alert("Orang memanjat pagar", priority=1)
    expect(queue(page).first).to_contain_text("Orang memanjat pagar")
    expect(page.locator(".chosen")).to_contain_text("Pastikan tempat dan nama penelepon")
    expect(page.locator(".rail .count.urgent")).to_have_text("2")
    page.keyboard.press("j")
    expect(page.locator(".chosen")).to_contain_text("Pos 2")
    page.keyboard.press("k")
    page.keyboard.press("a")
    expect(queue(page)).to_have_count(1)
    page.reload()
    expect(queue(page)).to_have_count(1)
    undo = page.locator(".done").get_by_role("button", name="Urungkan").first
    expect(undo).to_be_visible()
    page.keyboard.press("u")
    expect(queue(page)).to_have_count(2)
    page.keyboard.press("x")
    expect(page.locator(".done li").first).to_contain_text("Bukan kejadian")


def test_what_one_looks_after_becomes_an_incident_later_too(desk: DeskTown, opened: Open) -> None:
    page = opened("/alerts").page
    desk.alert("Kardus di gerbang", priority=1)
    expect(queue(page)).to_have_count(1)
    page.keyboard.press("a")
    expect(queue(page)).to_have_count(0)
    done = page.locator(".done li").first
    expect(done).to_contain_text("Diterima")
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Jenis")).to_be_focused()
    expect(dialog.get_by_label("Judul")).to_have_value("Kardus di gerbang")
    dialog.get_by_label("Jenis").select_option("suspicious_parcel")
    dialog.get_by_label("Judul").press("Enter")
    expect(page.locator(".head")).to_contain_text("Kardus di gerbang")
    expect(page.locator(".time")).to_contain_text("Laporan telepon")


def test_a_flood_folds_the_urgent_first_and_nothing_is_lost(desk: DeskTown, opened: Open) -> None:
    page = opened("/alerts").page
    expect(page.locator(".calm")).to_be_visible()

    def alert(n: int) -> None:
        priority = 1 if n % 20 == 19 else 4
        desk.alert(f"peringatan {n}", what="loitering", priority=priority)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(alert, range(200)))
    expect(page.get_by_role("status").filter(has_text="200 menunggu")).to_be_visible()
    expect(queue(page)).to_have_count(2)
    expect(queue(page).first).to_contain_text("10 serupa")
    expect(queue(page).last).to_contain_text("190 serupa")
    expect(page.locator(".meter.flood").first).to_contain_text("Banjir peringatan")
    expect(page.locator(".words li")).to_have_count(10)
    page.keyboard.press("a")
    expect(queue(page)).to_have_count(1)
    page.get_by_role("button", name="Urungkan").first.click()
    expect(queue(page)).to_have_count(2)


def test_a_call_is_typed_in_and_an_alert_becomes_an_incident(desk: DeskTown, opened: Open) -> None:
    page = opened("/alerts").page
    page.get_by_role("button", name="Catat telepon").click()
    page.get_by_label("Laporan").fill("Kotak di depan gudang")
    page.get_by_label("Penelepon").fill("Pak RT, 0812")
    page.get_by_label("Lokasi").select_option("terminal")
    page.get_by_role("dialog").get_by_role("button", name="Catat telepon").click()
    expect(queue(page)).to_have_count(1)
    page.keyboard.press("e")
    page.get_by_label("Jenis").select_option("suspicious_parcel")
    page.get_by_role("dialog").get_by_role("button", name="Buka insiden").click()
    expect(page.locator(".head")).to_contain_text("Kotak di depan gudang")
    expect(page.locator(".time")).to_contain_text("P2 Laporan telepon")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(queue(page)).to_have_count(0)
    expect(page.locator(".done li").first).to_contain_text("Jadi insiden")


def test_two_browsers_work_on_one_incident_to_its_end(desk: DeskTown, opened: Open) -> None:
    incident = desk.post("/api/incidents", PARCEL)
    one = incident_page(opened, incident)
    other = incident_page(opened, incident, Role.COMMANDER)
    one.keyboard.press("c")
    one.keyboard.type("Gerbang ditutup")
    one.keyboard.press("Enter")
    expect(other.locator(".time")).to_contain_text("Gerbang ditutup")
    expect(other.get_by_role("button", name="Tutup: 7 langkah lagi")).to_be_disabled()
    other.get_by_role("checkbox", name="Tidak ada yang mendekat").check()
    expect(one.get_by_role("checkbox", name="Tidak ada yang mendekat")).to_be_checked()
    other.keyboard.press("d")
    form = other.get_by_role("dialog")
    form.get_by_label("Lembaga").fill("Polres")
    form.get_by_label("Siapa").fill("Regu patroli 2")
    form.get_by_role("button", name="Kirim regu").click()
    picture = FilePayload(name="foto.png", mimeType="image/png", buffer=b"\x89PNG\r\n\x1a\n1")
    one.get_by_label("Lampirkan gambar").set_input_files(picture)
    expect(other.get_by_role("link", name="foto.png")).to_be_visible()
    state = one.get_by_label("Keadaan Regu patroli 2, Polres")
    expect(state).to_have_value("on_way")
    state.select_option("on_site")
    expect(other.locator("dd").last).not_to_have_text("belum")
    for button in range(6, 0, -1):
        other.get_by_role("button", name="Tidak perlu").first.click()
        expect(other.get_by_role("button", name="Tidak perlu")).to_have_count(button - 1)
    other.get_by_role("button", name="Tutup insiden").click()
    other.get_by_label("Ringkasan").fill("Paket tertinggal")
    other.get_by_role("dialog").get_by_role("button", name="Tutup insiden").click()
    expect(one.locator(".head")).to_contain_text("DITUTUP")
    expect(one.locator(".time")).to_contain_text("Paket tertinggal")


def test_who_is_called_is_told_and_the_incident_says_how(desk: DeskTown, opened: Open) -> None:
    incident = desk.post("/api/incidents", PARCEL)
    page = incident_page(opened, incident)
    page.get_by_role("button", name="Peserta").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Lembaga").fill("Transport")
    form.get_by_label("Siapa").fill("Piket")
    form.get_by_role("button", name="Peserta").click()
    reached = page.locator(".reached")
    expect(reached).to_contain_text("lewat papan")
    expect(reached).to_contain_text("tidak terjangkau lewat telepon lama")
    expect(page.locator(".time")).to_contain_text("Ditolak di sana")
    page.get_by_role("button", name="Beri tahu lagi: Piket, Transport").click()
    told = page.locator(".time li").filter(has_text="sudah diberi tahu lewat papan")
    expect(told).to_have_count(2)


def test_a_late_task_shows_that_it_is_overdue(desk: DeskTown, opened: Open) -> None:
    incident = desk.post("/api/incidents", PARCEL)
    page = incident_page(opened, incident)
    task = {"kind": "task_added", "task": "t1", "text": "Garis aman", "who": "Regu 2"}
    past = incident["opened_ms"] - 150_000
    desk.post(f"/api/incidents/{incident['id']}/steps", {"said": task | {"due_ms": past}})
    expect(page.locator("li.late")).to_contain_text("LEWAT 2 mnt")
    expect(page.locator(".time")).to_contain_text("Garis aman lewat tenggat")
    page.get_by_role("button", name="Selesai: Garis aman").click()
    expect(page.locator("li.late")).to_have_count(0)


def test_what_is_not_sent_is_marked_and_arrives_once(desk: DeskTown, opened: Open) -> None:
    incident = desk.post("/api/incidents", PARCEL)
    screen = opened(f"/incidents/{incident['id']}")
    page = screen.page
    expect(page.locator(".head")).to_contain_text(PARCEL["title"])
    page.route("**/steps", lambda route: route.abort())
    page.keyboard.press("c")
    page.keyboard.type("Tanpa sambungan")
    page.keyboard.press("Enter")
    expect(page.locator("li.unsent")).to_contain_text("Tanpa sambungan")
    expect(page.locator("header.top")).to_contain_text("1 belum terkirim")
    page.reload()
    expect(page.locator("li.unsent")).to_contain_text("Tanpa sambungan")
    page.unroute("**/steps")
    expect(page.locator("li.unsent")).to_have_count(0)
    expect(page.locator(".time li").last).to_contain_text("Tanpa sambungan")
    kept = desk.get(f"/api/incidents/{incident['id']}")["timeline"]
    assert [step["said"]["kind"] for step in kept] == ["opened", "noted"]
    screen.troubles.clear()  # the requests that were cut


def test_the_wall_shows_what_waits_and_takes_the_answer(desk: DeskTown, opened: Open) -> None:
    page = opened("/").page
    desk.alert("Kotak di gerbang", what="left_object", camera="terminal-1")
    strip = page.get_by_role("region", name="Peringatan yang menunggu")
    expect(strip).to_contain_text("Benda ditinggal")
    expect(strip).to_contain_text("Jangan didekati")
    expect(page.locator("article.alarm")).to_have_count(1)
    strip.get_by_role("button", name="Terima").click()
    expect(page.locator("article.alarm")).to_have_count(0)
    strip.get_by_role("button", name="Urungkan").first.click()
    expect(strip.get_by_role("button", name="Terima")).to_be_visible()


def test_a_participant_without_an_account_has_a_part_of_their_own(
    desk: DeskTown, opened: Open, browser: Browser
) -> None:
    incident = desk.post("/api/incidents", PARCEL)
    joined = {"kind": "joined", "participant": "p1", "party": "KPU", "who": "Pos jaga"}
    task = {
        "kind": "task_added",
        "task": "t1",
        "text": "Tutup gerbang",
        "party": "KPU",
        "due_ms": 1,
    }
    for said in (joined, task, {"kind": "noted", "text": "Jangan mendekat"}):
        desk.post(f"/api/incidents/{incident['id']}/steps", {"said": said})
    page = incident_page(opened, incident)
    page.get_by_role("button", name="Tautan untuk Pos jaga, KPU").click()
    url = page.get_by_role("dialog").get_by_label("Tautan").input_value()
    page.keyboard.press("Escape")
    context = browser.new_context(viewport={"width": 320, "height": 640})
    guest = new_screen(context)
    guest.page.goto(url)
    guest.page.locator("html[lang]").wait_for()
    if guest.page.get_by_role("button", name="ID: Bahasa").count():
        guest.page.get_by_role("button", name="ID: Bahasa").click()
    expect(guest.page.locator("main")).to_contain_text("Jangan mendekat")
    wider = "document.documentElement.scrollWidth > innerWidth"
    assert not guest.page.evaluate(wider), "it does not fit a telephone"
    assert guest.violations() == []
    guest.page.get_by_label("Tutup gerbang").check()
    guest.page.get_by_role("button", name="Saya di tempat").click()
    guest.page.get_by_role("textbox", name="Tulis kepada semua peserta").fill("Sudah ditutup")
    guest.page.get_by_role("button", name="Kirim").click()
    expect(page.locator(".time")).to_contain_text("Sudah ditutup")
    expect(page.get_by_label("Keadaan Pos jaga, KPU")).to_have_value("on_site")
    guest.page.goto("about:blank")
    guest.page.goto(url[:-3])
    expect(guest.page.get_by_role("status")).to_be_visible()
    context.close()


def test_a_handover_is_not_done_before_two_have_signed(desk: DeskTown, opened: Open) -> None:
    desk.post("/api/incidents", PARCEL)
    goes = opened("/handover").page
    expect(goes.locator(".account")).to_contain_text("Kardus di gerbang")
    goes.get_by_label("Pesan untuk regu berikutnya").fill("Kardus masih di sana")
    goes.get_by_role("button", name="Susun serah terima").click()
    goes.get_by_role("button", name="Saya menyerahkan").click()
    expect(goes.get_by_role("button", name="Saya menerima")).to_be_disabled()
    expect(goes.locator(".act")).to_contain_text("1 tanda tangan lagi")
    comes = opened("/handover", Role.COMMANDER).page
    comes.get_by_role("button", name="Saya menerima").click()
    expect(comes.locator("main")).to_contain_text("Serah terima selesai")
    expect(goes.locator("main")).to_contain_text("Operator → Commander")


def test_a_coordinator_is_shown_wall_and_map_alone(desk: DeskTown, opened: Open) -> None:
    page = opened("/alerts", Role.COORDINATOR).page
    expect(page.get_by_role("status")).to_contain_text("Peran Anda")
    expect(page.locator(".rail a")).to_have_text(
        [re.compile(n) for n in ("Dinding", "Peta", "Laporan")]
    )


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci in ui/")
@pytest.mark.parametrize(("language", "theme"), [("id", "dark"), ("en", "light")])
def test_everybody_can_use_it(desk: DeskTown, opened: Open, language: str, theme: str) -> None:
    screen = opened("/alerts", Role.COMMANDER, language, theme)
    page = screen.page
    expect(page.locator(".calm")).to_be_visible()
    assert screen.violations() == []
    for n in range(12):
        desk.alert(f"peringatan {n}", what="loitering", priority=3)
    for priority in (1, 2, 4):
        desk.alert("Kotak", what="left_object", priority=priority, camera="terminal-1")
    expect(queue(page)).to_have_count(4)
    page.keyboard.press("a")
    expect(page.locator(".fresh")).to_have_count(1)
    assert screen.violations() == []
    page.keyboard.press("e")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert screen.violations() == []
    page.keyboard.press("Escape")
    incident = desk.post("/api/incidents", PARCEL)
    for said in (
        {"kind": "noted", "text": "Catatan"},
        {"kind": "item_set", "item": "keep_away", "state": "done"},
        {"kind": "item_set", "item": "cordon", "state": "skipped"},
        {"kind": "task_added", "task": "t1", "text": "Garis", "due_ms": 1},
        {
            "kind": "task_added",
            "task": "t2",
            "text": "Jalan",
            "due_ms": incident["opened_ms"] + 9e5,
        },
        {"kind": "joined", "participant": "p1", "party": "KPU", "who": "Pos jaga"},
        {"kind": "joined", "participant": "p2", "party": "transport", "who": "Piket"},
    ):
        desk.post(f"/api/incidents/{incident['id']}/steps", {"said": said})
    page.goto(f"{desk.url}/incidents/{incident['id']}")
    expect(page.locator("li.late")).to_have_count(1)
    expect(page.locator(".reached .st")).to_have_count(2)
    assert screen.violations() == []
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert screen.violations() == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    for path in ("/incidents", "/handover", "/"):
        page.goto(desk.url + path)
        expect(page.locator("main")).to_contain_text(PARCEL["title"] if path != "/" else "Gerbang")
        assert screen.violations() == [], path


def test_who_answers_to_the_law_finds_its_papers(opened: Open) -> None:
    # Not from the wall: views that are opening there are given up with the page.
    quiet = opened("/alerts").page
    expect(quiet.get_by_role("link", name="Laporan", exact=True)).to_have_count(0)
    page = opened("/alerts", Role.COMMANDER).page
    page.get_by_role("link", name="Laporan", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="PDF")).to_be_visible()
    page.get_by_role("link", name="Kembali ke dinding").click()
    expect(page.get_by_role("heading", name="Dinding")).to_be_visible()
