"""What differs between H.264 and H.265 when a stream is kept, cut into packets and announced.

What does not belong here: cutting and announcing themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError


@dataclass(frozen=True, slots=True)
class Codec:
    """NAL unit types by their job. `parameter_sets` in the order a stream begins with them,
    `header_bytes` of each NAL unit, `last_slice` the highest type that carries a picture."""

    name: str
    encoder: str
    decoder: str
    header_bytes: int
    parameter_sets: tuple[int, ...]
    keys: frozenset[int]
    first_slice: int
    last_slice: int
    noise: frozenset[int]
    sei_header: bytes

    def kind(self, nal: bytes) -> int:
        return nal[0] & 0x1F if self.header_bytes == 1 else nal[0] >> 1 & 0x3F

    def is_slice(self, nal: bytes) -> bool:
        return self.first_slice <= self.kind(nal) <= self.last_slice

    def begins_stream(self, nals: Iterable[bytes]) -> bool:
        """Whether an access unit has every parameter set and a key picture."""
        kinds = {self.kind(nal) for nal in nals}
        return set(self.parameter_sets) <= kinds and bool(self.keys & kinds)


# `noise`: what encoders add and cameras do not send: their signature in SEI, delimiters.
H264 = Codec(
    name="h264",
    encoder="libx264",
    decoder="h264",
    header_bytes=1,
    parameter_sets=(7, 8),
    keys=frozenset({5}),
    first_slice=1,
    last_slice=5,
    noise=frozenset({6, 9}),
    sei_header=b"\x06",
)
H265 = Codec(
    name="h265",
    encoder="libx265",
    decoder="hevc",
    header_bytes=2,
    parameter_sets=(32, 33, 34),
    keys=frozenset(range(16, 22)),
    first_slice=0,
    last_slice=31,
    noise=frozenset({35, 39, 40}),
    sei_header=b"\x4e\x01",
)
_CODECS = {codec.name: codec for codec in (H264, H265)}


def codec_named(name: str) -> Codec:
    """`h264` or `h265`; anything else raises `SerambiError(BAD_INPUT)`."""
    if name not in _CODECS:
        raise SerambiError(Kind.BAD_INPUT, f"no codec is called {name!r}", hint="use h264 or h265")
    return _CODECS[name]
