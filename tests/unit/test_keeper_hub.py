"""From camera threads to the loop: encoded once, cached, bounded, and nothing stale."""

import asyncio
import threading

import pytest

from serambi.base.errors import SerambiError
from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, SOURCE_QUEUE_UNITS
from serambi.keeper import hub as hub_module
from serambi.keeper.hub import Hub
from serambi.media import wire
from serambi.media.access_unit import AccessUnit, VideoConfig

CONFIG = VideoConfig("avc1.64001f", b"record", 640, 360)


def unit(number: int, *, key: bool = False, size: int = 10) -> AccessUnit:
    return AccessUnit(number * 3600, number * 3600, key, 1_000_000 + number, b"x" * size)


class Taker:
    def __init__(self) -> None:
        self.got: list[tuple[str, str, VideoConfig | AccessUnit, bool]] = []
        self.repeated: list[int] = []
        self.open = True
        self.hub = Hub(asyncio.get_running_loop(), self.offer, lambda camera, stream: self.open)

    def watch(self, camera: str = "cam-1") -> list[VideoConfig | AccessUnit]:
        """Somebody opens the stream: what greets them."""
        return [wire.decode(message) for message in self.hub.prelude(camera, "sub")]

    def offer(self, camera: str, stream: str, message: bytes, key: bool) -> None:
        if wire.is_again(message, wire.encode_config(CONFIG)):
            self.repeated.append(len(self.got))
            return
        self.got.append((camera, stream, wire.decode(message), key))

    def push(self, *items: VideoConfig | AccessUnit, camera: str = "cam-1") -> None:
        def run() -> None:
            for item in items:
                self.hub.push(camera, "sub", item)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_nobody_watches_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    taker = Taker()
    woken: list[object] = []
    monkeypatch.setattr(taker.hub._loop, "call_soon_threadsafe", woken.append)
    taker.push(CONFIG, unit(0, key=True), unit(1))
    assert (woken, taker.got) == ([], [])
    assert taker.watch() == [CONFIG, unit(0, key=True), unit(1)]
    taker.push(unit(2), unit(3))
    assert len(woken) == 1, "once for all that comes before the loop's turn"


async def test_every_item_is_offered_in_order_with_its_mark() -> None:
    taker = Taker()
    taker.watch()
    items: list[VideoConfig | AccessUnit] = [CONFIG, unit(0, key=True), unit(1), unit(2)]
    taker.push(*items)
    assert taker.got == []
    await settle()
    assert taker.got == [("cam-1", "sub", item, n < 2) for n, item in enumerate(items)]


async def test_the_configuration_is_said_again_before_every_key_picture() -> None:
    taker = Taker()
    taker.watch()
    taker.push(CONFIG, unit(0, key=True), unit(1), unit(2, key=True), unit(3))
    await settle()
    assert taker.repeated == [1, 3]
    assert taker.watch() == [CONFIG, unit(2, key=True), unit(3)], "who comes later gets it once"
    taker.push(unit(4, key=True))
    await settle()
    assert taker.repeated == [1, 3, 5]


async def test_the_prelude_is_the_configuration_and_the_pictures_since_the_key() -> None:
    taker = Taker()
    assert taker.watch() == []
    assert taker.hub.config("cam-1", "sub") is None
    taker.push(CONFIG, unit(0, key=True), unit(1), unit(2, key=True), unit(3))
    assert taker.watch() == [CONFIG, unit(2, key=True), unit(3)]
    await settle()
    assert taker.got == [], "nothing twice"
    assert taker.hub.prelude("cam-1", "main") == ()
    assert taker.hub.config("cam-1", "sub") == CONFIG


