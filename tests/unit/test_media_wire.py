"""Messages, parameter sets, timelines: what is accepted re-encodes to the same bytes."""

import contextlib
import io
import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, LIVE_MESSAGE_MAX_BYTES
from serambi.camera.timeline import Timeline
from serambi.media import h264, wire
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import fragment, init_segment
from serambi.media.gop import GopCache
from tests.clips import clip

_UNITS = st.builds(
    lambda dts, delay, key, wall_us, data: AccessUnit(dts + delay, dts, key, wall_us, data),
    dts=st.integers(0, 2**62),
    delay=st.integers(-(2**31) + 1, 2**31 - 1),
    key=st.booleans(),
    wall_us=st.integers(0, 2**63),
    data=st.binary(min_size=1, max_size=300),
)
_CONFIGS = st.builds(
    VideoConfig,
    codec=st.text(max_size=20),
    record=st.binary(max_size=60),
    width=st.integers(1, 9999),
    height=st.integers(1, 9999),
)


@given(_UNITS, st.integers(0, 2**32 - 1))
def test_units_travel_unchanged_and_raw(unit: AccessUnit, sequence: int) -> None:
    message = wire.encode_unit(unit, sequence)
    assert message.endswith(unit.data)
    assert wire.decode(message) == unit
    assert wire.sequence_of(message) == sequence


@given(_CONFIGS)
def test_configurations_travel_unchanged(config: VideoConfig) -> None:
    message = wire.encode_config(config)
    assert wire.decode(message) == config
    assert wire.sequence_of(message) is None


@given(_CONFIGS, _CONFIGS)
def test_a_configuration_said_again_is_known_by_its_content(
    config: VideoConfig, other: VideoConfig
) -> None:
    message = wire.encode_config(config)
    repeated = wire.again(message)
    assert wire.decode(repeated) == config
    assert wire.is_again(repeated, message)
    assert not wire.is_again(message, message)
    assert not wire.is_again(repeated, None)
    assert wire.is_again(repeated, wire.encode_config(other)) == (config == other)


@given(st.binary(max_size=80))
def test_no_message_crashes_the_decoder(raw: bytes) -> None:
    try:
        item = wire.decode(raw)
    except SerambiError:
        return
    if isinstance(item, VideoConfig):
        assert raw in (wire.encode_config(item), wire.again(wire.encode_config(item)))
    else:
        assert wire.encode_unit(item, wire.sequence_of(raw) or 0) == raw


def test_numbers_rise_by_one_from_a_random_start() -> None:
    first, second = wire.MessageBuilder(), wire.MessageBuilder()
    unit = clip().units[0]
    numbers = [wire.sequence_of(first.build(unit)) or 0 for _ in range(3)]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert wire.sequence_of(second.build(unit)) not in numbers


def test_messages_have_bounds() -> None:
    unit = AccessUnit(0, 0, True, 0, bytes(ACCESS_UNIT_MAX_BYTES + 1))
    with pytest.raises(SerambiError) as caught:
        wire.encode_unit(unit, 0)
    assert caught.value.kind == Kind.LIMIT
    with pytest.raises(SerambiError) as caught:
        wire.decode(bytes(LIVE_MESSAGE_MAX_BYTES + 1))
    assert caught.value.kind == Kind.LIMIT


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8))
def test_length_prefixes_round_trip(nals: list[bytes]) -> None:
    assert list(h264.split_length_prefixed(h264.to_length_prefixed(nals))) == nals


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_nal_splitters(raw: bytes) -> None:
    for split in (h264.split_length_prefixed, h264.split_annex_b):
        with contextlib.suppress(SerambiError):
            list(split(raw))


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_parameter_set_reader(raw: bytes) -> None:
    for sps in (raw, b"\x67" + raw, b"\x67\x64\x00\x1f" + raw):
        try:
            width, height, *_ = h264.parse_sps(sps)
        except SerambiError:
            continue
        assert 0 < width <= 16_384
        assert 0 < height <= 16_384


@pytest.mark.parametrize(("width", "height"), [(320, 180), (1920, 1080), (642, 362), (176, 144)])
def test_sizes_are_read_after_cropping(width: int, height: int) -> None:
    config = clip(2, width=width, height=height).config
    assert (config.width, config.height) == (width, height)
    assert config.codec.startswith("avc1.")
    assert config.record[:1] == b"\x01"


def test_sizes_of_streams_by_other_encoders(shared_data: Path) -> None:
    expected = json.loads((shared_data / "h264" / "expected.json").read_text())
    for name, row in expected.items():
        nals = h264.split_annex_b((shared_data / "h264" / name).read_bytes())
        sps = next(nal for nal in nals if h264.nal_type(nal) == h264.NAL_SPS)
        assert h264.parse_sps(sps)[:2] == (row["width"], row["height"]), name
    assert len(expected) > 10


