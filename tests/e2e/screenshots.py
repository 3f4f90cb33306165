"""Not a test: every screen in both languages and themes, for people to look at.

`python3 dev.py screenshots` runs it: all pictures go to build/screenshots, the README's two to
docs/images, those of the guides to docs/images/guide.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import DEMO, OpenWall
from tests.e2e.owner import PHONE, owner_page, watching
from tests.e2e.pictures import keep
from tests.e2e.test_demo_screens import LOOKS, see_all, sign_out
from tests.e2e.test_demo_signing import sign_in
from tests.e2e.town import Camera, Town

pytestmark = DEMO
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "screenshots"
README = ROOT / "docs" / "images"


@pytest.fixture(scope="module")
def stopped(town: Town) -> Iterator[Camera]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    README.mkdir(parents=True, exist_ok=True)
    camera = town.camera("148")
    town.stop(camera)
    yield camera
    town.resume(camera)


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_wall(town: Town, open_wall: OpenWall, stopped: Camera, language: str, theme: str) -> None:
    screen = open_wall(town, language, theme, {"width": 1920, "height": 1080})
    see_all(screen, town, stopped, language)
    name = f"{language}-{theme}"
    screen.page.screenshot(path=FOLDER / f"wall-{name}.png")
    screen.page.keyboard.type("101")
    screen.page.keyboard.press("Enter")
    screen.page.keyboard.press("Enter")
    expect(screen.page.locator("article.hero")).to_contain_text("1280×720")
    screen.see_moving({"101"})
    screen.page.screenshot(path=FOLDER / f"enlarged-{name}.png")
    sign_out(screen, language)
    screen.page.screenshot(path=FOLDER / f"login-{name}.png")
    # A view that was closing when the person signed out; pictures are wanted here, not verdicts.
    screen.troubles.clear()
    if name == "en-dark":
        shutil.copy(FOLDER / f"wall-{name}.png", README / "wall.png")


@pytest.fixture(scope="module")
def incident(town: Town) -> str:
    """One that a parcel began, in the middle of the work; its id."""

    def post(path: str, body: object) -> str:
        return str(town.operator.post(path, json=body).raise_for_status().json()["id"])

    camera = town.camera("101")
    parcel = {"text": "Kardus di gerbang", "what": "left_object", "camera": camera.id}
    alert = post("/api/alerts", parcel)
    for n in range(4):
        more = {"text": f"{n + 1}", "what": "loitering", "camera": town.camera("147").id}
        post("/api/alerts", more)
    post("/api/alerts", {"text": "Asap di belakang pasar", "caller": "Pos 2"})
    wish = {
        "type": "suspicious_parcel",
        "title": "Kardus tak dikenal di gerbang",
        "alerts": [alert],
    }
    found = post("/api/incidents", wish | {"site": camera.site, "camera": camera.id})
    post("/api/alerts", parcel)
    now_ms = int(time.time() * 1000)
    tasks = {"t1": ("Garis aman 50 m", -150_000), "t2": ("Tutup Jl. Merdeka", 600_000)}
    said: list[dict[str, object]] = [
        {"kind": "noted", "text": "Terlihat. Gerbang ditutup, staf lewat pintu timur."},
        {"kind": "item_set", "item": "keep_away", "state": "done"},
        {"kind": "item_set", "item": "gate_closed", "state": "done"},
        {
            "kind": "joined",
            "participant": "p1",
            "party": "KPU",
            "who": "Pos jaga",
            "state": "reached",
        },
        {
            "kind": "joined",
            "participant": "p2",
            "party": "Polres",
            "who": "Regu 2",
            "state": "on_way",
        },
    ]
    for task, (text, left_ms) in tasks.items():
        due = {"kind": "task_added", "task": task, "text": text, "due_ms": now_ms + left_ms}
        said.append(due | {"party": "Polres", "who": "Regu 2"})
    for one in said:
        post(f"/api/incidents/{found}/steps", {"said": one})
    return found


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_desk(town: Town, open_wall: OpenWall, incident: str, language: str, theme: str) -> None:
    screen = open_wall(town, language, theme, {"width": 1920, "height": 1080})
    screen.see_moving({"101"})
    screen.page.screenshot(path=FOLDER / f"wall-alerts-{language}-{theme}.png")
    for name, path in (
        ("alerts", "/alerts"),
        ("incident", f"/incidents/{incident}"),
        ("incidents", "/incidents"),
        ("handover", "/handover"),
    ):
        screen.page.goto(town.url + path)
        if name in ("alerts", "incident"):
            screen.see_moving({"101"})
        else:
            expect(screen.page.locator("main")).to_contain_text("Kardus")
        screen.page.screenshot(path=FOLDER / f"{name}-{language}-{theme}.png")
    # Views that were closing when the next screen was asked for.
    screen.troubles.clear()


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_owner(town: Town, browser: Browser, stopped: Camera, language: str, theme: str) -> None:
    name = f"{language}-{theme}"

    def kept(screen: str) -> None:
        page.evaluate("document.fonts.ready.then(() => true)")
        page.screenshot(path=FOLDER / f"owner-{screen}-{name}.png")

    with owner_page(browser, town, "gudang-kpu", language=language, theme=theme) as screen:
        page = screen.page
        home = page.url.split("?")[0]
        kept("none")
        with watching(town, "101"), watching(town, "104"):
            expect(page.locator(".lamp.on")).to_be_visible()
            expect(page.locator("[data-part=viewers] .num")).to_have_count(2)
            kept("on")
            page.goto(home + "stop")
            kept("confirm")
            page.locator("button").click()
            expect(page.locator(".lamp.stopped")).to_be_visible()
            kept("stopped")
        page.goto(home + "log")
        kept("log")
        page.goto(home)
        page.locator(".stopbar button").click()
        expect(page.locator(".lamp.none")).to_be_visible()
    if name == "en-light":
        shutil.copy(FOLDER / f"owner-on-{name}.png", README / "owner.png")


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_signing_desk(town: Town, browser: Browser, language: str, theme: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for width in (390, 1280):
        page = browser.new_page(viewport={"width": width, "height": 900})
        url = sign_in(town, page, "bawaslu", language)
        page.goto(f"{url}/?theme={theme}")
        name = f"{language}-{theme}-{width}.png"
        page.screenshot(path=FOLDER / f"desk-{name}", full_page=True)
        page.locator(".box.ours a").first.click()
        page.screenshot(path=FOLDER / f"desk-paper-{name}", full_page=True)
        page.close()


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_map(
    town: Town,
    open_wall: OpenWall,
    stopped: Camera,
    incident: str,
    language: str,
    theme: str,
) -> None:
    for width, height in ((1920, 1080), (1366, 768)):
        screen = open_wall(town, language, theme, {"width": width, "height": height})
        screen.page.goto(f"{town.url}/map?of=incident:{incident}")
        expect(screen.page.locator(".chart")).to_have_attribute("data-shown", "13")
        # What is drawn comes after what is known; pictures are wanted here, not verdicts.
        screen.page.wait_for_timeout(1000)
        screen.page.screenshot(path=FOLDER / f"map-{width}-{language}-{theme}.png")
        screen.troubles.clear()


SAID = {
    "id": {
        "title": "Kardus tak dikenal di gerbang",
        "note": "Terlihat dari pos. Gerbang ditutup, staf lewat pintu timur.",
        "task": "Tutup gerbang dan jauhkan staf",
        "who": "Piket KPU",
        "squad": "Regu patroli 2",
    },
    "en": {
        "title": "Unknown box at the gate",
        "note": "Seen from the post. The gate is closed, staff use the east door.",
        "task": "Close the gate and keep staff away",
        "who": "KPU duty officer",
        "squad": "Patrol 2",
    },
}


def begun(town: Town, language: str, alert: str) -> str:
    """An incident whose people write the language of the guide; its id."""
    said, camera = SAID[language], town.camera("101")
    wish = {"type": "suspicious_parcel", "title": said["title"], "alerts": [alert]}
    at = {"site": camera.site, "camera": camera.id}
    incident = town.operator.post("/api/incidents", json=wish | at).raise_for_status().json()
    due_ms = incident["opened_ms"] + 600_000
    called = {"participant": "kpu", "party": "KPU", "who": said["who"], "state": "called"}
    sent = {"participant": "regu", "party": "Polres", "who": said["squad"], "state": "on_way"}
    task = {"task": "t1", "text": said["task"], "party": "KPU", "due_ms": due_ms}
    steps: list[dict[str, object]] = [
        {"kind": "joined", **called},
        {"kind": "joined", **sent},
        {"kind": "task_added", **task},
        {"kind": "noted", "text": said["note"]},
        {"kind": "item_set", "item": "keep_away", "state": "done"},
        {"kind": "item_set", "item": "gate_closed", "state": "done"},
    ]
    for step in steps:
        path = f"/api/incidents/{incident['id']}/steps"
        town.operator.post(path, json={"said": step}).raise_for_status()
    return str(incident["id"])


@pytest.mark.parametrize("language", list(SAID))
def test_guide(town: Town, open_wall: OpenWall, browser: Browser, language: str) -> None:
    """The pictures in the guides (docs/images/guide); alone with `-k guide`."""
    waiting = [alert["id"] for alert in town.get("/api/alerts")["waiting"]]
    if waiting:
        said = {"alerts": waiting[:100], "answer": "dismiss"}
        town.operator.post("/api/alerts/answers", json=said).raise_for_status()
    screen = open_wall(town, language, room={"width": 1366, "height": 768})
    screen.see_moving({"101", "141"})
    keep(screen.page, "wall", language, 1366)
    parcel = {"text": "gerbang", "what": "left_object", "camera": town.camera("101").id}
    alert = town.operator.post("/api/alerts", json=parcel).raise_for_status().json()["id"]
    screen.page.goto(f"{town.url}/alerts")
    screen.see_moving({"101"})
    keep(screen.page, "alerts", language, 1366)
    incident = begun(town, language, alert)
    screen.page.goto(f"{town.url}/incidents/{incident}")
    screen.see_moving({"101"})
    keep(screen.page, "incident", language, 1366)
    phone = open_wall(town, language, "light", PHONE, "participant", f"/part/{incident}")
    expect(phone.page.get_by_role("heading", name=SAID[language]["title"])).to_be_visible()
    keep(phone.page, "part", language, 390)
    screen.page.goto("about:blank")  # whoever watched there gives it back
    screen.troubles.clear()  # views that were closing when the next screen was asked for
    with (
        watching(town, "101"),
        watching(town, "104"),
        owner_page(browser, town, "gudang-kpu", language=language) as owner,
    ):
        expect(owner.page.locator(".lamp.on")).to_be_visible()
        expect(owner.page.locator("[data-part=viewers] .num")).to_have_count(2)
        keep(owner.page, "owner-on", language, 390)
        owner.page.goto(owner.page.url.split("?")[0] + "stop")
        keep(owner.page, "owner-stop", language, 390)
    page = browser.new_page(viewport={"width": 1100, "height": 760})
    url = sign_in(town, page, "bawaslu", language)
    page.goto(f"{url}/?theme=light")
    keep(page, "desk", language, 1100)
    page.locator(".box.ours a").first.click()
    keep(page, "paper", language, 1100)
    page.close()
