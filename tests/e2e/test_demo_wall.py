"""The wall of the demo in a real browser: every agreed camera moves, nothing else is there."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
from playwright.sync_api import expect

from serambi.sim.town import read_town
from tests.e2e.conftest import DEMO
from tests.e2e.screen import AGREED, Screen, check_pictures, words_of
from tests.e2e.town import Town

pytestmark = DEMO

WAITING = ("Kantor KPU", "Kantor Bawaslu")


def test_every_agreed_camera_moves(town: Town, wall: Screen) -> None:
    assert {camera.number for camera in town.shared} == AGREED
    check_pictures(wall, town.shared)
    numbers = {text for text in wall.page.locator("article .num").all_inner_texts() if text != "–"}
    assert numbers == AGREED | town.opened
    for camera in town.shared:
        expect(wall.tile(camera.number)).to_contain_text("LANGSUNG")


def test_owners_see_every_view_that_the_wall_has(town: Town, wall: Screen) -> None:
    wall.see_moving(AGREED)
    for camera in town.shared:
        assert "petugas1" in str(town.viewers(camera)) or "Petugas jaga 1" in str(
            town.viewers(camera)
        )
    assert {town.lamp(camera.site) for camera in town.shared} == {"on"}


def test_waiting_sites_say_whose_signatures_are_missing(town: Town, wall: Screen) -> None:
    for name in WAITING:
        tile = wall.tile("–").filter(has_text=name)
        expect(tile).to_have_count(1)
        expect(tile).to_contain_text("MENUNGGU TANDA TANGAN")
        expect(tile).to_contain_text("3 dari 5 tanda tangan")
        expect(tile).to_contain_text("Bawaslu, Kesbangpol")
        expect(tile.locator("video")).to_have_count(0)
        assert not re.search(r"\b1[12]\d\b", tile.inner_text()), "a number that nobody agreed on"


def strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys and numbers included."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield str(value)


def secrets_of(town: Town) -> dict[str, list[bytes]]:
    """What would give an inside camera away: by number, its id, canary, names, position."""
    told = {camera.number: camera for camera in read_town().cameras}
    found = {}
    for camera in town.inside:
        words = told[camera.number]
        texts = (camera.id, words.name.id, words.name.en, f'"{camera.number}"')
        found[camera.number] = [
            camera.canary,
            camera.canary.hex().encode(),
            *(text.encode() for text in texts),
        ]
    return found


def check_absent(town: Town, raw: bytes, where: str) -> None:
    for number, secrets in secrets_of(town).items():
        for secret in secrets:
            assert secret not in raw, f"camera {number} is in {where}"


def test_no_inside_camera_is_on_the_wall_or_in_what_it_was_sent(town: Town, wall: Screen) -> None:
    assert {camera.number for camera in town.inside} == {"105", "106", "115", "125"}
    wall.see_moving(AGREED)
    assert wall.received, "no event was seen"
    for where, text in (*words_of(wall.page).items(), ("events", "\n".join(wall.received))):
        check_absent(town, text.encode(), where)
    shown = wall.page.locator("body").inner_text()
    for camera in town.inside:
        assert not re.search(rf"\b{camera.number}\b", shown)


def test_no_inside_camera_is_in_an_answer_of_the_center(town: Town) -> None:
    paths = ("/api/cameras", "/api/sites", "/api/sessions", "/api/me", "/api/health")
    for path in (*paths, "/openapi.json"):
        answer = town.operator.get(path).raise_for_status()
        check_absent(town, answer.content, path)
        numbers = {camera.number for camera in town.inside}
        assert numbers.isdisjoint(strings(answer.json()))


def test_asking_for_an_inside_camera_is_like_asking_for_none(town: Town) -> None:
    def ask(camera: str) -> httpx.Response:
        wish = {"camera": camera, "action": "live", "purpose": "routine_watch"}
        return town.operator.post("/api/sessions", json=wish)

    nobody = ask("cam-000000000000")
    assert nobody.status_code in {403, 404}
    for camera in town.inside:
        answer = ask(camera.id)
        assert answer.status_code == nobody.status_code
        assert answer.text.replace(camera.id, "cam-000000000000") == nobody.text


def test_no_inside_camera_is_in_the_files_of_the_center(town: Town, wall: Screen) -> None:
    wall.see_moving(AGREED)
    logs = [path for path in (town.folder / "logs").iterdir() if path.name.startswith("center")]
    files = [path for path in (town.folder / "center").rglob("*") if path.is_file()]
    assert logs
    assert any(path.name == "center.db" for path in files)
    for path in (*files, *logs):
        check_absent(town, path.read_bytes(), str(path.relative_to(town.folder)))
