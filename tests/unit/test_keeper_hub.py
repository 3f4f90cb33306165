"""From camera threads to the loop: encoded once, cached, bounded, and nothing stale."""

import asyncio
import threading

import pytest

from serambi.base.errors import SerambiError
from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, SOURCE_QUEUE_UNITS
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
        self.hub = Hub(asyncio.get_running_loop(), self.offer)

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

    @property
    def cached(self) -> list[VideoConfig | AccessUnit]:
        return [wire.decode(message) for message in self.hub.prelude("cam-1", "sub")]


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_every_item_is_offered_in_order_with_its_mark() -> None:
    taker = Taker()
    items: list[VideoConfig | AccessUnit] = [CONFIG, unit(0, key=True), unit(1), unit(2)]
    taker.push(*items)
    assert taker.got == []
    await settle()
    assert taker.got == [("cam-1", "sub", item, n < 2) for n, item in enumerate(items)]


async def test_the_configuration_is_said_again_before_every_key_picture() -> None:
    taker = Taker()
    taker.push(CONFIG, unit(0, key=True), unit(1), unit(2, key=True), unit(3))
    await settle()
    assert taker.repeated == [1, 3]
    assert taker.cached == [CONFIG, unit(2, key=True), unit(3)], "who comes later gets it once"


async def test_the_prelude_is_the_configuration_and_the_pictures_since_the_key() -> None:
    taker = Taker()
    assert taker.hub.prelude("cam-1", "sub") == ()
    assert taker.hub.config("cam-1", "sub") is None
    taker.push(CONFIG, unit(0, key=True), unit(1), unit(2, key=True), unit(3))
    await settle()
    assert taker.cached == [CONFIG, unit(2, key=True), unit(3)]
    assert taker.hub.prelude("cam-1", "main") == ()
    assert taker.hub.config("cam-1", "sub") == CONFIG


async def test_a_camera_that_went_away_leaves_nothing_to_greet_with() -> None:
    taker = Taker()
    taker.push(CONFIG, unit(0, key=True))
    # The camera's thread ends while its last pictures are still on their way to the loop.
    taker.hub.forget("cam-1", "sub")
    taker.hub.forget("no-such", "sub")
    await settle()
    assert taker.cached == []
    taker.push(CONFIG, unit(5), unit(6, key=True))
    await settle()
    assert taker.cached == [CONFIG, unit(6, key=True)]


async def test_a_loop_that_falls_behind_skips_to_the_next_key_picture() -> None:
    taker = Taker()
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
    taker.push(CONFIG)
    for _ in range(SOURCE_QUEUE_UNITS + 1):
        with pytest.raises(SerambiError, match="picture has"):
            taker.hub.push("cam-1", "sub", unit(0, key=True, size=ACCESS_UNIT_MAX_BYTES + 1))
    taker.push(unit(1, key=True), unit(2))
    await settle()
    assert [got[2] for got in taker.got] == [CONFIG, unit(1, key=True), unit(2)]


def test_a_loop_that_has_ended_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    hub = Hub(loop, lambda *_: None)
    hub.push("cam-1", "sub", CONFIG)
    loop.close()
    hub.push("cam-1", "sub", unit(0, key=True))
    hub.forget("cam-1", "sub")
