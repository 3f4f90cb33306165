"""H.265: parameter sets read and refused, and files that another player plays."""

import contextlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import SerambiError
from serambi.media import h265
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import Muxer, fragment, init_segment
from serambi.media.nal import split_annex_b, split_length_prefixed, to_length_prefixed
from serambi.media.wire import MessageBuilder
from tests.clips import clip, decoded

HEVC = {"codec": "hevc"}


def parameter_sets(config: VideoConfig) -> dict[int, list[bytes]]:
    """The arrays of an hvcC, read apart from the writer."""
    record, at = config.record, 23
    found: dict[int, list[bytes]] = {}
    for _ in range(record[22]):
        kind, count, at = record[at] & 0x3F, int.from_bytes(record[at + 1 : at + 3]), at + 3
        for _ in range(count):
            end = at + 2 + int.from_bytes(record[at : at + 2])
            found.setdefault(kind, []).append(record[at + 2 : end])
            at = end
    assert at == len(record)
    return found


def ours(record: bytes) -> VideoConfig:
    sets = parameter_sets(VideoConfig("", record, 1, 1))
    return h265.make_config(sets[32][0], sets[33][0], sets[34])


def as_annex_b(units: Iterable[AccessUnit]) -> bytes:
    return b"".join(b"\0\0\0\1" + nal for unit in units for nal in split_length_prefixed(unit.data))


def raw_pictures(content: bytes, kind: str | None = None) -> list[bytes]:
    with av.open(io.BytesIO(content), "r", format=kind) as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


@pytest.mark.parametrize("b_frames", [0, 2])
def test_remuxed_pictures_are_those_of_the_raw_stream(b_frames: int) -> None:
    made = clip(20, gop=10, b_frames=b_frames, **HEVC)
    assert any(unit.pts != unit.dts for unit in made.units) == bool(b_frames)
    content = init_segment(made.config)
    content += b"".join(fragment(1, made.units, made.units[-1].dts + 3600))
    annex_b = as_annex_b(made.units)
    pictures = raw_pictures(content)
    assert len(pictures) == 20
    assert pictures == raw_pictures(annex_b, "hevc")
    times = [at for at, _ in decoded(content)]
    assert times == sorted(set(times))
    with av.open(io.BytesIO(content), "r") as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_the_live_muxer_takes_it() -> None:
    made, muxer, builder = clip(20, gop=10, **HEVC), Muxer(), MessageBuilder()
    content = b"".join(muxer.feed(builder.build(item)) or b"" for item in made.items())
    assert len(raw_pictures(content)) == 20


@pytest.mark.parametrize(("width", "height"), [(320, 180), (1920, 1080), (642, 362)])
def test_sizes_are_read_inside_the_conformance_window(width: int, height: int) -> None:
    config = clip(2, width=width, height=height, **HEVC).config
    assert (config.width, config.height) == (width, height)
    assert config.codec.startswith("hvc1.1.6.L")


def test_the_record_is_ffmpegs_but_for_what_stays_unsaid(tmp_path: Path) -> None:
    made = clip(2, **HEVC)
    path = tmp_path / "reference.mp4"
    raw: Any = av.open(io.BytesIO(as_annex_b(made.units[:1])), format="hevc")
    with raw as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream, packet.pts, packet.dts = stream, 0, 0
                out.mux(packet)
    with av.open(str(path)) as container:
        theirs = bytes(container.streams.video[0].codec_context.extradata or b"")
    our = made.config.record
    # Segmentation (13, 14) and parallelism (15) are hints that we leave unsaid.
    assert our[:13] + our[16:22] == theirs[:13] + theirs[16:22]
    theirs_sets = parameter_sets(VideoConfig("", theirs, 1, 1))
    assert theirs_sets[h265.NAL_SPS] == parameter_sets(made.config)[h265.NAL_SPS]


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("01600000009000000000005d", "hvc1.1.6.L93.90"),
        ("02200000009000000000005d", "hvc1.2.4.L93.90"),
        ("2160000000b0000000000078", "hvc1.1.6.H120.b0"),
        ("41800000000000000000001e", "hvc1.A1.1.L30"),
        ("0408000000bd0800000000b4", "hvc1.4.10.L180.bd.8"),
    ],
)
def test_codec_strings(profile: str, name: str) -> None:
    assert h265.codec_string(b"\1" + bytes.fromhex(profile)) == name


def test_a_slice_that_starts_decoding_is_known_by_its_type() -> None:
    assert [kind for kind in range(64) if h265.is_random_access(kind)] == [16, 17, 18, 19, 20, 21]
    first = clip(2, gop=2, **HEVC).units[0].data
    kinds = [h265.nal_type(nal) for nal in split_length_prefixed(first)]
    assert kinds[:3] == [h265.NAL_VPS, h265.NAL_SPS, h265.NAL_PPS]
    assert h265.is_random_access(kinds[-1])


def test_a_picture_parameter_set_is_known_by_its_id() -> None:
    (pps,) = parameter_sets(clip(2, **HEVC).config)[h265.NAL_PPS]
    assert h265.pps_id(pps) == 0
    assert h265.pps_id(b"\x44\x01\x40") == 1


def test_wrong_parameter_sets_are_refused() -> None:
    sets = parameter_sets(clip(2, **HEVC).config)
    (vps,), (sps,), (pps,) = (sets[kind] for kind in (32, 33, 34))
    for wrong in (
        (sps, sps, [pps]),
        (vps, vps, [pps]),
        (vps, sps, [sps]),
        (vps, sps, []),
        (vps, sps, [pps] * 256),
        (vps, sps, [pps + bytes([1]) * 70_000]),
        (vps, sps[:20], [pps]),
        (b"\x40\x09" + vps[2:], sps, [pps]),  # another layer
        (vps, b"\x42\x00" + sps[2:], [pps]),  # no temporal id
    ):
        with pytest.raises(SerambiError, match=r"^H\.265: "):
            h265.make_config(*wrong)
    with pytest.raises(SerambiError, match="record was expected"):
        h265.codec_string(b"\0" * 13)


