"""Parameter sets and NAL units: what a camera's hostile firmware may put into them.

The first byte says which parser; sizes stay possible, framings survive there and back.
"""

import struct
from collections.abc import Iterator

from fuzz._target import Target, require, shared
from serambi.media import h264, h265
from serambi.media.access_unit import VideoConfig

_SIDE_MAX = 16_384
_SPS = bytes.fromhex("6764001facd9405005bb016a02020280000003008000001e478c18cb")
_PPS = bytes.fromhex("68ebecb22c")
_H265_VPS = bytes.fromhex("40010c01ffff016000000300900000030000030078959809")
_H265_SPS = bytes.fromhex(
    "42010101600000030090000003000003007ba003c08010e596566924caf0168080000003008000000f04"
)
_H265_PPS = bytes.fromhex("4401c172b46240")


def seeds() -> Iterator[bytes]:
    annex_b = b"".join(b"\0\0\0\1" + nal for nal in (_SPS, _PPS, b"\x65\x88\x84"))
    yield b"\0" + annex_b
    yield b"\1" + h264.to_length_prefixed([_SPS, _PPS])
    yield b"\2" + _SPS
    yield b"\2" + _SPS + b"\0" * 60_000
    yield b"\3" + _PPS
    yield b"\4" + struct.pack(">H", len(_SPS)) + _SPS + _PPS
    yield b"\5" + _H265_SPS
    yield b"\6" + _H265_PPS
    yield b"\7" + struct.pack(">H", len(_H265_VPS)) + _H265_VPS + _H265_PPS
    for raw in shared("h264/*"):
        head = raw[:2000]
        yield b"\0" + head
        if b"\0\0\1" in head:
            for nal in h264.split_annex_b(head):
                kind = h264.nal_type(nal)
                if kind in (h264.NAL_SPS, h264.NAL_PPS):
                    yield (b"\2" if kind == h264.NAL_SPS else b"\3") + nal


def check(raw: bytes) -> None:
    if raw:
        _CHECKS[raw[0] % len(_CHECKS)](raw[1:])


def _annex_b(body: bytes) -> None:
    nals = list(h264.split_annex_b(body))
    require(all(nals), "an empty NAL unit")
    require(sum(len(nal) + 3 for nal in nals) <= len(body), "more came out than went in")
    framed = h264.to_length_prefixed(nals)
    require(list(h264.split_length_prefixed(framed)) == nals, "framing changes NAL units")


def _length_prefixed(body: bytes) -> None:
    nals = list(h264.split_length_prefixed(body))
    require(h264.to_length_prefixed(nals) == body, "framing changes NAL units")


def _h264_sps(body: bytes) -> None:
    width, height, chroma, luma_depth, chroma_depth = h264.parse_sps(body)
    require(0 < width <= _SIDE_MAX and 0 < height <= _SIDE_MAX, "an impossible picture")
    require(chroma <= 3 and 8 <= luma_depth <= 14 and 8 <= chroma_depth <= 14, "out of range")
    _check_config(h264.make_config(body, [_PPS]), body)


def _h264_pps(body: bytes) -> None:
    require(0 <= h264.pps_id(body) < 2**32, "an impossible number")
    _check_config(h264.make_config(_SPS, [body]), body)


def _h264_config(body: bytes) -> None:
    (size,) = struct.unpack(">H", body[:2].rjust(2, b"\0"))
    sps, pps = body[2 : 2 + size], body[2 + size :]
    _check_config(h264.make_config(sps, [pps]), sps, pps)


def _h265_sps(body: bytes) -> None:
    found = h265.parse_sps(body)
    require(0 < found.width <= _SIDE_MAX and 0 < found.height <= _SIDE_MAX, "impossible picture")
    require(found.chroma_format <= 3 and 1 <= found.temporal_layers <= 7, "out of range")
    _check_config(h265.make_config(_H265_VPS, body, [_H265_PPS]), body)


def _h265_pps(body: bytes) -> None:
    require(0 <= h265.pps_id(body) < 2**32, "an impossible number")
    _check_config(h265.make_config(_H265_VPS, _H265_SPS, [body]), body)


def _h265_config(body: bytes) -> None:
    (size,) = struct.unpack(">H", body[:2].rjust(2, b"\0"))
    vps, pps = body[2 : 2 + size], body[2 + size :]
    config = h265.make_config(vps, _H265_SPS, [pps])
    require(h265.codec_string(config.record) == config.codec, "two names for one stream")
    _check_config(config, vps, pps)


def _check_config(config: VideoConfig, *nals: bytes) -> None:
    require(all(nal in config.record for nal in nals), "a parameter set is not in the record")
    require(len(config.record) <= 4 * 0x10000, "a record without bounds")
    require(config.codec.isascii() and len(config.codec) <= 48, "a strange codec string")


_CHECKS = (
    _annex_b, _length_prefixed, _h264_sps, _h264_pps, _h264_config, _h265_sps, _h265_pps,
    _h265_config,
)  # fmt: skip

TARGET = Target(
    ("serambi.media.h264", "serambi.media.h265", "serambi.media.nal"),
    seeds,
    check,
    max_bytes=65_536,
)
