"""The simulator's RTSP server over real sockets."""

import asyncio
import itertools
import math
import shutil
import socket
import struct
import time
from collections.abc import Callable

import av
import numpy as np
import pytest

from serambi.base.clock import SystemClock
from serambi.base.errors import SerambiError
from serambi.sim import counter
from serambi.sim.limits import WRITE_BUFFER_MAX_BYTES
from serambi.sim.loop_file import Loop
from serambi.sim.packetize import CANARY_UUID
from serambi.sim.rtsp import Server, listen
from serambi.sim.stream import Camera
from tests.simulation.sim_town import TAG, Client, Picked, camera, connected, small_loops, sprop


@pytest.fixture(scope="module")
def loops() -> dict[str, Loop]:
    return small_loops()


@pytest.fixture
def gate(loops: dict[str, Loop]) -> Camera:
    return camera(loops)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def numbers(pictures: list[Picked]) -> list[int]:
    """Frame numbers read off the decoded pictures."""
    decoder = av.CodecContext.create("h264", "r")
    frames = [f for p in pictures for f in decoder.decode(av.Packet(p.annex_b()))]
    frames += decoder.decode(None)
    found = [counter.read(np.asarray(f.to_ndarray(format="bgr24"))) for f in frames]
    assert all(pair is not None and pair[0] == TAG for pair in found)
    return [pair[1] for pair in found if pair]


def reported(report: bytes) -> tuple[float, int]:
    """Unix time and RTP timestamp of a sender report."""
    _, kind, _, _, ntp, timestamp = struct.unpack("!BBHIQI", report[:20])
    assert kind == 200
    return ntp / 2**32 - 2_208_988_800, timestamp


@pytest.mark.parametrize(("stream", "fps"), [("main", 20), ("sub", 10)], ids=["main", "sub"])
async def test_pictures_are_locked_to_wall_time(gate: Camera, stream: str, fps: int) -> None:
    async with (
        listen([gate], SystemClock()) as server,
        connected(server.port, f"gate-1/{stream}") as client,
    ):
        before = time.time()
        assert (await client.play()).status == 200
        pictures = [await client.picture() for _ in range(60 if fps == 20 else 10)]
        after = time.time()
    wall_s, at = reported(client.reports[0])
    assert before <= wall_s <= after
    read = numbers(pictures)
    assert len(read) == len(pictures)
    step = 20 // fps
    for picture, n in zip(pictures, read, strict=True):
        # Report and timestamp give the wall time, wall time gives the frame number.
        since = (picture.timestamp - at + 2**31) % 2**32 - 2**31
        number = round((wall_s + since / 90_000) * fps)
        assert abs((wall_s + since / 90_000) * fps - number) < 0.01
        assert number * step % 40 == n
        assert math.floor(before * fps) <= number <= math.ceil(after * fps)
    assert [(b - a) % 40 for a, b in itertools.pairwise(read)] == [step] * (len(read) - 1)
    assert f"rtptime={pictures[0].timestamp}" in client.rtp_info
    assert f"seq={client.sequences[0]};" in client.rtp_info
    gaps = {(b - a) % 65536 for a, b in zip(client.sequences, client.sequences[1:], strict=False)}
    assert gaps == {1}


async def test_every_access_unit_carries_the_canary_raw(gate: Camera) -> None:
    sei = CANARY_UUID + gate.canary
    async with listen([gate], SystemClock()) as server, connected(server.port) as client:
        await client.play()
        for i in range(25):
            picture = await client.picture()
            assert sum(sei in part for part in picture.parts) == 1
            kinds = [nal[0] & 0x1F for nal in picture.nals()]
            assert kinds.index(6) < next(k for k, kind in enumerate(kinds) if kind in (1, 5))
            assert i or kinds == [7, 8, 6, 5]
            assert all(len(part) <= 1400 for part in picture.parts)


async def test_description(gate: Camera) -> None:
    async with listen([gate], SystemClock()) as server, connected(server.port) as client:
        reply = await client.login()
        loop = gate.streams["main"].loop
        sps, pps = loop.parameter_sets
        assert sprop(reply.body) == [sps, pps]
        assert b"profile-level-id=" + sps[1:4].hex().upper().encode() in reply.body
        assert reply.headers["Content-Base"] == client.url + "/"
        assert "GET_PARAMETER" in (await client.ask("OPTIONS")).headers["Public"]


async def test_refusals(gate: Camera) -> None:
    async with listen([gate], SystemClock()) as server, connected(server.port) as client:
        await client.login()
        assert (await client.ask("SETUP", Transport="RTP/AVP;unicast")).status == 461
        assert (await client.ask("PLAY")).status == 455
        assert (await client.ask("SING")).status == 501
        assert (await client.ask("DESCRIBE", client.url + "x")).status == 404
        assert (await client.ask("DESCRIBE", "*")).status == 404
        client.session = ""
        await client.ask("SETUP", Transport="RTP/AVP/TCP;interleaved=2-3")
        assert (await client.ask("PLAY", Session="other")).status == 454
        assert (await client.ask("SETUP", Transport="RTP/AVP/TCP")).status == 455


async def test_wrong_password_is_401_and_bounded(gate: Camera) -> None:
    async with listen([gate], SystemClock()) as server:
        async with connected(server.port) as client:
            client.password = "guess"
            for _ in range(4):
                assert (await client.login()).status == 401
            assert await client.reader.read() == b""
        await until(lambda: not server.connections)


