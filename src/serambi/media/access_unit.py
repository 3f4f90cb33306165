"""Encoded pictures as they travel through Serambi, and what a decoder needs to know of them."""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """Parameter sets of a stream: the RFC 6381 codec string (`avc1...` or `hvc1...`), the decoder
    configuration record (avcC or hvcC, ISO 14496-15), the picture size in pixels after cropping."""

    codec: str
    record: bytes
    width: int
    height: int


class AccessUnit(msgspec.Struct, frozen=True, gc=False):
    """One encoded picture.

    `pts` and `dts` count 90 kHz from the start of the connection, dts never runs back. `wall_us`
    is when it arrived at the keeper, unix microseconds. `data` is NAL units, each with four bytes
    of length before it, byte for byte as the camera sent them.
    """

    pts: int
    dts: int
    key: bool
    wall_us: int
    data: bytes
