"""Fragmented MP4, written by hand (ISO 14496-12, -15): one video track at 90 kHz.

An initialisation segment, then fragments of `moof` and `mdat`. Nothing is re-encoded and nothing
buffered beyond what the caller hands over. Files and their index belong to recording/.
"""

import struct
from collections.abc import Sequence

from serambi.base.errors import Kind, SerambiError
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.wire import decode

TIMESCALE = 90_000
NOMINAL_DURATION = TIMESCALE // 25
"""Duration of a picture whose successor is not known yet, before there is a better guess."""

_TRACK = 1
_NTP_EPOCH_S = 2_208_988_800
_SYNC_SAMPLE = 0x0200_0000
_OTHER_SAMPLE = 0x0101_0000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def init_segment(config: VideoConfig) -> bytes:
    """`ftyp` and `moov` for a stream with this configuration; H.265 is tagged `hvc1`. Raises
    `SerambiError` for any other codec."""
    sample, record, brand = _sample_entry(config.codec)
    entry = _box(
        sample,
        struct.pack(">6xH16xHHIIIH", 1, config.width, config.height, 0x480000, 0x480000, 0, 1),
        b"\0" * 32,
        struct.pack(">Hh", 24, -1),
        _box(record, config.record),
    )
    tables = _box(
        b"stbl",
        _full(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        *(_full(kind, 0, 0, b"\0" * 4) for kind in (b"stts", b"stsc", b"stco")),
        _full(b"stsz", 0, 0, b"\0" * 8),
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, TIMESCALE, 0, 0x55C4, 0)),
        _full(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide"), b"video\0"),
        _box(
            b"minf",
            _full(b"vmhd", 0, 1, b"\0" * 8),
            _box(b"dinf", _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1))),
            tables,
        ),
    )
    size = struct.pack(">II", config.width << 16, config.height << 16)
    track = _box(
        b"trak",
        _full(
            b"tkhd",
            0,
            3,
            struct.pack(">IIIII8xHHHH", 0, 0, _TRACK, 0, 0, 0, 0, 0, 0),
            _MATRIX,
            size,
        ),
        media,
    )
    head = struct.pack(">IIIIIH10x", 0, 0, TIMESCALE, 0, 0x10000, 0x100)
    movie = _box(
        b"moov",
        _full(b"mvhd", 0, 0, head, _MATRIX, b"\0" * 24, struct.pack(">I", _TRACK + 1)),
        track,
        _box(b"mvex", _full(b"trex", 0, 0, struct.pack(">IIIII", _TRACK, 1, 0, 0, 0))),
    )
    return _box(b"ftyp", b"iso6", struct.pack(">I", 1), b"iso6", *brand, b"mp41") + movie


def _sample_entry(codec: str) -> tuple[bytes, bytes, tuple[bytes, ...]]:
    """-> kinds of the sample entry and of the record in it, the codec's own file brand."""
    name = codec.partition(".")[0]
    if name == "avc1":
        return b"avc1", b"avcC", (b"avc1",)
    if name == "hvc1":
        return b"hvc1", b"hvcC", ()
    raise SerambiError(Kind.BAD_INPUT, f"{name or 'no codec'} cannot be put into MP4")


def fragment(
    sequence: int, units: Sequence[AccessUnit], next_dts: int, *, base_dts: int = 0
) -> list[bytes]:
    """One fragment, as pieces for a single `writev`: moof and mdat header, then the units.

    `next_dts` is where the last unit ends; `base_dts` is subtracted, so that a file begins at 0.
    """
    ends = [unit.dts for unit in units[1:]] + [next_dts]
    samples = b"".join(
        struct.pack(
            ">IIIi",
            max(0, end - unit.dts),
            len(unit.data),
            _SYNC_SAMPLE if unit.key else _OTHER_SAMPLE,
            unit.pts - unit.dts,
        )
        for unit, end in zip(units, ends, strict=True)
    )
    decode_time = _full(b"tfdt", 1, 0, struct.pack(">Q", units[0].dts - base_dts))

    def moof(offset: int) -> bytes:
        run = _full(b"trun", 1, 0x000F01, struct.pack(">Ii", len(units), offset), samples)
        header = _full(b"tfhd", 0, 0x020000, struct.pack(">I", _TRACK))
        return _box(
            b"moof",
            _full(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF)),
            _box(b"traf", header, decode_time, run),
        )

    payload = sum(len(unit.data) for unit in units)
    head = moof(len(moof(0)) + 8)
    return [head + struct.pack(">I4s", 8 + payload, b"mdat"), *(unit.data for unit in units)]


def producer_time(wall_us: int, media_time: int) -> bytes:
    """A `prft` box: when the fragment behind it was captured (NTP, whose seconds begin anew in
    2036)."""
    seconds, micros = divmod(wall_us, 1_000_000)
    ntp = (seconds + _NTP_EPOCH_S & 0xFFFFFFFF) << 32 | (micros << 32) // 1_000_000
    return _full(b"prft", 1, 24, struct.pack(">IQQ", _TRACK, ntp, max(0, media_time)))


class Muxer:
    """Wire messages -> what a browser's MediaSource takes, without a picture of delay.

    Each unit becomes its own fragment behind a `prft` box; as its duration is not known yet, it
    gets that of the one before it.
    """

    def __init__(self) -> None:
        self._configured = False
        self._base_dts: int | None = None
        self._last_dts = 0
        self._duration = NOMINAL_DURATION
        self._sequence = 0

    def feed(self, message: bytes) -> bytes | None:
        """A configuration -> an initialisation segment; a unit -> a fragment, None before the
        first key frame. Raises `SerambiError` for what is neither."""
        item = decode(message)
        if isinstance(item, VideoConfig):
            self._configured, self._base_dts = True, None
            return init_segment(item)
        if self._base_dts is None:
            if not (self._configured and item.key):
                return None
            self._base_dts = item.dts
        elif 0 < item.dts - self._last_dts < 10 * TIMESCALE:
            self._duration = item.dts - self._last_dts
        self._last_dts = item.dts
        self._sequence += 1
        base = min(self._base_dts, item.dts)
        parts = fragment(self._sequence, [item], item.dts + self._duration, base_dts=base)
        return producer_time(item.wall_us, item.pts - base) + b"".join(parts)
