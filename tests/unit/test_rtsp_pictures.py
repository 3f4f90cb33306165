"""From payloads to access units: whole, in order, bounded, whatever the packets are."""

from collections.abc import Iterator
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import SerambiError
from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, PICTURE_PIECES_MAX
from serambi.camera.pictures import H264Pictures, H265Pictures, leading
from serambi.camera.rtsp.h264 import H264Depacketizer
from serambi.camera.rtsp.h265 import H265Depacketizer
from serambi.camera.rtsp.nals import Depacketizer
from serambi.camera.rtsp.sdp import Codec, Video
from serambi.camera.rtsp.track import Track
from serambi.media import h264
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.nal import split_length_prefixed, to_length_prefixed
from tests.clips import clip
from tests.fakes.rtp import fragments, framed, rtp

FILMS = {
    "h264": clip(12, width=64, height=48, gop=4),
    "h265": clip(12, width=64, height=48, gop=4, codec="hevc"),
}
KINDS: dict[str, type[Depacketizer]] = {"h264": H264Depacketizer, "h265": H265Depacketizer}


def payloads(codec: str, size: int) -> Iterator[tuple[bytes, int, bool]]:
    """(payload, timestamp, marker) of the codec's film."""
    for unit in FILMS[codec].units:
        nals = split_length_prefixed(unit.data)
        parts = [part for nal in nals for part in fragments(nal, size, codec=codec)]
        for n, part in enumerate(parts):
            yield part, unit.pts, n == len(parts) - 1


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("size", [3, 60, 5000])
def test_pictures_come_back_byte_for_byte(codec: str, size: int) -> None:
    depacketizer = KINDS[codec]()
    found = [p for part in payloads(codec, size) for p in depacketizer.push(*part)]
    assert [p.data for p in found] == [unit.data for unit in FILMS[codec].units]
    assert [p.timestamp for p in found] == [unit.pts for unit in FILMS[codec].units]
    assert depacketizer.damaged == 0


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_without_markers_the_next_timestamp_ends_a_picture(codec: str) -> None:
    depacketizer = KINDS[codec]()
    found = [p for part, at, _ in payloads(codec, 60) for p in depacketizer.push(part, at, False)]
    assert [p.data for p in found] == [unit.data for unit in FILMS[codec].units[:-1]]
    last = FILMS[codec].units[-1].data
    assert depacketizer.push(b"\x41\xe0\x80", 10**6, True)[0].data == last


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_aggregated_units_are_taken_apart(codec: str) -> None:
    depacketizer = KINDS[codec]()
    head = b"\x78" if codec == "h264" else bytes((48 << 1, 1))
    unit = FILMS[codec].units[0]
    nals = list(split_length_prefixed(unit.data))
    together = head + b"".join(len(nal).to_bytes(2) + nal for nal in nals)
    assert [p.data for p in depacketizer.push(together, 0, True)] == [unit.data]
    depacketizer.push(together[:-1], 1, True)
    depacketizer.push(b"\x41\xe0\x80", 2, False)
    assert depacketizer.damaged == 1


@pytest.mark.parametrize("codec", ["h264", "h265"])
@given(lost=st.sets(st.integers(0, 200), max_size=12), size=st.sampled_from([40, 90]))
def test_what_is_given_out_is_whole_whatever_is_lost(codec: str, lost: set[int], size: int) -> None:
    depacketizer, gap = KINDS[codec](), False
    sent = [list(split_length_prefixed(unit.data)) for unit in FILMS[codec].units]
    for number, part in enumerate(payloads(codec, size)):
        if number in lost:
            gap = True
            continue
        if gap:
            depacketizer.lost()
            gap = False
        for picture in depacketizer.push(*part):
            nals = list(split_length_prefixed(picture.data))
            assert any(nals == whole[-len(nals) :] for whole in sent)


