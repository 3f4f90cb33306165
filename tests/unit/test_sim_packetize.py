"""Access units cut into packets, put together again by code that does not know how."""

import struct
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import SerambiError
from serambi.sim import packetize
from serambi.sim.codec import H264, H265, Codec, codec_named
from serambi.sim.faults import Faults, disturb
from serambi.sim.limits import RUN_MAX_PACKETS
from serambi.sim.loop_file import Loop, Unit
from serambi.sim.packetize import CANARY_UUID, Shape
from serambi.sim.rtp import templates
from tests.simulation.sim_town import joined_h264, joined_h265

JOINED = {"h264": joined_h264, "h265": joined_h265}
HEADS = {
    "h264": (b"\x67", b"\x68", b"\x06", b"\x65", b"\x41"),
    "h265": (b"\x40\x01", b"\x42\x01", b"\x44\x01", b"\x4e\x01", b"\x26\x01", b"\x02\x01"),
}


def unit(codec: Codec, *sizes: int) -> list[bytes]:
    heads = HEADS[codec.name]
    return [
        heads[i % len(heads)] + Random(i).randbytes(size) + b"\x80" for i, size in enumerate(sizes)
    ]


@given(
    codec=st.sampled_from([H264, H265]),
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=8),
    limit=st.integers(64, 1400),
    aggregate=st.booleans(),
)
def test_what_is_cut_goes_together_again(
    codec: Codec, sizes: list[int], limit: int, aggregate: bool
) -> None:
    nals = unit(codec, *sizes)
    parts = packetize.payloads(nals, codec, Shape(limit, aggregate))
    assert JOINED[codec.name](parts) == nals
    assert all(1 <= len(part) <= limit for part in parts)
    if aggregate:
        small = [len(nal) + 2 for nal in nals]
        fits = any(a + b + 2 <= limit for a, b in pairwise(small))
        kinds = {24} if codec is H264 else {48}
        assert fits == any(codec.kind(part) in kinds for part in parts)


@pytest.mark.parametrize("codec", [H264, H265], ids=lambda codec: codec.name)
def test_a_wrong_fragment_type_is_in_all_but_the_first(codec: Codec) -> None:
    (nal,) = unit(codec, 5000)
    right, wrong = (
        packetize.payloads([nal], codec, Shape(wrong_fragment_type=fault))
        for fault in (False, True)
    )
    at = codec.header_bytes
    assert wrong[0] == right[0]
    assert [part[at] ^ other[at] for part, other in zip(wrong, right, strict=True)][1:] == [1, 1, 1]


def loop(codec: Codec, *sizes: int) -> Loop:
    return Loop(320, 180, 20, (Unit(True, tuple(unit(codec, *sizes))),), codec)


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("codec", [H264, H265], ids=lambda codec: codec.name)
def test_a_template_lacks_only_numbers_and_canary(codec: Codec, framed: bool) -> None:
    made = loop(codec, *([20] * (len(HEADS[codec.name]) - 2)), 70_000, 9_000)
    (found,) = templates(made, Shape(), framed=framed)
    assert templates(made, Shape(), framed=framed)[0] is found
    parts = []
    for number, (begin, end) in enumerate(pairwise(found.cuts)):
        head = found.heads[number]
        if framed:
            assert found.packets[begin:head] == b"$\0" + struct.pack("!H", end - head)
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", found.packets, head)
        last = number == len(found.heads) - 1
        assert (first, second, sequence, timestamp, ssrc) == (0x80, 96 | last << 7, 0, 0, 0)
        parts.append(found.packets[head + 12 : end])
    nals = JOINED[codec.name](parts)
    sei = next(nal for nal in nals if CANARY_UUID in nal)
    assert [nal for nal in nals if nal is not sei] == list(made.units[0].nals)
    assert codec.is_slice(nals[nals.index(sei) + 1])
    assert found.packets[found.canary_at - 16 :].startswith(CANARY_UUID + b"\xff" * 16 + b"\x80")


@given(st.lists(st.integers(1, 60_000), min_size=4, max_size=6))
def test_runs_are_what_one_system_call_may_send(sizes: list[int]) -> None:
    (found,) = templates(loop(H264, *sizes), Shape(), framed=False)
    cuts: list[int] = [0]
    for begin, end, size in found.runs:
        assert begin == cuts[-1]
        pieces = [(at, min(at + size, end)) for at in range(begin, end, size)]
        assert 1 <= len(pieces) <= RUN_MAX_PACKETS
        assert end - begin < 65_000
        cuts += [stop for _, stop in pieces]
    assert tuple(cuts) == found.cuts


def test_nothing_is_called_otherwise() -> None:
    with pytest.raises(SerambiError, match="no codec is called 'av1'"):
        codec_named("av1")


@given(
    count=st.integers(0, 60),
    loss=st.floats(0, 100),
    reorder=st.floats(0, 100),
    seed=st.integers(0, 9),
    in_order=st.booleans(),
)
def test_packets_are_lost_or_late_but_never_new(
    count: int, loss: float, reorder: float, seed: int, in_order: bool
) -> None:
    packets = [bytes((n,)) for n in range(count)]
    faults = Faults(loss_percent=loss, reorder_percent=reorder)
    kept = disturb(packets, faults, Random(seed), in_order=in_order)
    assert kept == disturb(packets, faults, Random(seed), in_order=in_order)
    assert set(kept) <= set(packets)
    assert len(set(kept)) == len(kept)
    if in_order or not reorder:
        assert kept == sorted(kept)
    assert all(abs(sorted(kept).index(packet) - at) <= 1 for at, packet in enumerate(kept))
    if not loss:
        assert len(kept) == count


def test_chances_come_about_as_often_as_they_say() -> None:
    packets = [n.to_bytes(2) for n in range(10_000)]
    lost = Faults(loss_percent=3)
    assert 9_600 < len(disturb(packets, lost, Random(1), in_order=True)) < 9_800
    late = disturb(packets, Faults(reorder_percent=5), Random(1), in_order=False)
    assert 400 < sum(b < a for a, b in pairwise(late)) < 600


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss_percent": 101},
        {"reorder_percent": -1},
        {"jitter_s": 60},
        {"payload_max_bytes": 10},
        {"drift_ppm": 1e9},
        {"repeat_timestamp_every": -1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_impossible_faults_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SerambiError, match=next(iter(wrong))):
        Faults(**wrong)  # type: ignore[arg-type]