@pytest.mark.parametrize(
    "proof",
    ["Basic dmlld2VyOnA=", "Digest", 'Digest username="viewer"', "Digest ====,,,", 'Digest a="'],
)
async def test_strange_proofs_are_401(gate: Camera, proof: str) -> None:
    async with listen([gate], SystemClock()) as server, connected(server.port) as client:
        assert (await client.ask("DESCRIBE", Authorization=proof)).status == 401


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: one\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 999999\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS rtsp://[::1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nno colon\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n" + b"A: b\r\n" * 80 + b"\r\n",
        b"O" * 9000,
        b"OPTIONS \xff\xfe RTSP/1.0\r\n\r\n",
    ],
)
async def test_garbage_is_400_and_closed(gate: Camera, garbage: bytes) -> None:
    async with listen([gate], SystemClock()) as server:
        async with connected(server.port) as client:
            client.writer.write(garbage)
            assert (await client.reader.read()).startswith(b"RTSP/1.0 400 ")
        async with connected(server.port) as client:
            assert (await client.ask("OPTIONS")).status == 200


async def test_thirty_clients_then_nothing_left(gate: Camera) -> None:
    async def watch(server: Server) -> None:
        async with connected(server.port) as client:
            await client.play()
            for _ in range(5):
                await client.picture()
            assert (await client.ask("TEARDOWN")).status == 200
            assert await client.reader.read() == b""

    async with listen([gate], SystemClock()) as server:
        async with asyncio.TaskGroup() as group:
            for _ in range(30):
                group.create_task(watch(server))
        await until(lambda: not server.connections)
        assert not any(stream.players for stream in gate.streams.values())
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_leaving_cuts_everybody_off(gate: Camera) -> None:
    async with listen([gate], SystemClock()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        client = Client(reader, writer, f"rtsp://127.0.0.1:{server.port}/gate-1/main")
        await client.play()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await asyncio.wait_for(client.watch(), 5)
    assert not server.connections
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", server.port)
    writer.close()


async def test_keepalive_and_receiver_reports_while_playing(gate: Camera) -> None:
    async with listen([gate], SystemClock()) as server, connected(server.port) as client:
        await client.play()
        client.writer.write(b"$\x01\x00\x08\x80\xc9\x00\x01abcd")
        for method in ("GET_PARAMETER", "SET_PARAMETER", "PAUSE", "OPTIONS"):
            assert (await client.ask(method)).status == 200
        await client.picture()


async def test_silent_client_is_dropped(gate: Camera) -> None:
    async with listen([gate], SystemClock(), session_timeout_s=0.3) as server:
        async with connected(server.port) as client:
            await client.play()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.watch()
        await until(lambda: not server.connections)


async def test_slow_client_costs_a_bounded_buffer(gate: Camera) -> None:
    async with listen([gate], SystemClock()) as server, connected(server.port) as client:
        await client.play()
        await client.picture()
        (connection,) = server.connections
        transport, sender = connection._transport, connection._sender
        assert transport is not None
        assert sender is not None
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        stream = gate.streams["main"]
        largest = max(len(stream.template(n, framed=True).packets) for n in range(40))
        for n in range(40_000):
            sender.deliver(n)
        size = transport.get_write_buffer_size()
        assert WRITE_BUFFER_MAX_BYTES < size < WRITE_BUFFER_MAX_BYTES + 2 * largest + 4096


async def test_faults(gate: Camera) -> None:
    async with listen([gate], SystemClock()) as server:
        async with connected(server.port) as client:
            await client.play()
            await client.picture()
            gate.freeze()
            assert (await client.ask("GET_PARAMETER")).status == 200
            frozen = gate.streams["main"].next_frame
            await until(lambda: gate.streams["main"].next_frame > frozen + 4)
            assert client.reader._buffer == b""  # type: ignore[attr-defined]
            gate.freeze(False)
            assert (await client.picture()).nals()[0][0] & 0x1F == 7
            gate.drop()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.watch()
        gate.refuse()
        async with connected(server.port) as client:
            client.send("DESCRIBE")
            with pytest.raises(ConnectionResetError):
                await client.reader.readexactly(1)
        gate.refuse(False)
        async with connected(server.port) as client:
            assert (await client.play()).status == 200


async def test_taken_port_is_said_plainly(gate: Camera) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SerambiError, match="cannot listen"):
            async with listen([gate], SystemClock(), port=taken.getsockname()[1]):
                pass


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
async def test_ffprobe_agrees(gate: Camera) -> None:
    async with listen([gate], SystemClock()) as server:
        url = f"rtsp://viewer:p%3Ass%20word@127.0.0.1:{server.port}/gate-1/main"
        process = await asyncio.create_subprocess_exec(
            *("ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-read_intervals", "%+#20"),
            *("-analyzeduration", "500000", "-count_frames", "-of", "csv=p=0"),
            *("-show_entries", "stream=codec_name,profile,width,height,nb_read_frames", url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await asyncio.wait_for(process.communicate(), 20)
    assert errors == b""
    codec, profile, width, height, read = out.decode().strip().split(",")
    assert (codec, profile, width, height) == ("h264", "High", "320", "180")
    assert int(read) >= 15


async def test_pyav_reads_it(gate: Camera) -> None:
    def look(port: int) -> list[tuple[int, int] | None]:
        url = f"rtsp://viewer:p%3Ass%20word@127.0.0.1:{port}/gate-1/sub"
        with av.open(url, options={"rtsp_transport": "tcp", "analyzeduration": "300000"}) as box:
            frames = [frame for frame, _ in zip(box.decode(video=0), range(8), strict=False)]
        return [counter.read(np.asarray(f.to_ndarray(format="bgr24"))) for f in frames]

    async with listen([gate], SystemClock()) as server:
        found = [pair[1] for pair in await asyncio.to_thread(look, server.port) if pair]
    assert len(found) == 8
    assert {(b - a) % 40 for a, b in itertools.pairwise(found)} == {2}
