"""Recordings of the demo's gate in a real browser, and of no other camera."""

from datetime import datetime

from playwright.sync_api import expect

from tests.e2e.conftest import DEMO, OpenWall
from tests.e2e.screen import Screen
from tests.e2e.town import Town, until

pytestmark = DEMO

GATE = "101"


def enlarge(wall: Screen, number: str) -> None:
    wall.see_moving({number})
    wall.tile(number).locator("header").dblclick()
    expect(wall.page.locator(".hero .num")).to_have_text(number)


def frame_of(wall: Screen) -> int:
    """The number drawn into the picture that stands there."""
    return until("a picture", lambda: [one for k, one in wall.read().items() if k == GATE])[0].frame


def recorded(town: Town) -> list[dict[str, int]]:
    gate = next(camera for camera in town.cameras if camera.number == GATE)
    now_ms = int(datetime.now().timestamp() * 1000)
    query: dict[str, str | int] = {
        "purpose": "routine_watch",
        "from_ms": now_ms - 3_600_000,
        "to_ms": now_ms - 2000,
    }
    answer = town.operator.get(f"/api/cameras/{gate.id}/recordings", params=query)
    spans: list[dict[str, int]] = answer.raise_for_status().json()["spans"]
    return spans


def test_the_gate_plays_back_and_gives_itself_back(town: Town, wall: Screen) -> None:
    until("some seconds are recorded", lambda: spans_s(recorded(town)) > 8, 60)
    enlarge(wall, GATE)
    hero = wall.page.locator(".hero")
    wall.page.keyboard.press("r")
    says = hero.locator(".says")
    expect(says).to_have_text("Diputar")
    first = frame_of(wall)
    until("it moves", lambda: frame_of(wall) != first)
    camera = next(camera for camera in town.cameras if camera.number == GATE)
    assert "Petugas jaga 1" in {viewer["person"] for viewer in town.viewers(camera)}
    assert town.lamp(camera.site) == "on"

    wall.page.keyboard.press("k")
    expect(says).to_have_text("Dijeda")
    stands = frame_of(wall)
    for by, key in ((-1, ","), (0, "."), (1, "."), (0, ",")):
        wall.page.keyboard.press(key)
        wanted = (stands + by) % camera.frames
        until(f"it stands at {by}", lambda wanted=wanted: frame_of(wall) == wanted)  # type: ignore[misc]
    found = wall.violations()
    assert found == [], "\n".join(found)
    wall.page.keyboard.press("Escape")
    expect(hero.locator(".playback")).to_have_count(0)
    wall.see_moving({GATE})
    until(
        "the playback is given back",
        lambda: "playback" not in {s["action"] for s in town.operator.get("/api/sessions").json()},
    )


def test_only_the_gate_has_recordings(town: Town, wall: Screen) -> None:
    other = next(camera for camera in town.shared if camera.number == "102")
    enlarge(wall, "102")
    assert wall.page.locator(".hero").get_by_text("Rekaman").count() == 0
    wall.page.keyboard.press("r")
    expect(wall.page.locator(".playback")).to_have_count(0)
    query: dict[str, str | int] = {"purpose": "routine_watch", "from_ms": 1, "to_ms": 2}
    for camera in town.cameras:
        if camera.number == GATE:
            continue
        answer = town.operator.get(f"/api/cameras/{camera.id}/recordings", params=query)
        assert answer.status_code in (403, 404), camera.number
    wish = {"camera": other.id, "action": "playback", "purpose": "routine_watch", "stream": "main"}
    asked = town.operator.post("/api/sessions", json={**wish, "from_ms": 1, "to_ms": 2})
    assert (asked.status_code, asked.json()["error"]["reason"]) == (403, "action")


def test_a_stop_takes_the_recorded_picture_away(town: Town, open_wall: OpenWall) -> None:
    until("some seconds are recorded", lambda: spans_s(recorded(town)) > 8, 60)
    wall = open_wall(town, language="en", theme="light")
    enlarge(wall, GATE)
    wall.page.get_by_role("button", name="Recordings").click()
    expect(wall.page.locator(".hero .says")).to_have_text("Playing")
    camera = next(camera for camera in town.cameras if camera.number == GATE)
    owner = town.owners[camera.site]
    try:
        owner.post("/api/stop", json={"camera": camera.id}).raise_for_status()
        expect(wall.page.locator(".hero canvas")).to_have_count(0)
        assert GATE not in wall.read()
    finally:
        owner.post("/api/resume", json={"camera": camera.id}).raise_for_status()


def spans_s(spans: list[dict[str, int]]) -> float:
    return sum(span["to_ms"] - span["from_ms"] for span in spans) / 1000
