"""A camera that sees something else, and a parcel at the gate: noticed at the site, told in words,
and no picture leaves for it."""

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import DEMO
from tests.e2e.owner import owner_page
from tests.e2e.papers import Desk
from tests.e2e.screen import Screen
from tests.e2e.seen import Book, see_dark, see_live, see_others
from tests.e2e.town import Town, until

pytestmark = DEMO

SITE = "gudang-kpu"


@pytest.fixture
def desk(town: Town, tmp_path: Path) -> Desk:
    return Desk(town, tmp_path)


def test_a_turned_camera_is_shut_with_its_reason_until_two_parties_confirm(
    town: Town, wall: Screen, browser: Browser, desk: Desk
) -> None:
    camera = town.camera("104")
    see_live(wall, town, camera)
    book = Book(town, SITE)
    town.turn(camera, away=True)
    try:
        until("the site says so", lambda: town.state("104") == "suspended")
        see_dark(wall, camera, "DITANGGUHKAN", "Pandangan kamera belum cocok")
        see_others(wall, town, but=camera)
        until("the ledger has it", lambda: book.has("suspended", camera, "view_changed"))
        until("and the view's end", lambda: book.has("session_closed", camera, "suspended"))
        with owner_page(browser, town, SITE) as owner:
            owner.page.get_by_role("link", name="Bandingkan gambar").click()
            expect(owner.page.get_by_role("heading", name="Kamera 104")).to_be_visible()
            for name in ("Gambar yang disetujui", "Gambar terakhir yang tidak cocok"):
                picture = owner.page.get_by_role("img", name=name)
                expect(picture).to_be_visible()
                until("it is loaded", partial(picture.evaluate, "shown => shown.naturalWidth > 0"))
            assert owner.violations() == []
        answer = town.operator.get("/view/now", params={"camera": camera.id})
        assert not answer.headers["content-type"].startswith("image/"), "the center has no picture"
    finally:
        town.turn(camera, away=False)
    assert town.state("104") == "suspended", "turned back is not enough"
    town.hand_to_owner(SITE, desk.confirm(camera, "kpu", "bawaslu"))
    until("it is shared again", lambda: town.state("104") == "open")
    see_live(wall, town, camera)
    until("the ledger has that too", lambda: book.has("restored", camera))


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


def is_analyst(pid: int) -> bool:
    return b"serambi.keeper.analysis.child" in Path(f"/proc/{pid}/cmdline").read_bytes()


def waiting(town: Town, camera: str) -> dict[str, Any]:
    """The newest alert of this camera, handled or not."""
    found = town.get("/api/alerts")
    every = [*found["waiting"], *found["handled"]]
    return next((alert for alert in every if alert["camera"] == camera), {})


def test_the_parcel_at_the_gate_is_noticed(town: Town) -> None:
    gate = town.camera("101")

    def noticed() -> bool:
        return any(
            (entry.kind, entry.camera, entry.reason) == ("alert", gate.id, "left_object")
            and "place=gerbang" in entry.detail
            for entry in town.ledger(SITE)
        )

    # What lies there when the analysis begins is part of the place: let it begin while the gate
    # is empty, in the first seconds of the loop.
    until("the gate is empty", lambda: 0.5 < time.time() % (gate.frames / gate.fps) < 3.0, 30.0)
    analyst = next(
        pid for pid in children(town.told["pids"]["gudang-kpu-keeper"]) if is_analyst(pid)
    )
    os.kill(analyst, signal.SIGKILL)
    until("an alert stands in the ledger", noticed, 120.0)
    alert = until("and waits at the center", lambda: waiting(town, gate.id), 20.0)
    assert (alert["what"], alert["priority"], alert["text"]) == ("left_object", 1, "gerbang")
