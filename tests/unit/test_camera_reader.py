"""The reader and its health, with sources that need no network."""

import threading
import time
from collections.abc import Callable, Iterable

import pytest

from serambi.base.clock import ManualClock, SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.camera import reader as reader_module
from serambi.camera.health import HealthMeter
from serambi.camera.reader import CameraReader
from serambi.camera.source import Emit
from serambi.media.access_unit import AccessUnit, VideoConfig
from tests.clips import clip

Item = VideoConfig | AccessUnit | None


class _Script:
    """A source that plays one act each time it is run; the last one again and again."""

    engine = "script"
    lost_packets = 3

    def __init__(self, *acts: Callable[[Emit, threading.Event], None]) -> None:
        self._acts = acts
        self.runs = 0

    def run(self, emit: Emit, stop: threading.Event) -> None:
        act = self._acts[min(self.runs, len(self._acts) - 1)]
        self.runs += 1
        act(emit, stop)


def _plays(emit: Emit, stop: threading.Event) -> None:
    for item in clip().items()[:4]:
        emit(item)
    stop.wait(30)


def _refuses(emit: Emit, stop: threading.Event) -> None:
    raise SerambiError(Kind.UNAVAILABLE, "nothing answers", hint="is it on?")


def _crashes(emit: Emit, stop: threading.Event) -> None:
    raise RuntimeError("a defect")


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "BACKOFF_FIRST_S", 0.01)


def _start(source: _Script, on_item: Callable[[Item], None]) -> CameraReader:
    made = CameraReader(source, name="gate/main", on_item=on_item, clock=SystemClock())
    made.start()
    return made


def test_items_arrive_and_a_stop_ends_the_thread() -> None:
    seen: list[Item] = []
    made = _start(_Script(_plays), seen.append)
    _until(lambda: len(seen) == 4)
    health = made.health()
    assert (health.state, health.lost_packets, health.engine) == ("live", 3, "script")
    made.stop()
    assert made.join()
    assert seen == [clip().config, *clip().units[:3], None]


@pytest.mark.parametrize(
    ("act", "said"), [(_refuses, "nothing answers (is it on?)"), (_crashes, "see the log")]
)
def test_a_failure_is_said_and_tried_again(
    act: Callable[[Emit, threading.Event], None], said: str
) -> None:
    seen: list[Item] = []
    source = _Script(act, act, _plays)
    made = _start(source, seen.append)
    _until(lambda: len(seen) == 6)
    assert seen[:3] == [None, None, clip().config]
    assert source.runs == 3
    assert made.health().state == "live"
    assert said in made.health().last_error
    made.stop()
    assert made.join()


def test_what_takes_the_items_may_refuse_the_end() -> None:
    def refuse(item: Item) -> None:
        if item is None:
            raise SerambiError(Kind.UNAVAILABLE, "the disk is full")

    source = _Script(_refuses, _plays)
    made = _start(source, refuse)
    _until(lambda: made.health().state == "live")
    made.stop()
    assert made.join()


def test_nothing_is_passed_on_after_a_stop() -> None:
    seen: list[Item] = []
    entered = threading.Event()

    def late(emit: Emit, stop: threading.Event) -> None:
        entered.set()
        stop.wait(30)
        emit(clip().units[0])

    made = _start(_Script(late), seen.append)
    assert entered.wait(10)
    made.stop()
    assert made.join()
    assert seen == [None]


def test_a_reader_that_never_started_is_joined() -> None:
    made = CameraReader(_Script(_plays), name="g", on_item=lambda _: None, clock=SystemClock())
    made.stop()
    assert made.join()


def _feed(meter: HealthMeter, clock: ManualClock, units: Iterable[AccessUnit]) -> None:
    for unit in units:
        meter.saw(unit, 0)
        clock.advance(0.04)


def test_health_counts_over_five_seconds() -> None:
    clock = ManualClock(1000.0)
    meter = HealthMeter(clock, "script")
    assert meter.snapshot().state == "connecting"
    unit = AccessUnit(0, 0, False, 0, bytes(1000))
    _feed(meter, clock, [unit] * 250)
    health = meter.snapshot()
    assert (health.state, health.since, health.connections) == ("live", 1000.0, 1)
    assert health.fps == pytest.approx(25, rel=0.02)
    assert health.bitrate_bps == pytest.approx(25 * 8000, rel=0.02)
    assert health.lag_s == pytest.approx(0, abs=0.01)
    clock.advance(2.0)
    assert meter.snapshot().lag_s > 1.9


def test_health_remembers_the_error_after_recovery() -> None:
    clock = ManualClock(1000.0)
    meter = HealthMeter(clock, "script")
    meter.failed("no route")
    clock.advance(5)
    meter.failed("no route")
    health = meter.snapshot()
    assert (health.state, health.since, health.fps, health.lag_s) == ("down", 1000.0, 0, 0)
    _feed(meter, clock, [AccessUnit(0, 0, True, 0, b"x")])
    health = meter.snapshot()
    assert (health.state, health.since, health.last_error) == ("live", 1005.0, "no route")
