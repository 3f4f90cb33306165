"""PyAV against simulated cameras over real sockets: pictures, and each refusal in its own words."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise

import pytest

from serambi.base.clock import SystemClock
from serambi.base.errors import SerambiError
from serambi.camera.pyav_source import PyAVSource, redact, with_credentials
from serambi.camera.reader import CameraReader
from serambi.media import h264, pyav
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.sim.loop_file import Loop, Unit
from serambi.sim.rtsp import Server, listen
from serambi.sim.stream import Camera
from tests.clips import clip

USER, PASSWORD = "viewer", "p:ss w@rd/"
CANARY = b"\xa5" + bytes(range(1, 16))
DEADLINE_S = 20

Item = VideoConfig | AccessUnit | None


def _camera() -> Camera:
    made = clip(50, gop=10)
    units = tuple(
        Unit(unit.key, tuple(h264.split_length_prefixed(unit.data))) for unit in made.units
    )
    loop = Loop(made.config.width, made.config.height, made.fps, units)
    return Camera("gate", USER, PASSWORD, CANARY, {"main": loop}, SystemClock())


@asynccontextmanager
async def _on_air() -> AsyncIterator[tuple[Server, str]]:
    async with listen([_camera()], SystemClock()) as server:
        yield server, f"rtsp://127.0.0.1:{server.port}/gate/main"


async def _read(url: str, count: int, password: str = PASSWORD) -> tuple[list[Item], PyAVSource]:
    """Run a source until it has given `count` items."""
    source = PyAVSource(url, USER, password, wall_us=lambda: 77)
    stop, items = threading.Event(), list[Item]()

    def emit(item: VideoConfig | AccessUnit) -> None:
        items.append(item)
        if len(items) == count:
            stop.set()

    async with asyncio.timeout(DEADLINE_S):
        await asyncio.to_thread(source.run, emit, stop)
    return items, source


async def test_pictures_arrive_with_configuration_and_rising_times() -> None:
    async with _on_air() as (_, url):
        items, source = await _read(url, 30)
    config, *units = items
    made = clip(50, gop=10)
    assert config == made.config
    assert all(isinstance(unit, AccessUnit) for unit in units)
    pictures = [unit for unit in units if isinstance(unit, AccessUnit)]
    assert pictures[0].key
    assert pictures[0].dts <= 3600
    assert {b.dts - a.dts for a, b in pairwise(pictures)} == {3600}
    assert {unit.wall_us for unit in pictures} == {77}
    assert source.lost_packets == 0


async def test_the_canary_and_every_nal_arrive_byte_for_byte() -> None:
    async with _on_air() as (server, url):
        items, _ = await _read(url, 12)
        sei = server.cameras["gate"].streams["main"].sei
    sent = {nal for unit in clip(50, gop=10).units for nal in h264.split_length_prefixed(unit.data)}
    for unit in items[1:]:
        assert isinstance(unit, AccessUnit)
        nals = list(h264.split_length_prefixed(unit.data))
        assert nals.count(sei) == 1
        assert set(nals) <= sent | {sei}


async def _refused(url: str, password: str = PASSWORD) -> str:
    with pytest.raises(SerambiError) as caught:
        await _read(url, 30, password)
    said = str(caught.value)
    assert caught.value.hint
    for secret in (PASSWORD, "p%3Ass", USER):
        assert secret not in said
    return said


async def test_each_refusal_has_its_own_words() -> None:
    async with _on_air() as (_, url):
        assert "user name or password" in await _refused(url, "guess")
        assert "no stream at this path" in await _refused(url + "x")
    assert "nothing answers" in await _refused(url)


async def test_a_camera_that_hangs_up_is_said() -> None:
    async with _on_air() as (server, url):
        reading = asyncio.create_task(_read(url, 10_000))
        await _watched(server)
        server.cameras["gate"].drop()
        with pytest.raises(SerambiError, match=r"ended the stream|cannot be read"):
            await reading


async def _watched(server: Server) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not server.cameras["gate"].streams["main"].players:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_frozen_camera_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyav, "CONNECT_TIMEOUT_S", 0.7)
    async with _on_air() as (server, url):
        reading = asyncio.create_task(_read(url, 10_000))
        await _watched(server)
        server.cameras["gate"].freeze()
        with pytest.raises(SerambiError, match=r"does not answer|ended the stream"):
            await reading


@contextmanager
def _silent() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def test_a_silent_camera_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyav, "CONNECT_TIMEOUT_S", 0.3)
    with _silent() as port:
        assert "does not answer" in await _refused(f"rtsp://127.0.0.1:{port}/gate/main")


async def test_the_reader_comes_back_after_a_lost_connection() -> None:
    items: list[Item] = []
    async with _on_air() as (server, url):
        source = PyAVSource(url, USER, PASSWORD)
        reader = CameraReader(source, name="gate", on_item=items.append, clock=SystemClock())
        reader.start()
        try:
            await _until(lambda: len(items) > 5)
            server.cameras["gate"].drop()
            await _until(lambda: reader.health().connections == 2)
        finally:
            reader.stop()
            assert await asyncio.to_thread(reader.join)
    again = items[items.index(None) + 1 :]
    assert isinstance(again[0], VideoConfig)
    assert isinstance(again[1], AccessUnit)
    assert again[1].key


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_addresses_take_and_lose_their_credentials() -> None:
    url = "rtsp://old:one@10.0.0.1:554/a?user=x"
    full = with_credentials(url, "me", "a/b@c:d")
    assert full == "rtsp://me:a%2Fb%40c%3Ad@10.0.0.1:554/a?user=x"
    assert with_credentials(url, "", "") == url
    assert redact(full) == redact(url) == "rtsp://10.0.0.1:554/a"
    assert "one" not in redact("rtsp://old:one@[::1/")
