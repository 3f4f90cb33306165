"""A thread that reads many streams outlives whatever happens in it."""

import contextlib
import threading

import pytest

from serambi.base.clock import SystemClock
from serambi.camera.engines import Engines, Reader, SharedReader
from serambi.camera.rtsp import shard, stream
from serambi.camera.source import Emit
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.sim.loop_file import Loop
from tests.fakes.reading import PASSWORD, USER, on_air, reading, until
from tests.simulation.sim_town import camera, small_loops


@pytest.fixture(scope="module")
def loops() -> dict[str, Loop]:
    return small_loops()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (shard, stream):
        monkeypatch.setattr(module, "BACKOFF_FIRST_S", 0.02)


class Silent:
    """What stands in for PyAV: reads nothing."""

    engine = "other"
    lost_packets = 0

    def __init__(self, url: str, user: str, password: str) -> None:
        pass

    def run(self, emit: Emit, stop: threading.Event) -> None:
        stop.wait(30)


def _shard(reader: Reader) -> shard.Shard:
    assert isinstance(reader, SharedReader)
    return reader._shard


def _crash() -> None:
    raise ZeroDivisionError("rtsp://viewer:secret@camera")


async def test_a_crash_outside_of_all_streams_costs_them_a_connection_and_is_said(
    loops: dict[str, Loop],
) -> None:
    async with on_air(camera(loops)) as (_, url), reading() as readers:
        both = [readers.read(url) for _ in range(2)]
        for times in (2, 3):
            await until(lambda: all(reader.health().state == "live" for reader, _ in both))
            _shard(both[0][0])._do(_crash)
            await until(lambda n=times: all(r.health().connections == n for r, _ in both))  # type: ignore[misc]
        for reader, seen in both:
            health = reader.health()
            said = "the reader of these cameras crashed (ZeroDivisionError); see the log"
            assert health.last_error == said
            assert (health.engine, health.state) == ("own", "live")
            assert seen.items.count(None) == 2, "each connection's end is said"


async def test_what_was_asked_before_a_crash_is_still_done(loops: dict[str, Loop]) -> None:
    async with on_air(camera(loops)) as (_, url), reading() as readers:
        reader, seen = readers.read(url)
        await until(lambda: seen.units)
        done = threading.Event()
        # Asked for together, before the thread can look: one wake for both.
        thread = _shard(reader)

        def ask() -> None:
            thread._do(_crash)
            thread._do(done.set)

        thread._do(ask)
        await until(done.is_set)


async def test_one_that_cannot_even_end_is_set_apart_and_takes_nobody_along(
    loops: dict[str, Loop],
) -> None:
    """Its recorder fails at every end of a connection."""

    def broken(item: VideoConfig | AccessUnit | None) -> None:
        if item is None:
            raise OSError("the disk is gone")

    bad, good = camera(loops, "bad"), camera(loops, "good")
    async with on_air(bad, good) as (server, url), reading(Silent) as readers:
        reader, seen = readers.read(url.replace("/bad/", "/good/"))
        await until(lambda: seen.units)
        victim = readers.engines.reader(url, USER, PASSWORD, name="bad/main", on_item=broken)
        victim.start()
        for times in (1, 2, 3):
            await until(lambda n=times: victim.health().connections == n)  # type: ignore[misc]
            assert victim.health().engine == "own"
            bad.drop()
        await until(lambda: victim.health().engine == "other")
        assert "(OSError)" in victim.health().engine_reason
        await until(lambda: len(server.connections) == 1)  # nothing of it is left open
        before = len(seen.units)
        await until(lambda: len(seen.units) > before)
        assert reader.health().connections == 1
        victim.stop()
        assert victim.join(10)


def test_a_thread_that_crashes_again_and_again_ends_when_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shard, "BACKOFF_FIRST_S", 600.0)
    monkeypatch.setattr(shard, "BACKOFF_MAX_S", 600.0)
    crashed = threading.Event()

    def crash() -> None:
        crashed.set()
        _crash()

    made = shard.Shard(SystemClock())
    made._do(crash)
    made.start()
    assert crashed.wait(10)
    made.stop()
    assert made.join(10)


def test_without_a_thread_to_be_had_the_own_reader_keeps_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engines = Engines(SystemClock(), fallback=Silent)
    made = engines.reader("rtsps://127.0.0.1/x", "", "", name="x", on_item=lambda item: None)
    assert isinstance(made, SharedReader)
    with monkeypatch.context() as patched, contextlib.suppress(RuntimeError):
        patched.setattr("serambi.camera.engines.CameraReader.start", _no_thread)
        made._hand_over("a reason")
    assert (made.health().engine, made.health().engine_reason) == ("own", "")
    made.stop()
    assert made.join(10)
    engines.close()


def _no_thread(self: object) -> None:
    raise RuntimeError("can't start new thread")
