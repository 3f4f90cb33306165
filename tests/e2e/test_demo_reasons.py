"""Why a picture goes: the owner's Stop, a revocation, the end of an agreement, its hours.

Every time the tile says it, the owner's lamp goes off, the ledger has it, all others go on.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import DEMO
from tests.e2e.owner import owner_page
from tests.e2e.papers import Desk, closed_a_minute_ago
from tests.e2e.screen import Screen
from tests.e2e.seen import Book, see_dark, see_live, see_others, unwatched
from tests.e2e.town import Town, until

pytestmark = DEMO

LASTS_S = 12.0


@pytest.fixture
def desk(town: Town, tmp_path: Path) -> Desk:
    return Desk(town, tmp_path)


def test_the_owners_stop_and_resume(town: Town, wall: Screen) -> None:
    camera = town.camera("103")
    see_live(wall, town, camera)
    book = Book(town, camera.site)
    town.stop(camera)
    try:
        assert town.viewers(camera) == []
        see_dark(wall, camera, "DIHENTIKAN", "Dihentikan oleh pemilik")
        see_others(wall, town, but=camera)
        assert town.lamp(camera.site) == "on", "the other cameras are still watched"
        assert book.has("stopped", camera)
        assert book.has("session_closed", camera, "stopped")
        assert not book.has("session_opened", camera)
    finally:
        town.resume(camera)
    see_live(wall, town, camera)
    assert book.has("resumed", camera)
    assert book.has("session_opened", camera)
    see_others(wall, town)


def test_a_revocation_by_one_party_closes_what_five_had_signed(
    town: Town, desk: Desk, wall: Screen
) -> None:
    camera = town.camera("111")
    book = Book(town, camera.site)
    file = desk.agree("2026-05", camera, lasts_s=3600)
    town.opened.add(camera.number)
    answers = town.send(file.read_bytes())
    assert answers[camera.site] == {"allowed": True, "reason": answers[camera.site]["reason"]}
    assert not answers["gudang-kpu"]["allowed"], "the agreement does not name that site"
    see_live(wall, town, camera)
    assert town.lamp(camera.site) == "on"
    town.hand_to_owner(camera.site, desk.revoke(file, "dishub"))
    see_dark(wall, camera, "DICABUT", "Perjanjian dicabut")
    unwatched(town, camera)
    until("the lamp goes off", lambda: town.lamp(camera.site) == "none")
    # It acts first and is written down after.
    until(
        "the revocation is in the ledger",
        lambda: any(entry.kind == "agreement_revoked" for entry in book.since()),
    )
    assert [e.kind for e in book.since() if e.kind.startswith("agreement")] == [
        "agreement_accepted",
        "agreement_revoked",
    ]
    assert [e.party for e in book.since() if e.kind == "agreement_revoked"] == ["dishub"]
    assert book.has("session_closed", camera, "revoked")
    see_others(wall, town)


def test_the_end_of_an_agreement_closes_it_unasked(town: Town, desk: Desk, wall: Screen) -> None:
    camera = town.camera("121")
    book = Book(town, camera.site)
    file = desk.agree("2026-06", camera, lasts_s=LASTS_S)
    ends = time.time() + LASTS_S
    town.opened.add(camera.number)
    assert town.send(file.read_bytes())[camera.site]["allowed"]
    see_live(wall, town, camera)
    until("the agreement has ended", lambda: time.time() > ends, LASTS_S + 1)
    see_dark(wall, camera, "BERAKHIR", "Perjanjian sudah berakhir")
    unwatched(town, camera)
    until("the lamp goes off", lambda: town.lamp(camera.site) == "none")
    assert book.has("session_closed", camera, "expired")
    see_others(wall, town)


@pytest.fixture
def revoked_later(town: Town, desk: Desk) -> Iterator[list[Path]]:
    """Agreements that must not outlive the test."""
    files: list[Path] = []
    yield files
    for file in files:
        assert town.send(desk.revoke(file, "kpu"))["kantor-kpu"]["allowed"]


def test_out_of_hours_a_tile_says_when_it_opens(
    town: Town, desk: Desk, wall: Screen, revoked_later: list[Path]
) -> None:
    camera = town.camera("111")
    book = Book(town, camera.site)
    hours = closed_a_minute_ago(time.time())
    file = desk.agree("2026-07", camera, lasts_s=3 * 86_400, hours=hours)
    revoked_later.append(file)
    town.opened.add(camera.number)
    assert town.send(file.read_bytes())[camera.site]["allowed"]
    see_dark(wall, camera, "DI LUAR JAM", "Di luar jam berbagi")
    opens = hours[0].replace(":", ".")
    expect(wall.tile(camera.number)).to_contain_text(re.compile(rf"Buka lagi.*{opens} WIB"))
    assert town.viewers(camera) == []
    assert town.lamp(camera.site) == "none"
    assert not book.has("session_opened", camera)
    see_others(wall, town)


def test_breaking_the_glass_shows_the_camera_and_alarms_its_owner(
    town: Town, desk: Desk, wall: Screen, revoked_later: list[Path], browser: Browser
) -> None:
    camera = town.camera("111")
    book = Book(town, camera.site)
    hours = closed_a_minute_ago(time.time())
    file = desk.agree("2026-08", camera, lasts_s=3 * 86_400, hours=hours, break_glass=True)
    revoked_later.append(file)
    town.opened.add(camera.number)
    assert town.send(file.read_bytes())[camera.site]["allowed"]
    tile = wall.tile(camera.number)
    tile.get_by_role("button", name="Akses darurat").click()
    wall.page.get_by_label("Apa yang sedang terjadi?").fill("Orang memanjat pagar kantor")
    wall.page.get_by_role("dialog").get_by_role("button", name="Buka sekarang").click()
    expect(tile).to_contain_text("DARURAT")
    see_live(wall, town, camera)
    assert book.has("break_glass", camera)
    # So high that the bar with Stop covers nothing: what is covered cannot be judged.
    with owner_page(browser, town, camera.site, size={"width": 390, "height": 1800}) as owner:
        alarm = owner.page.get_by_role("alert").filter(has_text="AKSES DARURAT")
        expect(alarm).to_contain_text("Orang memanjat pagar kantor")
        assert owner.violations() == []
        town.stop(camera)
        try:
            see_dark(wall, camera, "DIHENTIKAN", "Dihentikan oleh pemilik")
            expect(alarm).to_have_count(0)
            expect(owner.page.get_by_text("belum dipertanggungjawabkan")).to_be_visible()
        finally:
            town.resume(camera)
    (act,) = town.operator.get("/api/break-glass").raise_for_status().json()
    said = {"text": "Petugas kebersihan, kuncinya tertinggal"}
    path = f"/api/break-glass/{act['act']}/justification"
    town.operator.post(path, json=said).raise_for_status()
    assert book.has("justified", camera)
