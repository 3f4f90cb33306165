"""The counter drawn into pictures."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serambi.base.errors import SerambiError
from serambi.sim import counter


def noise(width: int, height: int, seed: int = 0) -> counter.Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@settings(deadline=None, max_examples=60)
@given(
    tag=st.integers(0, 255),
    n=st.integers(0, 65_535),
    size=st.sampled_from([(320, 180), (640, 360), (1280, 720), (333, 187), (1919, 1079)]),
)
def test_read_is_the_inverse_of_draw(tag: int, n: int, size: tuple[int, int]) -> None:
    picture = noise(*size)
    counter.draw(picture, tag, n)
    assert counter.read(picture) == (tag, n)
    assert counter.read(picture[..., 0]) == (tag, n)


@pytest.mark.parametrize("size", [(320, 180), (411, 231), (640, 360), (853, 480), (1920, 1080)])
@pytest.mark.parametrize("how", [cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST])
def test_scaling_leaves_it_readable(size: tuple[int, int], how: int) -> None:
    for n in (0, 1, 341, 479, 65_535):
        picture = noise(1280, 720)
        counter.draw(picture, 0xA5, n)
        assert counter.read(np.asarray(cv2.resize(picture, size, interpolation=how))) == (0xA5, n)


@pytest.mark.parametrize("quality", [10, 30])
def test_compression_and_gray_veil_leave_it_readable(quality: int) -> None:
    picture = noise(640, 360)
    counter.draw(picture, 7, 12_345)
    veiled = np.asarray(picture * 0.5 + 60, np.uint8)
    _, packed = cv2.imencode(".jpg", veiled, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert counter.read(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))) == (7, 12_345)


@settings(deadline=None, max_examples=60)
@given(cells=st.sets(st.integers(0, 39), min_size=1, max_size=2))
def test_one_or_two_wrong_cells_are_noticed(cells: set[int]) -> None:
    picture = noise(1280, 720)
    counter.draw(picture, 3, 300)
    for cell in cells:
        part = picture[704:, cell * 20 : cell * 20 + 20]
        part[:] = 255 - part
    assert counter.read(picture) is None


def test_nothing_is_read_from_what_has_no_counter() -> None:
    assert all(counter.read(noise(640, 360, seed)) is None for seed in range(50))
    assert counter.read(np.full((360, 640, 3), 128, np.uint8)) is None
    assert counter.read(np.zeros((360, 640), np.uint8)) is None
    assert counter.read(np.zeros((100, 200, 3), np.uint8)) is None
    assert counter.read(np.zeros(640, np.uint8)) is None


@pytest.mark.parametrize(("tag", "n"), [(-1, 0), (256, 0), (0, -1), (0, 65_536)])
def test_what_does_not_fit_is_refused(tag: int, n: int) -> None:
    with pytest.raises(SerambiError, match="cannot hold"):
        counter.draw(noise(320, 180), tag, n)


def test_small_pictures_are_refused() -> None:
    with pytest.raises(SerambiError, match="too small"):
        counter.draw(noise(300, 180), 0, 0)


def test_crc_has_the_documented_check_value() -> None:
    # Start 0xFF, polynomial 0x07: worked out bit by bit, apart from the code.
    def slow(message: bytes) -> int:
        register = 0xFF
        for bit in (byte >> shift & 1 for byte in message for shift in range(7, -1, -1)):
            carry = register >> 7 ^ bit
            register = register << 1 & 0xFF ^ (0x07 if carry else 0)
        return register

    assert counter.crc8(b"123456789") == slow(b"123456789") == 0xFB


def test_name_is_small_and_at_the_top_left() -> None:
    picture = np.full((720, 1280, 3), 90, np.uint8)
    counter.draw_name(picture, "Gerbang Timur")
    ys, xs = np.nonzero((picture != 90).any(axis=2))
    assert len(ys)
    assert ys.max() < 720 / 10
    assert xs.max() < 1280 / 3