@pytest.mark.parametrize("kind", KINDS.values())
@given(
    parts=st.lists(
        st.tuples(
            st.binary(max_size=12)
            | st.sampled_from(
                [b"\x7c\x85\x88", b"\x7c\x05\x01", b"\x7c\x45\x02", b"\x62\x01\x93\x80"]
            ),
            st.integers(0, 2),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_nonsense_gives_well_formed_pictures_or_none(
    kind: type[Depacketizer], parts: list[tuple[bytes, int, bool]]
) -> None:
    depacketizer = kind()
    for part in parts:
        for picture in depacketizer.push(*part):
            assert list(split_length_prefixed(picture.data))
            assert picture.kinds & depacketizer.slices


def test_a_picture_that_grows_without_end_is_let_go() -> None:
    depacketizer = H264Depacketizer()
    depacketizer.push(b"\x7c\x85" + bytes(1000), 0, False)
    piece = b"\x7c\x05" + bytes(60_000)
    for _ in range(ACCESS_UNIT_MAX_BYTES // 60_000 + 2):
        depacketizer.push(piece, 0, False)
    assert sum(map(len, depacketizer._pieces)) <= 60_000
    depacketizer.push(b"\x7c\x85\x80", 1, False)
    for _ in range(PICTURE_PIECES_MAX + 2):
        depacketizer.push(b"\x7c\x05\x00", 1, False)
    assert len(depacketizer._pieces) < PICTURE_PIECES_MAX
    assert [p.timestamp for p in depacketizer.push(b"\x65\x88", 2, True)] == [2]
    assert depacketizer.damaged == 2


@pytest.mark.parametrize("codec", ["h264", "h265"])
@given(cuts=st.lists(st.integers(1, 700), max_size=30))
def test_a_track_takes_packets_in_runs_as_it_takes_them_one_by_one(
    codec: Codec, cuts: list[int]
) -> None:
    """The short way through `interleaved` and `datagrams` gives what `packet` gives."""
    raws = [
        rtp(part, n, at, marker=marker) for n, (part, at, marker) in enumerate(payloads(codec, 50))
    ]
    single = played(codec, lambda track: [track.packet(raw) for raw in raws])
    stream = b"".join(map(framed, raws))
    inner = {at for at in accumulate(cuts) if at < len(stream)}
    edges = [0, *sorted(inner), len(stream)]

    def pieces(track: Track) -> None:
        rest = b""
        for begin, end in pairwise(edges):
            data = rest + stream[begin:end]
            rest = data[track.interleaved(data, 0) :]
        assert rest == b""

    def together(track: Track) -> None:
        at = 0
        while at < len(raws):
            run = [raw for raw in raws[at:] if len(raw) == len(raws[at])][:3]
            count = 1
            while count < len(run) and len(raws[at + count]) == len(raws[at]):
                count += 1
            data = bytearray(b"".join(raws[at : at + count]))
            track.datagrams(memoryview(data), len(raws[at]))
            data[:] = bytes(len(data))  # as the next turn of the socket does
            at += count

    assert played(codec, pieces) == single
    assert played(codec, together) == single
    assert [unit.data for unit in single[1:] if isinstance(unit, AccessUnit)] == [
        unit.data for unit in FILMS[codec].units
    ]


def played(codec: Codec, play: object) -> list[VideoConfig | AccessUnit]:
    items = list[VideoConfig | AccessUnit]()
    track = Track(Video(96, codec, 90_000, "", "", ()), items.append)
    assert callable(play)
    play(track)
    assert track.lost == 0
    return items


def test_other_clocks_count_in_ninety_kilohertz() -> None:
    items = list[VideoConfig | AccessUnit]()
    track = Track(Video(96, "h264", 45_000, "", "", ()), items.append)
    for n, (part, at, marker) in enumerate(payloads("h264", 50)):
        track.packet(rtp(part, n, at // 2, marker=marker))
    units = [item for item in items if isinstance(item, AccessUnit)]
    assert [unit.pts for unit in units] == [unit.pts for unit in FILMS["h264"].units]


def test_a_track_counts_what_it_cannot_use() -> None:
    track = Track(Video(96, "h264", 90_000, "", "", ()), lambda item: None)
    track.packet(b"\x80")
    track.packet(b"\x40" + bytes(20))
    assert track.lost == 2
    track.packet(rtp(b"\x41\x9a", 1, payload_type=97))
    track.report(b"nonsense", 0.0)
    assert (track.lost, track.clock_offset_s) == (2, None)
    with pytest.raises(SerambiError, match="ended the stream"):
        track.report(bytes.fromhex("81cb0001 0000004d"), 0.0)


# Configurations


def take(pictures: H264Pictures | H265Pictures, nals: list[bytes]) -> None:
    kinds = sum({1 << pictures.type_of(nal) for nal in nals})
    pictures.take(0, 0, 0, to_length_prefixed(nals), kinds)


def test_nothing_is_passed_on_before_parameter_sets_are_known() -> None:
    items = list[VideoConfig | AccessUnit]()
    pictures = H264Pictures(items.append)
    first = list(split_length_prefixed(FILMS["h264"].units[0].data))
    sets = [nal for nal in first if h264.nal_type(nal) in (h264.NAL_SPS, h264.NAL_PPS)]
    take(pictures, [first[-1]])
    take(pictures, [sets[0], b"\x41\x9a"])
    assert (items, pictures.started) == ([], False)
    take(pictures, [sets[1], first[-1]])
    assert items[0] == FILMS["h264"].config
    assert len(items) == 2


def test_parameter_sets_of_a_description_may_be_wrong() -> None:
    items = list[VideoConfig | AccessUnit]()
    pictures = H264Pictures(items.append, [b"\x68", b"\x67\x00", b"\x67" + bytes(9000)])
    with pytest.raises(SerambiError):
        take(pictures, [b"\x68\xce\x3c\x80", b"\x65\x88"])
    first = list(split_length_prefixed(FILMS["h264"].units[0].data))
    take(pictures, first)
    assert items[0] == FILMS["h264"].config


def test_h265_waits_for_all_three_sets() -> None:
    items = list[VideoConfig | AccessUnit]()
    pictures = H265Pictures(items.append)
    first = list(split_length_prefixed(FILMS["h265"].units[0].data))
    take(pictures, first[1:])
    assert items == []
    take(pictures, first)
    assert items[0] == FILMS["h265"].config


@given(st.binary(max_size=60))
def test_leading_units_of_anything(data: bytes) -> None:
    found = list(leading(data, 0b111110, lambda nal: nal[0] & 0x1F))
    assert sum(map(len, found)) <= len(data)
