"""The one door: nothing passes unless it is open at that moment."""

from hypothesis import given
from hypothesis import strategies as st

from serambi.base.clock import ManualClock
from serambi.keeper.release import Release


class _Socket:
    """Stands where the socket to the courier stands, and keeps all that reaches it."""

    def __init__(self) -> None:
        self.out: list[tuple[str, str, bytes, bool]] = []
        self.stopped: list[tuple[str, str | None]] = []

    def offer(self, camera: str, stream: str, message: bytes, *, key: bool) -> None:
        self.out.append((camera, stream, message, key))

    async def stop_stream(self, camera: str, stream: str | None = None) -> float:
        self.stopped.append((camera, stream))
        return 0.01


def test_a_closed_door_lets_nothing_pass() -> None:
    socket = _Socket()
    Release(socket, ManualClock(0.0)).offer("cam-1", "sub", b"x", key=True)
    assert socket.out == []


def test_an_open_stream_passes_from_its_configuration_on() -> None:
    socket = _Socket()
    release = Release(socket, ManualClock(100.0))
    release.open("cam-1", "sub", 160.0, [b"config", b"key", b"delta"])
    release.offer("cam-1", "sub", b"next", key=False)
    assert [(m, k) for _, _, m, k in socket.out] == [
        (b"config", True),
        (b"key", True),
        (b"delta", False),
        (b"next", False),
    ]


def test_other_streams_and_cameras_stay_shut() -> None:
    socket = _Socket()
    release = Release(socket, ManualClock(100.0))
    release.open("cam-1", "sub", 160.0, [])
    release.offer("cam-1", "main", b"x", key=True)
    release.offer("cam-2", "sub", b"x", key=True)
    assert socket.out == []
    assert release.is_open("cam-1", "sub")
    assert not release.is_open("cam-1", "main")


def test_the_end_of_the_grant_shuts_the_door_unasked() -> None:
    socket = _Socket()
    clock = ManualClock(100.0)
    release = Release(socket, clock)
    release.open("cam-1", "sub", 160.0, [])
    clock.advance(59.999)
    release.offer("cam-1", "sub", b"in time", key=True)
    clock.advance(0.001)
    release.offer("cam-1", "sub", b"too late", key=True)
    assert [message for _, _, message, _ in socket.out] == [b"in time"]
    assert not release.is_open("cam-1", "sub")


def test_only_an_open_stream_can_be_prolonged() -> None:
    socket = _Socket()
    clock = ManualClock(100.0)
    release = Release(socket, clock)
    release.set_until("cam-1", "sub", 500.0)
    assert not release.is_open("cam-1", "sub")
    release.open("cam-1", "sub", 160.0, [])
    release.set_until("cam-1", "sub", 200.0)
    clock.advance(80.0)
    assert release.is_open("cam-1", "sub")


async def test_closing_shuts_first_and_then_waits_for_the_socket() -> None:
    socket = _Socket()
    release = Release(socket, ManualClock(100.0))
    release.open("cam-1", "sub", 160.0, [])
    release.open("cam-1", "main", 160.0, [])
    release.open("cam-2", "sub", 160.0, [])
    assert await release.close("cam-1") == 0.01
    for camera, stream in (("cam-1", "sub"), ("cam-1", "main"), ("cam-2", "sub")):
        release.offer(camera, stream, b"x", key=True)
    assert [camera for camera, *_ in socket.out] == ["cam-2"]
    assert socket.stopped == [("cam-1", None)]
    await release.close("cam-2", "main")
    assert release.is_open("cam-2", "sub")


_CAMERAS = st.sampled_from(["cam-1", "cam-2"])
_STREAMS = st.sampled_from(["main", "sub"])


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("open"), _CAMERAS, _STREAMS, st.floats(0, 50)),
            st.tuples(st.just("tick"), st.floats(0, 30)),
            st.tuples(st.just("offer"), _CAMERAS, _STREAMS),
        ),
        max_size=40,
    )
)
def test_what_passes_was_open_at_that_moment(steps: list[tuple[object, ...]]) -> None:
    socket, clock = _Socket(), ManualClock(100.0)
    release = Release(socket, clock)
    until: dict[tuple[object, object], float] = {}
    for step in steps:
        match step:
            case ("open", str(camera), str(stream), float(duration_s)):
                until[camera, stream] = clock.now() + duration_s
                release.open(camera, stream, clock.now() + duration_s, [])
            case ("tick", float(duration_s)):
                clock.advance(duration_s)
            case (_, str(camera), str(stream)):
                before = len(socket.out)
                release.offer(camera, stream, b"x", key=True)
                allowed = clock.now() < until.get((camera, stream), 0.0)
                assert (len(socket.out) > before) == allowed


async def test_closing_a_camera_that_was_never_open_does_not_name_it() -> None:
    """A Stop shuts every camera of the site, those inside too."""
    socket = _Socket()
    release = Release(socket, ManualClock(100.0))
    release.open("cam-1", "sub", 160.0, [])
    assert await release.close("inside") == 0.0
    assert await release.close("cam-1") == 0.01
    assert await release.close("cam-1") == 0.01, "what was out may still be on its way"
    assert socket.stopped == [("cam-1", None), ("cam-1", None)]
