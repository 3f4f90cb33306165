"""H.265 as far as it must be understood without decoding: NAL unit types, and the sequence
parameter set for picture size and codec string (ITU-T H.265, 7.3; ISO 14496-15 for hvcC and the
codec string).

Strict: what cannot be read raises `SerambiError`. Repairs of what cameras get wrong belong into
camera/.
"""

import struct
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.media.access_unit import VideoConfig
from serambi.media.nal import BitReader

NAL_VPS = 32
NAL_SPS = 33
NAL_PPS = 34
NAL_SEI_PREFIX = 39
NAL_SEI_SUFFIX = 40

_FIRST_RANDOM_ACCESS, _LAST_RANDOM_ACCESS = 16, 21  # BLA, IDR and CRA; 22 and 23 are reserved
_PROFILE_BYTES = 12  # profile space to level: the same bytes in the parameter set and in hvcC
_SIZE_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Sps:
    """What a sequence parameter set says. `profile` is its 12 bytes from profile space to level,
    `width` and `height` are pixels inside the conformance window."""

    profile: bytes
    temporal_layers: int
    temporal_nesting: bool
    chroma_format: int
    width: int
    height: int
    luma_depth: int
    chroma_depth: int


def _bad(what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where="H.265")


def nal_type(nal: bytes | memoryview) -> int:
    return nal[0] >> 1 & 0x3F


def is_random_access(kind: int) -> bool:
    """Whether decoding can begin at a slice of this NAL unit type."""
    return _FIRST_RANDOM_ACCESS <= kind <= _LAST_RANDOM_ACCESS


def make_config(vps: bytes, sps: bytes, pps: list[bytes]) -> VideoConfig:
    """Parameter sets -> configuration with hvcC (four-byte lengths). Raises `SerambiError`."""
    found = parse_sps(sps)
    _expect(vps, NAL_VPS, "a video parameter set")
    for nal in pps:
        _expect(nal, NAL_PPS, "a picture parameter set")
    if not pps or len(pps) > 255 or any(len(nal) > 0xFFFF for nal in (vps, sps, *pps)):
        raise _bad("parameter sets are missing or too long")
    record = (
        b"\1"
        + found.profile
        # Segmentation and parallelism are left unsaid: no decoder needs them.
        + bytes([0xF0, 0, 0xFC, 0xFC | found.chroma_format])
        + bytes([0xF8 | (found.luma_depth - 8), 0xF8 | (found.chroma_depth - 8), 0, 0])
        + bytes([found.temporal_layers << 3 | found.temporal_nesting << 2 | 3, 3])
    )
    for kind, nals in ((NAL_VPS, [vps]), (NAL_SPS, [sps]), (NAL_PPS, pps)):
        record += struct.pack(">BH", 0x80 | kind, len(nals))
        record += b"".join(struct.pack(">H", len(nal)) + nal for nal in nals)
    return VideoConfig(codec_string(record), record, found.width, found.height)


def codec_string(record: bytes) -> str:
    """The RFC 6381 name of what an hvcC describes, as `hvc1.1.6.L93.b0`. Raises `SerambiError`."""
    if len(record) < 1 + _PROFILE_BYTES or record[0] != 1:
        raise _bad("a decoder configuration record was expected")
    profile, compatible = record[1], int.from_bytes(record[2:6])
    space = ("", "A", "B", "C")[profile >> 6]
    tier = "H" if profile & 0x20 else "L"
    reversed_flags = int(f"{compatible:032b}"[::-1], 2)
    constraints = record[6:12].rstrip(b"\0")
    parts = (f"hvc1.{space}{profile & 0x1F}", f"{reversed_flags:x}", f"{tier}{record[12]}")
    return ".".join((*parts, *(f"{byte:x}" for byte in constraints)))


def parse_sps(sps: bytes) -> Sps:
    """Read as far as the bit depths. Raises `SerambiError`."""
    _expect(sps, NAL_SPS, "a sequence parameter set")
    bits = BitReader(sps[2:], "H.265")
    bits.read(4)
    layers = bits.read(3) + 1
    if layers > 7:
        raise _bad("too many temporal layers")
    nesting = bool(bits.read(1))
    profile = bits.read(8 * _PROFILE_BYTES).to_bytes(_PROFILE_BYTES)
    _skip_layers(bits, layers - 1)
    bits.exp_golomb()
    chroma = bits.exp_golomb()
    if chroma > 3:
        raise _bad("chroma_format_idc is out of range")
    separate = bits.read(1) if chroma == 3 else 0
    width, height = bits.exp_golomb(), bits.exp_golomb()
    if bits.read(1):
        left, right, top, bottom = (bits.exp_golomb() for _ in range(4))
        array = 0 if separate else chroma
        width -= (2 if array in (1, 2) else 1) * (left + right)
        height -= (2 if array == 1 else 1) * (top + bottom)
    if not (0 < width <= _SIZE_MAX and 0 < height <= _SIZE_MAX):
        raise _bad(f"a picture of {width}x{height} is not possible")
    luma_depth, chroma_depth = 8 + bits.exp_golomb(), 8 + bits.exp_golomb()
    # 15 is all that the record's three bits can say; the standard ends at 16.
    if luma_depth > 15 or chroma_depth > 15:
        raise _bad("bit depth is out of range")
    return Sps(profile, layers, nesting, chroma, width, height, luma_depth, chroma_depth)


def pps_id(pps: bytes) -> int:
    """Which picture parameter set this is: a later one of the same id replaces it."""
    _expect(pps, NAL_PPS, "a picture parameter set")
    return BitReader(pps[2:], "H.265").exp_golomb()


def _expect(nal: bytes, kind: int, what: str) -> None:
    # Layer 0 only: what a second layer adds, no decoder of ours asks for.
    if len(nal) < 3 or nal[0] != kind << 1 or nal[1] >> 3 or not nal[1] & 7:
        raise _bad(f"{what} was expected")


def _skip_layers(bits: BitReader, count: int) -> None:
    """Profile and level of the lower temporal layers."""
    present = [(bits.read(1), bits.read(1)) for _ in range(count)]
    if count:
        bits.read(2 * (8 - count))
    for profile, level in present:
        bits.read(88 * profile + 8 * level)
