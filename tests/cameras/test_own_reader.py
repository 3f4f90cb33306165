"""The own reader against simulated cameras over real sockets: pictures, faults, refusals."""

import asyncio
import os
import socket
import threading
from itertools import pairwise

import pytest

from serambi.base.clock import SystemClock
from serambi.camera.pyav_source import PyAVSource
from serambi.camera.rtsp import connection, session, shard, stream
from serambi.camera.rtsp.target import Transport
from serambi.media import h264, h265
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.sim.faults import Faults
from serambi.sim.loop_file import Loop
from serambi.sim.rtsp import listen
from tests.fakes.reading import PASSWORD, USER, on_air, reading, until
from tests.simulation.sim_town import camera, small_loops

TRANSPORTS: tuple[Transport, ...] = ("tcp", "udp")


@pytest.fixture(scope="module")
def loops() -> dict[str, Loop]:
    return small_loops()


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BACKOFF_FIRST_S", 0.05)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_pictures_arrive_byte_for_byte_with_rising_times(
    loops: dict[str, Loop], transport: Transport
) -> None:
    made = camera(loops)
    async with on_air(made) as (_, url), reading() as readers:
        reader, seen = readers.read(url, transport=transport)
        await until(lambda: len(seen.units) > 25)
        health = reader.health()
        sei = made.streams["main"].sei
    config, first = seen.items[:2]
    assert isinstance(config, VideoConfig)
    assert (config.width, config.height) == (320, 180)
    assert isinstance(first, AccessUnit)
    assert (first.key, first.pts, first.dts) == (True, 0, 0)
    assert {b.dts - a.dts for a, b in pairwise(seen.units)} == {4500}
    assert all(b.wall_us >= a.wall_us for a, b in pairwise(seen.units))
    sent = [unit.nals for unit in loops["main"].units]
    for nals in seen.nals():
        assert nals.count(sei) == 1
        assert tuple(nal for nal in nals if nal != sei) in sent
    assert (health.engine, health.engine_reason, health.lost_packets) == ("own", "", 0)
    assert health.clock_offset_s is not None
    assert abs(health.clock_offset_s) < 5
    assert seen.items[-1] is None, "the end is said"


async def _the_same_as_pyav(made_by: dict[str, Loop]) -> None:
    """Both engines see the same pictures of the same camera."""
    made = camera(made_by)
    stop, theirs = threading.Event(), list[AccessUnit]()

    def take(item: VideoConfig | AccessUnit) -> None:
        if isinstance(item, AccessUnit):
            theirs.append(item)

    async with on_air(made) as (_, url), reading() as readers:
        _, ours = readers.read(url)
        source = PyAVSource(url, USER, PASSWORD)
        theirs_run = asyncio.create_task(asyncio.to_thread(source.run, take, stop))
        await until(lambda: len(theirs) > 25)
        stop.set()
        await theirs_run
        await until(lambda: any(unit.data == theirs[0].data for unit in ours.units))
        begin = next(n for n, u in enumerate(ours.units) if u.data == theirs[0].data)
        await until(lambda: len(ours.units) > begin + 25)
    both = list(zip(ours.units[begin:], theirs, strict=False))
    assert len(both) > 20
    for own, other in both:
        assert (own.data, own.key) == (other.data, other.key)
    # Without the first ones: FFmpeg does not know at once when they were shown.
    steps = [(b.pts - a.pts) for a, b in pairwise(own for own, _ in both[8:])]
    assert steps == [(b.pts - a.pts) for a, b in pairwise(other for _, other in both[8:])]


async def test_h264_is_what_pyav_reads(loops: dict[str, Loop]) -> None:
    await _the_same_as_pyav(loops)


async def test_h264_with_b_pictures_is_what_pyav_reads() -> None:
    await _the_same_as_pyav(small_loops(b_frames=2))


async def test_h265_is_what_pyav_reads() -> None:
    await _the_same_as_pyav(small_loops("h265"))


async def test_h265_begins_with_its_configuration() -> None:
    made = small_loops("h265")
    async with on_air(camera(made)) as (_, url), reading() as readers:
        _, seen = readers.read(url)
        await until(lambda: len(seen.units) > 12)
    assert seen.configs[0].codec.startswith("hvc1")
    assert [h265.is_random_access(h265.nal_type(nals[-1])) for nals in seen.nals()] == [
        unit.key for unit in seen.units
    ]


async def test_b_pictures_keep_their_times_and_dts_only_rises() -> None:
    async with on_air(camera(small_loops(b_frames=2))) as (_, url), reading() as readers:
        _, seen = readers.read(url)
        await until(lambda: len(seen.units) > 30)
    times = sorted(unit.pts for unit in seen.units[:24])
    assert {b - a for a, b in pairwise(times)} <= {4500, 9000, 13_500}
    assert all(b.dts > a.dts for a, b in pairwise(seen.units))
    assert any(b.pts < a.pts for a, b in pairwise(seen.units))


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_lost_packets_are_counted_and_damaged_pictures_left_out(
    loops: dict[str, Loop], transport: Transport
) -> None:
    made = camera(loops, faults=Faults(loss_percent=1, payload_max_bytes=200, seed=5))
    async with on_air(made) as (_, url), reading() as readers:
        reader, seen = readers.read(url, transport=transport)
        await until(lambda: len(seen.units) > 20 and reader.health().lost_packets > 3)
        sei = made.streams["main"].sei
    sent = [unit.nals for unit in loops["main"].units]
    for nals in seen.nals():
        picture = tuple(nal for nal in nals if nal != sei)
        # A small unit may be missing in front; what is there is whole.
        assert any(picture == whole[-len(picture) :] for whole in sent)