def _push(cache: GopCache[bytes, bytes], unit: bytes, *, key: bool) -> None:
    cache.push_unit(unit, len(unit), key=key)


def test_the_cache_begins_with_the_key_frame() -> None:
    cache: GopCache[bytes, bytes] = GopCache()
    _push(cache, b"early", key=True)
    assert cache.content() == ()
    cache.push_config(b"config")
    _push(cache, b"delta", key=False)
    assert cache.content() == (b"config",)
    for unit, key in ((b"k1", True), (b"d1", False), (b"k2", True), (b"d2", False)):
        _push(cache, unit, key=key)
    assert cache.content() == (b"config", b"k2", b"d2")
    cache.clear()
    assert cache.content() == ()


@pytest.mark.parametrize("bounds", [{"max_bytes": 25}, {"max_units": 2}])
def test_a_group_that_outgrows_the_cache_is_let_go(bounds: dict[str, int]) -> None:
    cache: GopCache[bytes, bytes] = GopCache(**bounds)
    cache.push_config(b"config")
    for number in range(5):
        _push(cache, b"0123456789", key=number == 0)
    assert cache.content() == (b"config",)
    _push(cache, b"key", key=True)
    assert cache.content() == (b"config", b"key")


_BASE = Fraction(1, 90_000)


def test_an_orderly_clock_is_kept() -> None:
    line = Timeline()
    placed = [line.place(5000 + n * 3600, 5000 + n * 3600, _BASE) for n in range(4)]
    assert placed == [(0, 0), (3600, 3600), (7200, 7200), (10800, 10800)]
    assert line.repaired == 0


@pytest.mark.parametrize("wrong", [0, 3600, -50_000, 10**9, None])
def test_a_step_is_replaced_by_the_usual_distance(wrong: int | None) -> None:
    line = Timeline()
    for at in (0, 3600):
        line.place(at, at, _BASE)
    assert line.place(wrong, wrong, _BASE) == (7200, 7200)
    if wrong is not None:
        assert line.place(wrong + 3600, wrong + 3600, _BASE) == (10800, 10800)
    assert line.repaired == 1


def test_without_dts_a_picture_out_of_order_keeps_its_place() -> None:
    line = Timeline()
    order = (0, 3, 1, 2, 6, 4, 5)
    placed = [line.place(n * 3600, None, _BASE) for n in order]
    assert [pts for pts, _ in placed] == [n * 3600 for n in order]
    assert all(b > a for (_, a), (_, b) in pairwise(placed))
    assert line.repaired == 0


def test_a_parameter_set_is_known_by_its_id() -> None:
    assert h264.pps_id(b"\x68\xee\x3c\x80") == h264.pps_id(b"\x68\xce\x3c\x80") == 0
    assert h264.pps_id(b"\x68\x4e") == 1
    for bad in (b"\x68", b"\x67\xee", b"\x68\x00"):
        with pytest.raises(SerambiError):
            h264.pps_id(bad)


def test_signed_video_keeps_its_signatures(shared_data: Path) -> None:
    found = sorted((shared_data / "signed-video").rglob("*.mp4"))
    if not found:
        pytest.skip("no signed video in the shared test material")
    checked = 0
    for path in found:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if stream.codec_context.name != "h264":
                continue
            record = bytes(stream.codec_context.extradata or b"")
            raws = [bytes(packet) for packet in container.demux(stream) if packet.size]
        config = VideoConfig("avc1.64001f", record, 640, 360)
        units = [AccessUnit(n * 3600, n * 3600, n == 0, 0, raw) for n, raw in enumerate(raws)]
        content = init_segment(config) + b"".join(fragment(1, units, len(units) * 3600))
        with av.open(io.BytesIO(content), "r") as container:
            again = [bytes(packet) for packet in container.demux(video=0) if packet.size]
        assert again == raws, path.name
        nals = [nal for raw in raws for nal in h264.split_length_prefixed(raw)]
        checked += any(h264.nal_type(nal) == h264.NAL_SEI for nal in nals)
        prefixed = b"".join(raws)
        assert h264.to_length_prefixed(nals) == prefixed
    assert checked


@given(st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=30))
def test_dts_only_rises_whatever_the_camera_says(times: list[int | None]) -> None:
    line, last = Timeline(), -1
    for at in times:
        _, dts = line.place(at, at, _BASE)
        assert dts > last
        last = dts
