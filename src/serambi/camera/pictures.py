"""Access units of either codec -> what the rest of Serambi takes: a configuration when parameter
sets are new, and units beginning with one that a decoder can start at. Both engines end here.

Where decoding can start (ADR 9): at IDR and IRAP pictures; at pictures with a recovery point, for
cameras with open groups or intra refresh; at intra pictures behind parameter sets, for cameras that
mark nothing.
"""

from collections.abc import Callable, Iterable, Iterator

from serambi.base.errors import SerambiError
from serambi.base.limits import PARAMETER_SET_MAX_BYTES
from serambi.camera.source import Emit
from serambi.camera.timeline import Timeline
from serambi.media import h264, h265
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.nal import BitReader

_RECOVERY_POINT = 6  # SEI payload type, the same in both codecs
_INTRA_SLICES = (2, 7)
_SETS_MAX = 64
_SEI_BYTES = 2048  # a recovery point further behind is not looked for


class Pictures:
    """Pictures of one connection, in decoding order. Subclasses know the codec."""

    slices: int
    """Sets of NAL unit types, bit n for type n."""
    keys: int
    sets: int
    sei: int
    recovery: bytes
    """What an SEI unit with a recovery point begins with."""

    def __init__(self, emit: Emit, parameter_sets: Iterable[bytes] = ()) -> None:
        self._emit = emit
        self._timeline = Timeline()
        self._config: VideoConfig | None = None
        self._changed = True
        self.started = False
        """Whether a picture to begin with has come."""
        for nal in parameter_sets:
            try:
                self._note(nal)
            except SerambiError:
                continue  # what the description gets wrong comes in-band as well

    @property
    def timeline(self) -> Timeline:
        """Places the times of this connection."""
        return self._timeline

    def take(self, pts: int, dts: int, wall_us: int, data: bytes, kinds: int) -> None:
        """One access unit: times at 90 kHz, length-prefixed NAL units and the set of their types.
        Raises `SerambiError(BAD_INPUT)` when it carries parameter sets that cannot be read."""
        key = bool(kinds & self.keys)
        if kinds & self.sets or (kinds & self.sei and data.find(self.recovery, 4, _SEI_BYTES) > 0):
            for nal in leading(data, self.slices, self.type_of):
                kind = self.type_of(nal)
                if 1 << kind & self.sets:
                    self._note(nal)
                elif nal.startswith(self.recovery):
                    key = True
            key = key or (bool(kinds & self.sets) and self._is_intra(data))
        if key and self._changed:
            self._configure()
        if self.started or (key and self._config is not None):
            self.started = True
            self._emit(AccessUnit(pts, dts, key, wall_us, data))

    def type_of(self, nal: bytes) -> int:
        """The type of a NAL unit."""
        raise NotImplementedError

    def _note(self, nal: bytes) -> None:
        raise NotImplementedError

    def _make(self) -> VideoConfig | None:
        raise NotImplementedError

    def _is_intra(self, data: bytes) -> bool:
        return False

    def _configure(self) -> None:
        """At a picture to start at: say the parameter sets if they are new."""
        config = self._make()
        if config is None:
            return
        self._changed = False
        if config != self._config:
            self._config = config
            self._emit(config)

    def _keep(self, kept: dict[int, bytes], number: int, nal: bytes) -> None:
        if kept.get(number) != nal and len(kept) < _SETS_MAX:
            kept[number] = nal
            self._changed = True


class H264Pictures(Pictures):
    """Of an H.264 stream."""

    slices = 0b111110
    keys = 1 << h264.NAL_IDR
    sets = 1 << h264.NAL_SPS | 1 << h264.NAL_PPS
    sei = 1 << h264.NAL_SEI
    recovery = bytes((h264.NAL_SEI, _RECOVERY_POINT))

    def __init__(self, emit: Emit, parameter_sets: Iterable[bytes] = ()) -> None:
        self._sps: bytes | None = None
        self._pps: dict[int, bytes] = {}
        super().__init__(emit, parameter_sets)

    def type_of(self, nal: bytes) -> int:
        return nal[0] & 0x1F

    def _note(self, nal: bytes) -> None:
        kind = h264.nal_type(nal)
        if len(nal) > PARAMETER_SET_MAX_BYTES:
            return
        if kind == h264.NAL_SPS and nal != self._sps:
            self._sps, self._pps, self._changed = nal, {}, True
        elif kind == h264.NAL_PPS:
            self._keep(self._pps, h264.pps_id(nal), nal)

    def _make(self) -> VideoConfig | None:
        if self._sps is None or not self._pps:
            return None
        return h264.make_config(self._sps, list(self._pps.values()))

    def _is_intra(self, data: bytes) -> bool:
        """Whether the first slice, behind parameter sets, is an I slice."""
        last = 0
        for nal in leading(data, 0, self.type_of):
            last = self.type_of(nal)
            if 1 << last & self.slices:
                bits = BitReader(nal[1:16], "H.264")
                bits.exp_golomb()
                return bits.exp_golomb() in _INTRA_SLICES
        return False


class H265Pictures(Pictures):
    """Of an H.265 stream."""

    slices = (1 << 32) - 1
    keys = sum(1 << kind for kind in range(32) if h265.is_random_access(kind))
    sets = 1 << h265.NAL_VPS | 1 << h265.NAL_SPS | 1 << h265.NAL_PPS
    sei = 1 << h265.NAL_SEI_PREFIX
    recovery = bytes((h265.NAL_SEI_PREFIX << 1, 1, _RECOVERY_POINT))

    def __init__(self, emit: Emit, parameter_sets: Iterable[bytes] = ()) -> None:
        self._vps: bytes | None = None
        self._sps: bytes | None = None
        self._pps: dict[int, bytes] = {}
        super().__init__(emit, parameter_sets)

    def type_of(self, nal: bytes) -> int:
        return nal[0] >> 1 & 0x3F

    def _note(self, nal: bytes) -> None:
        kind = h265.nal_type(nal)
        if len(nal) > PARAMETER_SET_MAX_BYTES:
            return
        if kind == h265.NAL_VPS and nal != self._vps:
            self._vps, self._changed = nal, True
        elif kind == h265.NAL_SPS and nal != self._sps:
            self._sps, self._pps, self._changed = nal, {}, True
        elif kind == h265.NAL_PPS:
            self._keep(self._pps, h265.pps_id(nal), nal)

    def _make(self) -> VideoConfig | None:
        if self._vps is None or self._sps is None or not self._pps:
            return None
        return h265.make_config(self._vps, self._sps, list(self._pps.values()))


BY_CODEC: dict[str, type[Pictures]] = {"h264": H264Pictures, "h265": H265Pictures}


def leading(data: bytes, stop: int, type_of: Callable[[bytes], int]) -> Iterator[bytes]:
    """NAL units of length-prefixed `data` before the first whose type is in the set `stop`."""
    at = 0
    while at + 5 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        if 1 << type_of(data[at + 4 : at + 6]) & stop:
            return
        if size:
            yield data[at + 4 : at + 4 + size]
        at += 4 + size
