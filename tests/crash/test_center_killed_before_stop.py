"""The owner's Stop needs no center: with the center dead, pictures stop at the keeper's socket, the
owner is answered, and the center learns of it when it is back."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from serambi.fabric.frames import Live, State
from tests.crash.killing import entries_of
from tests.crash.small_town import TALL, SmallTown, running_town, see_pictures, wait_until
from tests.simulation.tap import Tap, Taps, payload, taps

SKEW_MS = 1000


@pytest.fixture
def tapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmallTown, Taps]]:
    with (
        taps() as between,
        running_town(tmp_path_factory.mktemp("stopped"), between.put_between) as town,
    ):
        yield town, between


async def _watch_then_kill_the_center(town: SmallTown, cameras: list[str]) -> None:
    """Open views of all `cameras`, see that they live, and kill the center under them."""
    for camera in cameras:
        session = await asyncio.to_thread(town.open_view, camera)
        async with town.watching(session) as socket:
            await see_pictures(socket, town.canary(camera), 2)
    await asyncio.to_thread(town.hold, "center")


def _stop(town: SmallTown, camera: str | None) -> tuple[float, dict[str, Any]]:
    answer = town.owner(TALL, "POST", "/api/stop", json={"camera": camera})
    assert answer.status_code == 200
    return time.time() * 1000, answer.json()


def _viewers(town: SmallTown) -> tuple[str, set[str]]:
    lamp = town.owner(TALL, "GET", "/api/health").json()["lamp"]
    return lamp, {viewer["camera"] for viewer in town.owner(TALL, "GET", "/api/viewers").json()}


def _cameras_after(tap: Tap, between: Taps, since: int) -> set[str]:
    """Whose pictures crossed after byte `since`, while two more states did."""
    wait_until(lambda: sum(isinstance(f, State) for f in tap.frames(since)) >= 2, "two states")
    between.settle()
    return {frame.camera for frame in tap.frames(since) if isinstance(frame, Live)}


def _position(tap: Tap, between: Taps) -> int:
    """Where the next frame will begin, once all that was read is kept."""
    between.settle()
    return tap.whole_bytes()


def test_a_stop_works_with_the_center_dead(tapped: tuple[SmallTown, Taps]) -> None:
    town, between = tapped
    tap = between.sites[TALL]
    stopped, watched = town.shared
    asyncio.run(_watch_then_kill_the_center(town, [stopped, watched]))

    # The center is dead, the grants still hold: pictures go on to the courier.
    before = _position(tap, between)
    assert _cameras_after(tap, between, before) == {stopped, watched}
    wait_until(lambda: _viewers(town)[0] == "unknown", "the keeper notices the dead center")

    first_ms, answer = _stop(town, stopped)
    here = _position(tap, between)
    assert answer["sessions"] == 1
    assert answer["people"] == 1
    assert 0 <= answer["seconds"] < 1
    assert _cameras_after(tap, between, here) == {watched}
    assert _viewers(town) == ("unknown", {watched})

    second_ms, answer = _stop(town, None)
    here = _position(tap, between)
    assert answer["sessions"] == 1
    assert _cameras_after(tap, between, here) == set()
    assert _viewers(town) == ("stopped", set())
    assert all(b'"state":"stopped"' in payload(state) for state in tap.states()[-2:])

    entries = entries_of(town.layout.keeper(TALL) / "ledger")
    told = [(e.kind, e.camera, e.reason) for e in entries][-4:]
    assert told == [
        ("session_closed", stopped, "stopped"),
        ("stopped", stopped, ""),
        ("session_closed", watched, "stopped"),
        ("stopped", "", ""),
    ]

    town.let_go("center")
    wait_until(lambda: all(c["state"] == "stopped" for c in _shown(town).values()), "told", 60)
    for camera, at_ms in ((stopped, first_ms), (watched, second_ms)):
        assert at_ms - SKEW_MS <= _shown(town)[camera]["since_ms"] <= at_ms
    refused = wait_until(lambda: _refusal(town, stopped), "the site is reached again")
    assert refused == "stopped"


def _shown(town: SmallTown) -> dict[str, Any]:
    """The cameras as the center shows them; fails `all` while it is away."""
    return town.cameras() or {"none": {"state": "unknown"}}


def _refusal(town: SmallTown, camera: str) -> str:
    wish = {"camera": camera, "action": "live", "purpose": "routine_watch"}
    answer = town.ask("POST", "/api/sessions", json=wish)
    assert answer.status_code in (403, 503)
    return str(answer.json()["error"].get("reason") or "")
