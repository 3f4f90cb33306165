"""Answers of real cameras and recorded sessions, read by path from the shared test material."""

import ast
import contextlib
import io
import re
from pathlib import Path
from urllib.parse import urlsplit

import av
import pytest

from serambi.base.errors import SerambiError
from serambi.camera.rtsp import sdp
from serambi.camera.rtsp.h264 import H264Depacketizer
from serambi.camera.rtsp.message import Message, Parser, Request, Response
from serambi.camera.rtsp.rtp import parse, parse_reports
from serambi.camera.rtsp.track import Track
from serambi.media import h264, h265
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import fragment, init_segment
from tests.fakes.rtp import fragments, rtp

DESCRIPTIONS = {
    "bunny": ("h264", 97, (240, 160), "trackID=2"),
    "dahua_describe_h264_aac_onvif": ("h264", 96, (704, 480), "trackID=0"),
    "dahua_describe_h265_pcma": ("h265", 98, (704, 480), "trackID=0"),
    "foscam": ("h264", 96, (1280, 720), "track1"),
    "hikvision": ("h264", 96, (1920, 1080), "trackID=1"),
    "reolink": ("h264", 96, (2560, 1440), "trackID=1"),
}


def one(raw: bytes) -> Response:
    (found,) = Parser().feed(raw)
    assert isinstance(found, Response)
    return found


def folder(shared_data: Path, name: str) -> Path:
    found = shared_data / name
    if not found.is_dir():
        pytest.skip(f"no {name} in the shared test material")
    return found


@pytest.mark.parametrize("name", sorted(DESCRIPTIONS))
def test_descriptions_of_cameras(shared_data: Path, name: str) -> None:
    codec, payload_type, size, control = DESCRIPTIONS[name]
    path = next(folder(shared_data, "rtsp/retina").glob(f"{name}*describe*.txt"), None)
    path = path or folder(shared_data, "rtsp/retina") / f"{name}.txt"
    answer = one(path.read_bytes())
    assert answer.status == 200
    video = sdp.parse(answer.body)
    assert (video.codec, video.payload_type, video.clock_hz) == (codec, payload_type, 90_000)
    sets = video.parameter_sets
    config = (
        h264.make_config(sets[0], [sets[1]])
        if codec == "h264"
        else h265.make_config(sets[0], sets[1], [sets[2]])
    )
    assert (config.width, config.height) == size
    url = sdp.control_url(video.control, answer.header("content-base"), "rtsp://192.0.2.1/x")
    assert control in url
    assert urlsplit(url).scheme == "rtsp"


def test_answers_to_setup_and_play(shared_data: Path) -> None:
    found = {
        path.stem: one(path.read_bytes())
        for path in folder(shared_data, "rtsp/retina").glob("*.txt")
        if "describe" not in path.stem
    }
    assert {answer.status for answer in found.values()} == {200}
    assert found["hikvision_setup"].header("session") == "708345999;timeout=60"
    assert found["dahua_setup"].header("transport").endswith("ssrc=30A98EE7")
    assert found["reolink_teardown"].header("cseq") == "7"
    assert "GET_PARAMETER" in found["dahua_options"].header("public")
    assert len(found) >= 10


def test_descriptions_with_bugs(shared_data: Path) -> None:
    sizes = {"BugSDP1": (1280, 720), "BugSDP2": (1280, 720), "BugSDP3": (2560, 1920)}
    for path in sorted(folder(shared_data, "rtsp/go2rtc").glob("*.sdp")):
        video = sdp.parse(path.read_bytes())
        config = h264.make_config(video.parameter_sets[0], [video.parameter_sets[1]])
        assert (config.width, config.height) == sizes[path.stem]
        assert video.control.startswith("track")


def recorded(shared_data: Path) -> tuple[sdp.Video, list[bytes], bytes]:
    """A session as it was recorded: its video, the packets, and the raw bytes."""
    base = folder(shared_data, "rtsp/retina")
    video = sdp.parse(one((base / "bunny_describe.txt").read_bytes()).body)
    raw = (base / "bunny.rtsp").read_bytes()
    messages = list(Parser().feed(raw))
    return video, [m[1] for m in messages if isinstance(m, tuple) and m[0] == 2], raw


def play(video: sdp.Video, raw: bytes, step: int) -> list[VideoConfig | AccessUnit]:
    """The recorded bytes, in pieces of `step`, through parser and track."""
    items = list[VideoConfig | AccessUnit]()
    track, parser = Track(video, items.append, channel=2), Parser()
    for at in range(0, len(raw), step):
        for message in parser.feed(raw[at : at + step], track.interleaved):
            if isinstance(message, tuple) and message[0] == 2:
                track.packet(message[1])
    assert track.lost == 0
    return items


@pytest.mark.parametrize("step", [700, 4096, 1_000_000])
def test_the_recorded_session_is_what_ffmpeg_decodes(shared_data: Path, step: int) -> None:
    video, packets, raw = recorded(shared_data)
    config, *units = play(video, raw, step)
    assert isinstance(config, VideoConfig)
    pictures = [unit for unit in units if isinstance(unit, AccessUnit)]
    stamps = {parse(packet).timestamp for packet in packets}
    assert len(pictures) == len(stamps)
    content = init_segment(config) + b"".join(fragment(1, pictures, pictures[-1].dts + 3600))
    with av.open(io.BytesIO(content), "r") as container:
        frames = list(container.decode(video=0))
    assert len(frames) == len(pictures)
    assert not any(frame.is_corrupt for frame in frames)
    times = [round((frame.time or 0) * 90_000) for frame in frames]
    assert times == sorted(unit.pts for unit in pictures)