class _Writer:
    """Bits of a sequence parameter set as the standard lists them."""

    def __init__(self) -> None:
        self.bits = ""

    def u(self, count: int, value: int) -> None:
        self.bits += f"{value:0{count}b}" if count else ""

    def ue(self, value: int) -> None:
        code = f"{value + 1:b}"
        self.bits += "0" * (len(code) - 1) + code

    def nal(self) -> bytes:
        bits = self.bits + "1"
        raw = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
        body, zeros = bytearray(), 0
        for byte in raw:
            if zeros == 2 and byte <= 3:
                body.append(3)
                zeros = 0
            body.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\x42\x01" + bytes(body)


@given(
    profile=st.binary(min_size=12, max_size=12),
    layers=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=6),
    chroma=st.integers(0, 3),
    window=st.none() | st.tuples(*[st.integers(0, 9)] * 4),
    size=st.tuples(st.integers(100, 16_384), st.integers(100, 16_384)),
    depths=st.tuples(st.integers(8, 15), st.integers(8, 15)),
)
def test_what_the_standard_writes_is_read(
    profile: bytes,
    layers: list[tuple[bool, bool]],
    chroma: int,
    window: tuple[int, ...] | None,
    size: tuple[int, int],
    depths: tuple[int, int],
) -> None:
    out = _Writer()
    out.u(4, 0)
    out.u(3, len(layers))
    out.u(1, 1)
    out.u(96, int.from_bytes(profile))
    for flags in layers:
        out.u(1, flags[0])
        out.u(1, flags[1])
    out.u(2 * (8 - len(layers)) if layers else 0, 0)
    for flags in layers:
        out.u(88 * flags[0] + 8 * flags[1], 0)
    out.ue(0)
    out.ue(chroma)
    out.u(int(chroma == 3), 0)
    out.ue(size[0])
    out.ue(size[1])
    out.u(1, window is not None)
    for edge in window or ():
        out.ue(edge)
    for depth in depths:
        out.ue(depth - 8)
    found = h265.parse_sps(out.nal())
    left, right, top, bottom = window or (0, 0, 0, 0)
    unit_x, unit_y = ((1, 1), (2, 2), (2, 1), (1, 1))[chroma]
    assert (found.width, found.height) == (
        size[0] - unit_x * (left + right),
        size[1] - unit_y * (top + bottom),
    )
    assert found.profile == profile
    assert (found.temporal_layers, found.temporal_nesting) == (len(layers) + 1, True)
    assert (found.chroma_format, found.luma_depth, found.chroma_depth) == (chroma, *depths)


@given(st.binary(max_size=80))
def test_no_bytes_crash_the_parser(raw: bytes) -> None:
    real = parameter_sets(clip(2, **HEVC).config)[h265.NAL_SPS][0]
    for sps in (raw, b"\x42\x01" + raw, real[:15] + raw):
        with contextlib.suppress(SerambiError):
            found = h265.parse_sps(sps)
            assert 0 < found.width <= 16_384
            assert 0 < found.height <= 16_384
    with contextlib.suppress(SerambiError):
        h265.pps_id(raw)


def test_other_codecs_are_refused_by_the_writer() -> None:
    with pytest.raises(SerambiError, match="vp09 cannot be put into MP4"):
        init_segment(VideoConfig("vp09.00.10.08", b"", 320, 180))


def _h265_packets(path: Path) -> tuple[bytes, list[bytes]] | None:
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        if stream.codec_context.name != "hevc":
            return None
        record = bytes(stream.codec_context.extradata or b"")
        return record, [bytes(packet) for packet in container.demux(stream) if packet.size]


def test_signed_video_keeps_its_signatures(shared_data: Path) -> None:
    checked = 0
    for path in sorted((shared_data / "signed-video").rglob("*.mp4")):
        found = _h265_packets(path)
        if found is None:
            continue
        record, raws = found
        config = ours(record)
        units = [AccessUnit(n * 3000, n * 3000, n == 0, 0, raw) for n, raw in enumerate(raws)]
        content = init_segment(config) + b"".join(fragment(1, units, len(units) * 3000))
        with av.open(io.BytesIO(content), "r") as container:
            assert (config.width, config.height) == (
                container.streams.video[0].width,
                container.streams.video[0].height,
            )
            assert [bytes(p) for p in container.demux(video=0) if p.size] == raws, path.name
        nals = [nal for raw in raws for nal in split_length_prefixed(raw)]
        sets = [nal for kept in parameter_sets(config).values() for nal in kept]
        annex_b = b"".join(b"\0\0\0\1" + nal for nal in [*sets, *nals])
        assert raw_pictures(content) == raw_pictures(annex_b, "hevc")
        assert to_length_prefixed(nals) == b"".join(raws)
        signs = {h265.NAL_SEI_PREFIX, h265.NAL_SEI_SUFFIX}
        checked += any(h265.nal_type(nal) in signs for nal in nals)
    if not checked:
        pytest.skip("no signed H.265 in the shared test material")


def test_annex_b_round_trip() -> None:
    nals = [b"\x40\x01\x0c", b"\x26\x01\xff\x01"]
    assert list(split_annex_b(b"".join(b"\0\0\1" + nal + b"\0" for nal in nals))) == nals
