"""What fuzzing has found, kept small: none of it may come back."""

import math
import struct
from pathlib import Path

import msgspec
import pytest

from serambi.analytics.rules import parse_rules
from serambi.base import canonical
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    ACCESS_UNIT_MAX_BYTES,
    ANALYST_TEXT_MAX_CHARACTERS,
    RTSP_OUT_MAX_BYTES,
)
from serambi.camera.rtsp.auth import parse_challenges
from serambi.camera.rtsp.message import Parser, Response
from serambi.camera.rtsp.session import Session
from serambi.camera.rtsp.target import parse_target
from serambi.keeper.analysis.messages import FromAnalyst, Load, Trouble, frame, from_analyst
from serambi.media import wire
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import Muxer, fragment, init_segment, producer_time
from serambi.media.nal import BitReader
from serambi.recording.fsck import check_recordings
from serambi.recording.index import Index

LONG = b'{"%s": 1}' % (b"x" * 60_000)
_UNIT_HEAD = struct.Struct(">BBIqqQ")
_2040_US = 2_208_988_800_000_000


def unit_message(pts: int, dts: int, data: bytes = b"\0\0\0\1\x65") -> bytes:
    return _UNIT_HEAD.pack(2, 1, 7, pts, dts, _2040_US) + data


@pytest.mark.parametrize(
    "header",
    ["Digest" + " " * 16_000 + "x", "," * 16_000, "a" * 16_000, 'Digest a="' + "\\x" * 8000],
)
def test_a_camera_s_header_cannot_make_the_search_for_challenges_endless(header: str) -> None:
    assert parse_challenges([header]) == []


def test_a_scheme_s_name_inside_quotes_is_no_challenge() -> None:
    (challenge,) = parse_challenges(['Digest realm="the basic camera", nonce="1"'])
    assert (challenge.scheme, challenge.realm) == ("digest", "the basic camera")


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, -1), (70_000, 1), (1, 16_385)])
def test_a_configuration_of_an_impossible_size_is_refused(width: int, height: int) -> None:
    message = wire.encode_config(VideoConfig("avc1.64001f", b"\1", width, height))
    with pytest.raises(SerambiError, match="not possible"):
        wire.decode(message)


def test_a_configuration_whose_record_is_not_even_ascii_is_refused() -> None:
    raw = canonical.encode({"codec": "avc1", "height": 1, "record": "\u00e9", "width": 1})
    with pytest.raises(SerambiError, match="not base64"):
        wire.decode(b"\1" + raw)


def test_a_recording_with_an_absurd_time_does_not_stop_the_start(tmp_path: Path) -> None:
    config = VideoConfig("avc1.64001f", bytes.fromhex("0164001fffe1000467640000"), 64, 48)
    unit = AccessUnit(0, 0, True, 0, b"\0\0\0\1\x65")
    good = b"".join(fragment(1, [unit], 3600))
    absurd = b"".join(fragment(2, [unit], 3600, base_dts=-(2**63)))
    path = tmp_path / "cam-1" / "1790000000000000.mp4"
    path.parent.mkdir()
    path.write_bytes(init_segment(config) + good + absurd)
    index = Index(tmp_path / "index.db")
    try:
        assert check_recordings(tmp_path, index).found_files == 1
        (segment,) = index.segments()
        assert len(index.fragments(segment.id)) == 1
        assert path.stat().st_size == segment.size_bytes
    finally:
        index.close()


@pytest.mark.parametrize("pts", [2**31, -(2**31), 2**62])
def test_a_picture_shown_far_from_its_decoding_is_refused(pts: int) -> None:
    with pytest.raises(SerambiError, match="impossible time"):
        wire.decode(unit_message(pts, 0))


def test_a_picture_that_could_not_be_sent_is_not_received_either() -> None:
    whole = unit_message(0, 0, b"\0" * ACCESS_UNIT_MAX_BYTES)
    assert isinstance(wire.decode(whole), AccessUnit)
    with pytest.raises(SerambiError) as caught:
        wire.decode(whole + b"\0")
    assert caught.value.kind is Kind.LIMIT


def test_the_muxer_lives_on_when_ntp_begins_anew_in_2036_and_before_a_first_picture() -> None:
    muxer = Muxer()
    muxer.feed(wire.encode_config(VideoConfig("avc1.64001f", b"\1" * 8, 64, 48)))
    made = muxer.feed(unit_message(-3600, 0))
    assert made is not None
    box = producer_time(_2040_US, 0)
    assert made.startswith(box)
    (seconds,) = struct.unpack_from(">I", box, 16)
    assert seconds == (2_208_988_800 * 2) % 2**32


def test_a_parameter_set_of_megabytes_is_not_read_bit_by_bit() -> None:
    with pytest.raises(SerambiError, match="too long"):
        BitReader(b"\xff" * 3_000_000, "H.264")


def test_a_camera_that_asks_and_asks_is_given_up() -> None:
    target = parse_target("rtsp://192.0.2.7/live", "", "")
    session = Session(target, lambda item: None, lambda: (40_000, 40_001), 0.0)
    session.outgoing()
    asked = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    session.receive(asked * 100, 0.0, 0)
    assert session.outgoing().count(b"200 OK") == 100
    with pytest.raises(SerambiError, match="asks without end"):
        session.receive(asked * 4000, 0.0, 0)
    assert len(session.outgoing()) <= RTSP_OUT_MAX_BYTES + 100


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_a_blank_line_before_a_packet_means_nothing_however_it_arrives(piece: int) -> None:
    packet = b"$\0\0\x0c" + bytes(12)
    raw = b"\r\n" + packet + b"\n\r\n" + packet + b"RTSP/1.0 200 OK\r\n\r\n"
    parser = Parser()
    found = [m for at in range(0, len(raw), piece) for m in parser.feed(raw[at : at + piece])]
    assert found[:2] == [(0, bytes(12)), (0, bytes(12))]
    assert isinstance(found[2], Response)
    assert len(found) == 3


@pytest.mark.parametrize(
    "answer",
    [
        Load(math.nan, 0.2, 1),
        Load(0.4, math.inf, 1),
        Load(-1e300, 0.2, 1),
        Trouble("cam-1", "x" * (ANALYST_TEXT_MAX_CHARACTERS + 1)),
        Trouble("x" * (ANALYST_TEXT_MAX_CHARACTERS + 1), ""),
    ],
)
def test_an_analyst_that_a_picture_has_taken_over_is_not_believed(answer: FromAnalyst) -> None:
    with pytest.raises(SerambiError, match="cannot be read") as caught:
        from_analyst(frame(answer)[4:])
    assert len(str(caught.value)) < 500


def test_what_cannot_be_read_is_not_quoted_at_length() -> None:
    for read in (lambda: from_analyst(b"\x91\xd9\xff" + b"x" * 255), lambda: parse_rules(LONG)):
        with pytest.raises(SerambiError) as caught:
            read()
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_place_of_the_rules_has_a_name_of_some_length(name: str) -> None:
    raw = b'{"lines": [{"name": "%s", "from": [0, 0], "to": [1, 1]}]}' % name.encode()
    with pytest.raises(SerambiError, match="not rules"):
        parse_rules(raw)


@pytest.mark.parametrize("hour", ["24:01", "24:59", "\u0661\u0662:00", "12:00\n"])
def test_a_time_of_day_is_one_on_the_clock(hour: str) -> None:
    raw = msgspec.json.encode({"rules": [{"rule": "motion", "hours": ["08:00", hour]}]})
    with pytest.raises(SerambiError, match="HH:MM"):
        parse_rules(raw)
