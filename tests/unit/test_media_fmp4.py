"""What we write, another player plays."""

import struct

import pytest

from serambi.base.errors import SerambiError
from serambi.media.fmp4 import Muxer, fragment, init_segment, producer_time
from serambi.media.wire import MessageBuilder
from tests.clips import Clip, clip, decoded


def _file(made: Clip, size: int) -> bytes:
    parts = [init_segment(made.config)]
    units = made.units
    for number, at in enumerate(range(0, len(units), size)):
        group = units[at : at + size]
        following = units[at + size].dts if at + size < len(units) else group[-1].dts + 3600
        parts += fragment(number + 1, group, following)
    return b"".join(parts)


@pytest.mark.parametrize("size", [1, 7, 25, 50])
def test_every_picture_plays_at_its_time(size: int) -> None:
    frames = decoded(_file(clip(), size))
    assert [round(at * 25) for at, _ in frames] == list(range(50))
    assert {picture.shape for _, picture in frames} == {(180, 320, 3)}


def test_pictures_out_of_order_play_in_order() -> None:
    made = clip(b_frames=2)
    assert any(unit.pts != unit.dts for unit in made.units)
    frames = decoded(_file(made, 25))
    assert len(frames) == 50
    times = [at for at, _ in frames]
    assert times == sorted(set(times))


def test_a_fragment_can_begin_the_file_at_zero() -> None:
    made = clip()
    later = made.units[25:]
    content = init_segment(made.config) + b"".join(
        fragment(1, later, later[-1].dts + 3600, base_dts=later[0].dts)
    )
    assert decoded(content)[0][0] == 0.0


def test_the_muxer_gives_what_a_browser_takes_without_delay() -> None:
    made, muxer, builder = clip(), Muxer(), MessageBuilder()
    content = muxer.feed(builder.build(made.config)) or b""
    for unit in made.units:
        piece = muxer.feed(builder.build(unit))
        assert piece is not None
        assert piece[4:8] == b"prft"
        content += piece
    frames = decoded(content)
    assert [round(at * 25) for at, _ in frames] == list(range(50))


def test_the_muxer_waits_for_a_key_frame() -> None:
    made, muxer, builder = clip(), Muxer(), MessageBuilder()
    assert muxer.feed(builder.build(made.units[0])) is None
    muxer.feed(builder.build(made.config))
    assert muxer.feed(builder.build(made.units[1])) is None
    first = muxer.feed(builder.build(made.units[25]))
    assert first is not None
    assert first[first.index(b"tfdt") + 8 :][:8] == bytes(8)


def test_a_new_configuration_starts_a_new_timeline() -> None:
    made, muxer, builder = clip(), Muxer(), MessageBuilder()
    for item in (made.config, made.units[0], made.config):
        muxer.feed(builder.build(item))
    piece = muxer.feed(builder.build(made.units[25])) or b""
    assert piece[piece.index(b"tfdt") + 8 :][:8] == bytes(8)


def test_the_capture_time_is_in_ntp() -> None:
    box = producer_time(1_790_000_000_500_000, 1234)
    size, kind, _, _, ntp, media_time = struct.unpack(">I4sIIQQ", box)
    assert (size, kind, media_time) == (32, b"prft", 1234)
    assert ntp >> 32 == 1_790_000_000 + 2_208_988_800
    assert (ntp & 0xFFFFFFFF) / 2**32 == pytest.approx(0.5, abs=1e-6)


def test_rubbish_is_refused() -> None:
    with pytest.raises(SerambiError, match="neither configuration nor picture"):
        Muxer().feed(b"\x07rubbish")