async def test_a_view_that_opens_at_any_moment_misses_nothing_and_gets_nothing_twice() -> None:
    taker = Taker()
    taker.push(CONFIG)
    stop = threading.Event()

    def film() -> None:
        for number in range(1_000_000):
            taker.hub.push("cam-1", "sub", unit(number, key=number % 10 == 0))
            if stop.wait(0.0005):
                return

    camera = threading.Thread(target=film)
    camera.start()
    try:
        for _ in range(20):
            await asyncio.sleep(0.003)
            taker.got.clear()
            seen = taker.watch()
            await asyncio.sleep(0.003)
            seen += [got[2] for got in taker.got]
            numbers = [item.pts // 3600 for item in seen if isinstance(item, AccessUnit)]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert numbers[0] % 10 == 0
    finally:
        stop.set()
        camera.join()


async def test_a_stream_that_is_closed_stays_so_and_goes_on_when_it_is_opened_again() -> None:
    taker = Taker()
    taker.watch()
    taker.open = False
    taker.push(CONFIG, unit(0, key=True))
    await settle()
    assert taker.got == []
    taker.open = True
    taker.push(unit(1))
    await settle()
    assert [got[2] for got in taker.got] == [unit(1)], "its end was only moved"


async def test_a_stream_long_closed_counts_as_unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "UNWATCHED_S", -1.0)
    taker = Taker()
    taker.watch()
    taker.open = False
    taker.push(CONFIG, unit(0, key=True))
    await settle()
    taker.open = True
    taker.push(unit(1))
    await settle()
    assert taker.got == []
    assert taker.watch() == [CONFIG, unit(0, key=True), unit(1)]


async def test_a_camera_that_went_away_leaves_nothing_to_greet_with() -> None:
    taker = Taker()
    taker.watch()
    taker.push(CONFIG, unit(0, key=True))
    # The camera's thread ends while its last pictures are still on their way to the loop.
    taker.hub.forget("cam-1", "sub")
    taker.hub.forget("no-such", "sub")
    await settle()
    assert [got[2] for got in taker.got] == [CONFIG, unit(0, key=True)]
    assert taker.watch() == []
    taker.push(CONFIG, unit(5), unit(6, key=True))
    await settle()
    assert taker.watch() == [CONFIG, unit(6, key=True)]


async def test_a_loop_that_falls_behind_skips_to_the_next_key_picture() -> None:
    taker = Taker()
    for camera in ("cam-1", "cam-2"):
        taker.watch(camera)
    taker.push(CONFIG, unit(0, key=True), *(unit(n) for n in range(1, SOURCE_QUEUE_UNITS + 50)))
    taker.push(unit(900, key=True))
    dropped = taker.hub.dropped
    assert dropped == 52
    await settle()
    assert len(taker.got) == SOURCE_QUEUE_UNITS
    taker.push(unit(901), unit(902, key=True), unit(903))
    await settle()
    assert [got[2] for got in taker.got[-2:]] == [unit(902, key=True), unit(903)]
    assert taker.hub.dropped == dropped + 1
    taker.push(CONFIG, unit(0, key=True), camera="cam-2")
    await settle()
    assert taker.got[-1][0] == "cam-2", "another camera is not affected"


async def test_pictures_too_large_do_not_silence_the_stream() -> None:
    taker = Taker()
    taker.watch()
    taker.push(CONFIG)
    for _ in range(SOURCE_QUEUE_UNITS + 1):
        with pytest.raises(SerambiError, match="picture has"):
            taker.hub.push("cam-1", "sub", unit(0, key=True, size=ACCESS_UNIT_MAX_BYTES + 1))
    taker.push(unit(1, key=True), unit(2))
    await settle()
    assert [got[2] for got in taker.got] == [CONFIG, unit(1, key=True), unit(2)]


def test_a_loop_that_has_ended_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    hub = Hub(loop, lambda *_: None, lambda *_: True)
    hub.prelude("cam-1", "sub")
    hub.push("cam-1", "sub", CONFIG)
    loop.close()
    hub._woken = False
    hub.push("cam-1", "sub", unit(0, key=True))
    hub.forget("cam-1", "sub")