def test_ffmpeg_s_parser_finds_the_same_pictures_in_the_recorded_session(
    shared_data: Path, tmp_path: Path
) -> None:
    """As a file of start codes, where nothing tells a picture's end but its own bits."""
    video, _, raw = recorded(shared_data)
    units = [unit for unit in play(video, raw, 4096) if isinstance(unit, AccessUnit)]
    start = b"\0\0\0\1"
    stream = b"".join(start + nal for nal in video.parameter_sets)
    lengths = []
    for unit in units:
        nals = list(h264.split_length_prefixed(unit.data))
        lengths.append(sum(len(start) + len(nal) for nal in nals))
        stream += b"".join(start + nal for nal in nals)
    path = tmp_path / "bunny.h264"
    path.write_bytes(stream)
    with av.open(str(path)) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.size]
    assert sizes[1:] == lengths[1:], "the first one has the parameter sets before it"


MALFORMED = {
    "rtcp_bye_invalid",
    "rtcp_psfb_invalid",
    "rtcp_rr_invalid",
    "rtcp_rtpfb_invalid",
    "rtcp_sdes_item_truncated",
    "rtcp_sdes_source_truncated",
    "rtcp_sr_invalid",
}


def test_packets_good_and_malformed(shared_data: Path) -> None:
    seen = set()
    for path in sorted(folder(shared_data, "rtp/aiortc").glob("*.bin")):
        raw, name = path.read_bytes(), path.stem
        seen.add(name)
        if name in MALFORMED:
            with pytest.raises(SerambiError):
                parse_reports(raw)
        elif name.startswith("rtcp"):
            parse_reports(raw)
        elif name.startswith("rtp"):
            assert len(parse(raw).payload) < len(raw)
    assert seen >= MALFORMED


def test_payloads_of_h264(shared_data: Path) -> None:
    paths = sorted(folder(shared_data, "rtp/aiortc").glob("h264_*.bin"))
    assert len(paths) == 4
    for path in paths:
        depacketizer = H264Depacketizer()
        done = [*depacketizer.push(path.read_bytes(), 1, False), *depacketizer.push(b"", 2, False)]
        assert len(done) <= 1


def corpus(path: Path) -> list[bytes]:
    """The byte strings of one file of Go's fuzzing corpus."""
    found = re.findall(r'\[\]byte\((".*")\)', path.read_text("utf-8"))
    return [ast.literal_eval("b" + text) for text in found]


def test_what_made_other_parsers_crash(shared_data: Path) -> None:
    base = folder(shared_data, "rtsp/gortsplib")
    count = 0
    for path in sorted(base.rglob("*")):
        for raw in corpus(path) if path.is_file() else []:
            count += 1
            for whole in (raw, raw + b"\r\n\r\n", b"RTSP/1.0 200 OK\r\n" + raw + b"\r\n\r\n"):
                assert all(isinstance(m, Response | Request | tuple) for m in tolerant(whole))
            if "rtph264" in str(path):
                items = list[VideoConfig | AccessUnit]()
                track = Track(sdp.Video(96, "h264", 90_000, "", "", ()), items.append)
                track.packet(raw)
                track.flush()
                assert items == []
    assert count > 30


def tolerant(raw: bytes) -> list[Message]:
    """Messages until the parser refuses, which it may only do in its own words."""
    found = list[Message]()
    with contextlib.suppress(SerambiError):
        found.extend(Parser().feed(raw))
    return found


@pytest.mark.parametrize("value", ["-1", "A", "1000000", "", "99999999999999999999"])
def test_lengths_that_are_none(value: str) -> None:
    with pytest.raises(SerambiError, match=r"length is no number|too long"):
        list(Parser().feed(f"RTSP/1.0 200 OK\r\nContent-Length: {value}\r\n\r\n".encode()))


def test_signed_video_goes_through_untouched(shared_data: Path) -> None:
    """Media signing lives in SEI units: one byte changed, and the signature is void."""
    paths = sorted(folder(shared_data, "signed-video").rglob("*h264*.mp4"))
    for path in paths:
        with av.open(str(path)) as container:
            record = bytes(container.streams.video[0].codec_context.extradata or b"")
            raws = [bytes(packet) for packet in container.demux(video=0) if packet.size]
        size = int.from_bytes(record[6:8])
        sets = (record[8 : 8 + size], record[11 + size :])
        items = list[VideoConfig | AccessUnit]()
        track = Track(sdp.Video(96, "h264", 90_000, "", "", sets), items.append)
        sequence = 0
        for number, raw in enumerate(raws):
            payloads = [
                part for nal in h264.split_length_prefixed(raw) for part in fragments(nal, 1000)
            ]
            for last, payload in enumerate(payloads, 1 - len(payloads)):
                track.packet(rtp(payload, sequence, number * 3600, marker=not last))
                sequence += 1
        assert track.lost == 0
        units = [item.data for item in items if isinstance(item, AccessUnit)]
        assert b"".join(raws).startswith(b"".join(units))
        assert len(raws) - len(units) <= 1, "a signature at the very end waits for a picture"
    assert paths
