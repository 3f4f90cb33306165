"""Which engine reads: the own one, PyAV for what it cannot serve, and back."""

import socket
import threading

import pytest

from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.camera import engines as engines_module
from serambi.camera import reader as reader_module
from serambi.camera.engines import Engines
from serambi.camera.rtsp import resolver, stream
from serambi.camera.source import Emit
from serambi.sim.loop_file import Loop
from tests.clips import clip
from tests.fakes.reading import PASSWORD, USER, on_air, reading, until
from tests.simulation.sim_town import camera, small_loops


class Other:
    """What stands in for PyAV: plays a clip until it is told to fail."""

    engine = "other"
    lost_packets = 0

    def __init__(self, url: str, user: str, password: str) -> None:
        self.opened = (url, user, password)
        self.fail = threading.Event()
        OPENED.append(self)

    def run(self, emit: Emit, stop: threading.Event) -> None:
        for item in clip().items()[:4]:
            emit(item)
        while not (stop.wait(0.01) or self.fail.is_set()):
            continue
        if self.fail.is_set():
            raise SerambiError(Kind.UNAVAILABLE, "it failed")


OPENED: list[Other] = []


@pytest.fixture(scope="module")
def loops() -> dict[str, Loop]:
    return small_loops()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    OPENED.clear()
    for module in (stream, reader_module):
        monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.05)


@pytest.mark.parametrize("hostile", ["not-rtsp", "garbage-answers", "garbage-description"])
async def test_what_the_own_reader_cannot_read_is_handed_over(
    loops: dict[str, Loop], hostile: str
) -> None:
    async with on_air(camera(loops, hostile=hostile)) as (_, url), reading(Other) as readers:
        reader, seen = readers.read(url)
        await until(lambda: len(seen.units) == 3)
        health = reader.health()
        assert (health.engine, health.state) == ("other", "live")
        assert health.engine_reason
        assert OPENED[0].opened == (url, USER, PASSWORD)
    assert seen.items[-1] is None


async def test_other_addresses_go_to_the_other_engine_at_once() -> None:
    async with reading(Other) as readers:
        reader, seen = readers.read("rtsps://127.0.0.1/x")
        await until(lambda: len(seen.units) == 3)
        assert "rtsp:// address" in reader.health().engine_reason


async def test_the_own_reader_has_its_turn_again(
    loops: dict[str, Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines_module, "OWN_READER_AGAIN_FIRST_S", 0.0)
    made = camera(loops, hostile="not-rtsp")
    async with on_air(made) as (_, url), reading(Other) as readers:
        reader, seen = readers.read(url)
        await until(lambda: len(seen.units) == 3)
        made.manner = camera(loops).manner
        assert reader.health().engine == "other", "what works is not cut"
        OPENED[0].fail.set()
        await until(lambda: reader.health().engine == "own" and len(seen.units) > 8)
        assert reader.health().engine_reason == ""
    assert len(OPENED) == 1


async def test_a_camera_that_is_merely_down_stays_with_the_own_reader() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with reading(Other) as readers:
            reader, _ = readers.read(f"rtsp://127.0.0.1:{unused.getsockname()[1]}/x")
            await until(lambda: reader.health().last_error)
            assert reader.health().engine == "own"
    assert OPENED == []


async def test_garbage_in_mid_stream_is_forgiven_a_few_times(loops: dict[str, Loop]) -> None:
    made = camera(loops, hostile="garbage-between")
    async with on_air(made) as (_, url), reading(Other) as readers:
        reader, _ = readers.read(url)
        await until(lambda: reader.health().engine == "other")
        assert "RTSP" in reader.health().engine_reason


async def test_an_end_while_it_is_handed_over(loops: dict[str, Loop]) -> None:
    async with on_air(camera(loops, hostile="not-rtsp")) as (_, url), reading(Other) as readers:
        for _ in range(5):
            reader, _ = readers.read(url)
            reader.stop()
        await until(lambda: all(r.join(0.0) for r in readers.readers))


def test_a_reader_that_never_started_ends() -> None:
    engines = Engines(SystemClock())
    reader = engines.reader("rtsp://127.0.0.1/x", "", "", name="x", on_item=lambda item: None)
    reader.stop()
    assert reader.join(1.0)
    engines.close()


def test_more_streams_take_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines_module, "SHARD_STREAMS_MAX", 2)
    engines = Engines(SystemClock())
    for _ in range(5):
        engines.reader("rtsp://127.0.0.1/x", "", "", name="x", on_item=lambda item: None)
    assert len(engines._shards) == 3
    engines.close()


def test_numbers_need_no_name_server() -> None:
    assert resolver.numeric("127.0.0.1", 554) == (socket.AF_INET, ("127.0.0.1", 554))
    assert resolver.numeric("::1", 554) == (socket.AF_INET6, ("::1", 554))
    assert resolver.numeric("localhost", 554) is None


def test_questions_to_the_name_server_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "RESOLVER_QUEUE", 1)
    asked, go = threading.Event(), threading.Event()

    def slow(host: str, port: int, flags: int) -> resolver.Address:
        asked.set()
        go.wait(10)
        return (socket.AF_INET, (host, port))

    monkeypatch.setattr(resolver, "_look_up", slow)
    made, answers = resolver.Resolver(), list[object]()
    made.ask("first", 1, answers.append)
    assert asked.wait(10)
    made.ask("second", 2, answers.append)
    made.ask("third", 3, answers.append)
    assert isinstance(answers[0], SerambiError)
    done = threading.Event()
    go.set()
    while not made._questions.empty():
        done.wait(0.005)
    made.close()
    assert len(answers) == 3