async def test_a_stream_is_read_to_its_end_before_the_thread_rests(
    loops: dict[str, Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a buffer for each rest alone, these pictures would take minutes."""
    monkeypatch.setattr(shard, "RTSP_BUFFER_BYTES", 256)
    monkeypatch.setattr(connection, "RTSP_BUFFERS_AT_ONCE", 1 << 20)
    async with on_air(camera(loops)) as (_, url), reading() as readers:
        readers.engines.hurry(False)
        _, seen = readers.read(url)
        await until(lambda: len(seen.units) > 20)
    assert sum(len(unit.data) for unit in seen.units) > 100 * 256


async def test_datagrams_out_of_order_are_put_in_order(loops: dict[str, Loop]) -> None:
    made = camera(loops, faults=Faults(reorder_percent=30, payload_max_bytes=200))
    async with on_air(made) as (_, url), reading() as readers:
        reader, seen = readers.read(url, transport="udp")
        await until(lambda: len(seen.units) > 25)
        assert reader.health().lost_packets == 0
    sent = {nal for unit in loops["main"].units for nal in unit.nals} | {made.streams["main"].sei}
    assert {nal for nals in seen.nals() for nal in nals} <= sent
    assert {b.dts - a.dts for a, b in pairwise(seen.units)} == {4500}


async def test_new_parameter_sets_in_mid_stream_are_said_before_their_picture() -> None:
    loops = small_loops()
    made = camera({**loops, "changed:main": small_loops(seed=2, profile="main")["main"]})
    async with on_air(made) as (_, url), reading() as readers:
        _, seen = readers.read(url)
        await until(lambda: len(seen.units) > 5)
        made.apply(Faults(changed=True))
        await until(lambda: len(seen.configs) == 2)
        await until(lambda: len(seen.units) > 15)
        assert readers.readers[0].health().connections == 1
    at = seen.items.index(seen.configs[1])
    following = seen.items[at + 1]
    assert isinstance(following, AccessUnit)
    assert following.key
    assert seen.configs[0] != seen.configs[1]


@pytest.mark.parametrize("refused", TRANSPORTS)
async def test_the_other_transport_is_tried(loops: dict[str, Loop], refused: Transport) -> None:
    made = camera(loops, faults=Faults(refuse_transport=refused))
    async with on_air(made) as (_, url), reading() as readers:
        _, seen = readers.read(url, transport=refused)
        await until(lambda: len(seen.units) > 3)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(bare_description=True),
        Faults(marker_on_sei=True),
        Faults(aggregate=True),
        Faults(wrong_fragment_type=True, payload_max_bytes=300),
        Faults(sender_reports=False),
        Faults(timestamp_offset_s=3600),
    ],
    ids=["bare", "marker", "aggregate", "fragment-type", "no-reports", "offset"],
)
async def test_faults_that_lose_nothing(loops: dict[str, Loop], faults: Faults) -> None:
    made = camera(loops, faults=faults)
    async with on_air(made) as (_, url), reading() as readers:
        reader, seen = readers.read(url)
        await until(lambda: len(seen.units) > 15)
        assert reader.health().lost_packets == 0
        assert reader.health().engine == "own"
    sent = [unit.nals for unit in loops["main"].units]
    for nals in seen.nals():
        assert tuple(nal for nal in nals if nal != made.streams["main"].sei) in sent


async def test_a_step_of_the_camera_clock_is_bridged(loops: dict[str, Loop]) -> None:
    made = camera(loops)
    async with on_air(made) as (_, url), reading() as readers:
        _, seen = readers.read(url)
        await until(lambda: len(seen.units) > 5)
        made.apply(Faults(timestamp_offset_s=-1000, clock_offset_s=7200))
        await until(lambda: len(seen.units) > 15)
    assert {b.dts - a.dts for a, b in pairwise(seen.units)} == {4500}


async def test_repeated_timestamps_are_spread(loops: dict[str, Loop]) -> None:
    made = camera(loops, faults=Faults(repeat_timestamp_every=4))
    async with on_air(made) as (_, url), reading() as readers:
        _, seen = readers.read(url)
        await until(lambda: len(seen.units) > 20)
    assert all(b.dts > a.dts for a, b in pairwise(seen.units))


async def test_it_comes_back_after_a_lost_connection(loops: dict[str, Loop]) -> None:
    made = camera(loops)
    async with on_air(made) as (_, url), reading() as readers:
        reader, seen = readers.read(url)
        await until(lambda: len(seen.units) > 3)
        made.drop()
        await until(lambda: reader.health().connections == 2)
        assert reader.health().last_error
    again = seen.items[seen.items.index(None) + 1 :]
    assert isinstance(again[0], VideoConfig)
    assert isinstance(again[1], AccessUnit)
    assert again[1].key


async def test_each_refusal_has_its_own_words(loops: dict[str, Loop]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"rtsp://127.0.0.1:{unused.getsockname()[1]}/x"
        async with on_air(camera(loops)) as (_, url), reading() as readers:
            wrong, _ = readers.read(url, password="guess")
            none, _ = readers.read(url, user="")
            lost, _ = readers.read(url + "x")
            closed, _ = readers.read(nobody)
            nameless, _ = readers.read("rtsp://no-such-name.invalid/x")
            for reader, said in (
                (wrong, "refuses the user name or password"),
                (none, "refuses the user name or password"),
                (lost, "no stream at this path"),
                (closed, "nothing answers at the camera's port"),
                (nameless, "name is not known"),
            ):
                await until(lambda reader=reader: reader.health().last_error)  # type: ignore[misc]
                error = reader.health().last_error
                assert said in error
                assert "(" in error, "what to do"
                assert PASSWORD not in error
                assert "guess" not in error


async def test_silence_is_said_and_ended(
    loops: dict[str, Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CAMERA_SILENT_S", 0.5)
    monkeypatch.setattr(session, "CONNECT_TIMEOUT_S", 0.5)
    made = camera(loops)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        async with on_air(made) as (_, url), reading() as readers:
            frozen, seen = readers.read(url)
            silent, _ = readers.read(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/x")
            await until(lambda: seen.units)
            made.freeze()
            await until(lambda: "does not answer" in frozen.health().last_error)
            await until(lambda: "does not answer" in silent.health().last_error)
            made.freeze(False)
            await until(lambda: frozen.health().state == "live")


async def test_a_session_is_kept_alive(loops: dict[str, Loop]) -> None:
    made = camera(loops)
    async with listen([made], SystemClock(), session_timeout_s=2.0) as server, reading() as readers:
        url = f"rtsp://127.0.0.1:{server.port}/{made.id}/main"
        reader, seen = readers.read(url)
        other, also = readers.read(url, transport="udp")
        await until(lambda: min(len(seen.units), len(also.units)) > 60)
        assert (reader.health().connections, other.health().connections) == (1, 1)


async def test_sixty_streams_share_one_thread_and_leave_nothing_behind(
    loops: dict[str, Loop],
) -> None:
    files = len(os.listdir("/proc/self/fd"))
    cameras = [camera(loops, f"gate-{n}") for n in range(60)]
    async with on_air(*cameras) as (server, _):
        async with reading() as readers:
            seen = []
            for number, made in enumerate(cameras):
                transport = TRANSPORTS[number % 2]
                url = f"rtsp://127.0.0.1:{server.port}/{made.id}/sub"
                seen.append(readers.read(url, transport=transport)[1])
            await until(lambda: all(len(each.units) >= 5 for each in seen))
            assert len(_reading_threads()) == 1
        assert all(each.items[-1] is None for each in seen)
        await until(lambda: not server.connections)
    await until(lambda: len(os.listdir("/proc/self/fd")) <= files)
    assert not _reading_threads()


def _reading_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if "camera" in each.name]


async def test_a_camera_that_is_stopped_gives_nothing_more(loops: dict[str, Loop]) -> None:
    async with on_air(camera(loops)) as (_, url), reading() as readers:
        reader, seen = readers.read(url)
        await until(lambda: seen.units)
        reader.stop()
        reader.stop()
        assert await asyncio.to_thread(reader.join, 10.0)
        count = len(seen.items)
        assert seen.items[-1] is None
        await asyncio.sleep(0.1)
        assert len(seen.items) == count


async def test_trouble_behind_one_stream_is_no_trouble_of_another(loops: dict[str, Loop]) -> None:
    async with on_air(camera(loops)) as (_, url), reading() as readers:

        def crash(item: VideoConfig | AccessUnit | None) -> None:
            if item is not None:
                raise RuntimeError("a defect")

        broken = readers.engines.reader(url, USER, PASSWORD, name="broken", on_item=crash)
        readers.readers.append(broken)
        broken.start()
        _, seen = readers.read(url)
        await until(lambda: "see the log" in broken.health().last_error)
        count = len(seen.units)
        await until(lambda: len(seen.units) > count + 5)


async def test_no_neighboring_ports_is_said(
    loops: dict[str, Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_PORT_TRIES", 0)
    async with on_air(camera(loops)) as (_, url), reading() as readers:
        reader, _ = readers.read(url, transport="udp")
        await until(lambda: "UDP ports are free" in reader.health().last_error)


def test_key_pictures_of_the_simulator_are_idr(loops: dict[str, Loop]) -> None:
    """What the tests above rely on."""
    kinds = {h264.nal_type(nal) for unit in loops["main"].units if unit.key for nal in unit.nals}
    assert h264.NAL_IDR in kinds
