"""Conditions and break-glass in a real browser against a real center: from the closed tile to the
justification, and a view for an incident."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from serambi.center.accounts import Role
from tests.e2e.conftest import DESK_ROOM, PATIENCE_MS
from tests.e2e.desk import DeskTown, desk_town
from tests.e2e.screen import Screen, new_screen
from tests.fakes.center_town import Town, camera

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("desk")]

WHY = "Orang memanjat pagar terminal"
SAID = "Petugas kebersihan, kuncinya tertinggal"
TERMS = "ab" * 32
Open = Callable[..., Screen]


def closed(town: Town) -> None:
    """One camera out of hours, one for incidents, one for approvals."""
    town.gateways["terminal"].cameras = (
        camera("terminal-1", number="101", state="out_of_hours", break_glass=True),
        camera("terminal-2", number="102", state="incident_needed", incident_needed=True),
    )
    town.gateways["market"].cameras = (
        camera(
            "market-1",
            number="141",
            agreement="2026-03",
            state="four_eyes",
            four_eyes=True,
            terms=TERMS,
        ),
    )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskTown]:
    with desk_town(tmp_path_factory.mktemp("glass"), closed) as town:
        yield town


@pytest.fixture
def opened(desk: DeskTown, browser: Browser) -> Iterator[Open]:
    screens: list[Screen] = []
    expect.set_options(timeout=PATIENCE_MS)

    def open_one(language: str = "id", theme: str = "dark") -> Screen:
        context = browser.new_context(
            viewport={"width": 1600, "height": 900}, timezone_id="Asia/Jakarta", locale="id-ID"
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(
            f"localStorage['serambi.language'] = '{language}';"
            f"localStorage['serambi.theme'] = '{theme}'"
        )
        screen = new_screen(context)
        screens.append(screen)
        assert context.request.post(f"{desk.url}/api/login", data=desk.login(Role.OPERATOR)).ok
        screen.page.goto(desk.url)
        return screen

    yield open_one
    troubles = [trouble for screen in screens for trouble in screen.troubles]
    for screen in screens:
        screen.page.context.close()
    assert troubles == []


def test_from_the_closed_tile_to_the_justification(desk: DeskTown, opened: Open) -> None:
    screen = opened()
    page = screen.page
    there = screen.tile("101")
    expect(there).to_contain_text("DI LUAR JAM")
    there.get_by_role("button", name="Akses darurat").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("paling lama 15 menit")
    expect(dialog).to_contain_text("akun Anda terkunci")
    yes = dialog.get_by_role("button", name="Buka sekarang")
    expect(yes).to_be_disabled()
    assert screen.violations() == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    there.click()
    page.keyboard.press("b")
    page.get_by_label("Apa yang sedang terjadi?").fill(WHY)
    yes.click()
    expect(dialog).to_have_count(0)
    expect(there).to_contain_text("DARURAT 14.")
    # However narrow the tile, what is said of it is whole: axe sees what is cut.
    for width in (1100, 900):
        page.set_viewport_size({"width": width, "height": 900})
        expect(there.locator(".broken")).to_be_visible()
        assert screen.violations() == []
    page.set_viewport_size(DESK_ROOM)
    (act,) = desk.get("/api/break-glass")
    assert (act["camera"], act["why"], act["justified_ms"]) == ("terminal-1", WHY, 0)
    # A page that is loaded anew goes on under the same act.
    page.reload()
    expect(there).to_contain_text("DARURAT 14.")
    assert [one["act"] for one in desk.get("/api/break-glass")] == [act["act"]]
    page.get_by_role("link", name="Darurat").click()
    expect(page.get_by_role("main")).to_contain_text(WHY)
    assert screen.violations() == []
    page.get_by_role("button", name="Pertanggungjawabkan").click()
    page.get_by_label("Apa yang ternyata terjadi").fill(SAID)
    dialog.get_by_role("button", name="Pertanggungjawabkan").click()
    expect(page.get_by_role("main")).to_contain_text("DIPERTANGGUNGJAWABKAN")
    expect(page.get_by_role("main")).to_contain_text(SAID)


def test_a_camera_for_incidents_opens_for_one_and_ends_with_it(
    desk: DeskTown, opened: Open
) -> None:
    screen = opened("en", "light")
    page, there = screen.page, screen.tile("102")
    expect(there).to_contain_text("NEEDS AN INCIDENT")
    there.click()
    page.keyboard.press("i")
    expect(page.get_by_role("dialog")).to_contain_text("No incident is open")
    page.keyboard.press("Escape")
    new = {"type": "crowd", "title": "Keramaian", "site": "terminal"}
    incident = desk.post("/api/incidents", new)
    there.get_by_role("button", name="Look for an incident").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox")).to_contain_text("Keramaian")
    dialog.get_by_role("button", name="Look").click()
    expect(there).to_contain_text(f"incident {incident['number']:03}")
    for item in incident["checklist"]:
        done = {"kind": "item_set", "item": item["id"], "state": "done"}
        desk.post(f"/api/incidents/{incident['id']}/steps", {"said": done})
    over = {"kind": "closed", "outcome": "resolved", "text": ""}
    path = f"/api/incidents/{incident['id']}/steps"
    desk.post(path, {"said": over}, Role.COMMANDER)
    expect(there).to_contain_text("NEEDS AN INCIDENT")


def test_another_institution_is_asked(desk: DeskTown, opened: Open) -> None:
    screen = opened("en")
    page, there = screen.page, screen.tile("141")
    expect(there).to_contain_text("NEEDS APPROVAL")
    there.get_by_role("button", name="Ask for approval").click()
    dialog = page.get_by_role("dialog")
    page.get_by_label("Why does it have to be seen?").fill("A fire at the market")
    dialog.get_by_role("button", name="Send the request").click()
    expect(there).to_contain_text("Waiting for approval")
    (asked,) = desk.get("/api/approvals")
    assert (asked["cameras"], asked["why"]) == (["market-1"], "A fire at the market")
