"""What FFmpeg (through PyAV) reads from simulated cameras: over TCP and UDP, H.264 and H.265."""

import asyncio
import base64
import re
from itertools import pairwise

import av
import numpy as np
import pytest

from serambi.base.clock import SystemClock
from serambi.sim import counter
from serambi.sim.codec import codec_named
from serambi.sim.faults import Faults
from serambi.sim.loop_file import Loop
from serambi.sim.rtsp import listen
from serambi.sim.stream import Camera
from tests.simulation.sim_town import TAG, camera, connected, joined_h265, small_loops


@pytest.fixture(scope="module")
def h264() -> dict[str, Loop]:
    return small_loops()


@pytest.fixture(scope="module")
def h265() -> dict[str, Loop]:
    return small_loops("h265")


async def seen(
    made: Camera, count: int = 12, *, transport: str = "tcp", **options: str
) -> list[tuple[float, int]]:
    """(time, frame number) of pictures as FFmpeg decodes them."""

    def look(port: int) -> list[tuple[float, int]]:
        url = f"rtsp://viewer:p%3Ass%20word@127.0.0.1:{port}/gate-1/main"
        options_ = {"rtsp_transport": transport, "analyzeduration": "300000"} | options
        found = []
        with av.open(url, options=options_, timeout=15) as box:
            for frame, _ in zip(box.decode(video=0), range(count), strict=False):
                pair = counter.read(np.asarray(frame.to_ndarray(format="bgr24")))
                assert pair is not None
                assert pair[0] == TAG
                found.append((float(frame.time or 0), pair[1]))
        return found

    async with listen([made], SystemClock()) as server:
        return await asyncio.wait_for(asyncio.to_thread(look, server.port), 20)


def steps(found: list[tuple[float, int]]) -> set[int]:
    return {(b - a) % 40 for (_, a), (_, b) in pairwise(found)}


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_every_picture_arrives(
    codec: str, transport: str, request: pytest.FixtureRequest
) -> None:
    made = camera(request.getfixturevalue(codec))
    found = await seen(made, transport=transport)
    assert steps(found) == {1}
    assert made.counts.sent > 12
    assert made.counts.left_out == 0


@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_pictures_out_of_order_are_shown_in_order(codec: str) -> None:
    loops = small_loops(codec, b_frames=2)
    assert loops["main"].lead == 2
    found = await seen(camera(loops))
    assert steps(found) == {1}
    assert {round((b - a) * 20) for (a, _), (b, _) in pairwise(found)} == {1}


@pytest.mark.parametrize("codec", ["h264", "h265"])
async def test_small_and_shared_packets(codec: str, request: pytest.FixtureRequest) -> None:
    faults = Faults(payload_max_bytes=200, aggregate=True)
    assert steps(await seen(camera(request.getfixturevalue(codec), faults=faults))) == {1}


async def test_late_and_swapped_datagrams_lose_no_picture(h264: dict[str, Loop]) -> None:
    faults = Faults(jitter_s=0.05, reorder_percent=20, payload_max_bytes=300)
    found = await seen(camera(h264, faults=faults), transport="udp", reorder_queue_size="100")
    assert steps(found) == {1}


async def test_an_audio_track_is_announced_and_silent(h264: dict[str, Loop]) -> None:
    made = camera(h264, audio=True)
    found = await seen(made, allowed_media_types="video")
    assert steps(found) == {1}
    async with listen([made], SystemClock()) as server, connected(server.port) as client:
        described = await client.login()
        assert b"m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n" in described.body
        for track, transport in ((0, "interleaved=0-1"), (1, "interleaved=2-3")):
            asked = await client.ask(
                *("SETUP", f"{client.url}/trackID={track}"),
                Transport=f"RTP/AVP/TCP;unicast;{transport}",
            )
            assert asked.status == 200
            client.session = asked.headers["Session"].split(";")[0]
        assert (await client.ask("PLAY")).status == 200
        await client.picture()


@pytest.mark.parametrize("auth", ["digest-either", "basic", "both", "none"])
async def test_logins_that_ffmpeg_understands(auth: str, h264: dict[str, Loop]) -> None:
    assert len(await seen(camera(h264, auth=auth), 3)) == 3


async def test_parameter_sets_of_h265_are_described(h265: dict[str, Loop]) -> None:
    async with listen([camera(h265)], SystemClock()) as server, connected(server.port) as client:
        described = await client.login()
        assert b"a=rtpmap:96 H265/90000" in described.body
        sets = re.findall(rb"sprop-[vsp]ps=([^;\r]+)", described.body)
        assert tuple(map(base64.b64decode, sets)) == h265["main"].parameter_sets
        client.nonce = ""
        await client.play()
        picture = await client.picture()
    nals = joined_h265(picture.parts)
    assert [codec_named("h265").kind(nal) for nal in nals][:4] == [32, 33, 34, 39]
