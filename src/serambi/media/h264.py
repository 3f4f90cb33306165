"""H.264 as far as it must be understood without decoding: NAL unit types, and the sequence
parameter set for picture size and codec string (ITU-T H.264, 7.3.2.1; ISO 14496-15 for avcC).

Strict: what cannot be read raises `SerambiError`. Repairs of what cameras get wrong belong into
camera/.
"""

import struct

from serambi.base.errors import Kind, SerambiError
from serambi.media.access_unit import VideoConfig
from serambi.media.nal import BitReader
from serambi.media.nal import split_annex_b as split_annex_b
from serambi.media.nal import split_length_prefixed as split_length_prefixed
from serambi.media.nal import to_length_prefixed as to_length_prefixed

NAL_IDR = 5
NAL_SEI = 6
NAL_SPS = 7
NAL_PPS = 8

_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_SIZE_MAX = 16_384


def _bad(what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where="H.264")


def nal_type(nal: bytes | memoryview) -> int:
    return nal[0] & 0x1F


def make_config(sps: bytes, pps: list[bytes]) -> VideoConfig:
    """Parameter sets -> configuration with avcC (four-byte lengths). Raises `SerambiError`."""
    width, height, chroma, luma_depth, chroma_depth = parse_sps(sps)
    if not pps or len(pps) > 255 or any(len(nal) > 0xFFFF for nal in [sps, *pps]):
        raise _bad("parameter sets are missing or too long")
    record = bytes([1, sps[1], sps[2], sps[3], 0xFF, 0xE1]) + struct.pack(">H", len(sps)) + sps
    record += bytes([len(pps)])
    for nal in pps:
        record += struct.pack(">H", len(nal)) + nal
    if sps[1] in _HIGH_PROFILES:
        record += bytes([0xFC | chroma, 0xF8 | (luma_depth - 8), 0xF8 | (chroma_depth - 8), 0])
    codec = f"avc1.{sps[1]:02x}{sps[2]:02x}{sps[3]:02x}"
    return VideoConfig(codec, record, width, height)


def parse_sps(sps: bytes) -> tuple[int, int, int, int, int]:
    """-> width, height (pixels, cropped), chroma_format_idc, luma and chroma bit depth."""
    if len(sps) < 4 or nal_type(sps) != NAL_SPS:
        raise _bad("a sequence parameter set was expected")
    bits = BitReader(sps[1:], "H.264")
    profile = bits.read(8)
    bits.read(16)
    bits.exp_golomb()
    chroma, luma_depth, chroma_depth = 1, 8, 8
    separate = 0
    if profile in _HIGH_PROFILES:
        chroma = bits.exp_golomb()
        if chroma > 3:
            raise _bad("chroma_format_idc is out of range")
        separate = bits.read(1) if chroma == 3 else 0
        luma_depth = 8 + bits.exp_golomb()
        chroma_depth = 8 + bits.exp_golomb()
        if luma_depth > 14 or chroma_depth > 14:
            raise _bad("bit depth is out of range")
        bits.read(1)
        if bits.read(1):
            for index in range(12 if chroma == 3 else 8):
                if bits.read(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.exp_golomb()
    _skip_order(bits)
    bits.exp_golomb()
    bits.read(1)
    width_blocks = bits.exp_golomb() + 1
    height_units = bits.exp_golomb() + 1
    frames_only = bits.read(1)
    if not frames_only:
        bits.read(1)
    bits.read(1)
    left = right = top = bottom = 0
    if bits.read(1):
        left, right, top, bottom = (bits.exp_golomb() for _ in range(4))
    array = 0 if separate else chroma
    unit_x = 1 if array in (0, 3) else 2
    unit_y = (2 if array == 1 else 1) * (2 - frames_only)
    width = width_blocks * 16 - unit_x * (left + right)
    height = height_units * 16 * (2 - frames_only) - unit_y * (top + bottom)
    if not (0 < width <= _SIZE_MAX and 0 < height <= _SIZE_MAX):
        raise _bad(f"a picture of {width}x{height} is not possible")
    return width, height, chroma, luma_depth, chroma_depth


def pps_id(pps: bytes) -> int:
    """Which picture parameter set this is: a later one of the same id replaces it."""
    if len(pps) < 2 or nal_type(pps) != NAL_PPS:
        raise _bad("a picture parameter set was expected")
    return BitReader(pps[1:], "H.264").exp_golomb()


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_exp_golomb()) % 256
        last = following or last


def _skip_order(bits: BitReader) -> None:
    order = bits.exp_golomb()
    if order == 0:
        bits.exp_golomb()
    elif order == 1:
        bits.read(1)
        bits.signed_exp_golomb()
        bits.signed_exp_golomb()
        count = bits.exp_golomb()
        if count > 255:
            raise _bad("too many picture order cycles")
        for _ in range(count):
            bits.signed_exp_golomb()
