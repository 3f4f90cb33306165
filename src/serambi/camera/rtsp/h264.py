"""H.264 out of RTP (RFC 6184), non-interleaved: single units, STAP-A, FU-A."""

from serambi.camera.rtsp.nals import Depacketizer

_STAP_A, _FU_A = 24, 28
_LAST_UNIT = 23
_START, _END, _KIND = 0x80, 0x40, 0x3F


class H264Depacketizer(Depacketizer):
    """Payloads of one H.264 stream -> pictures."""

    header_bytes = 1
    slices = 0b111110
    splits = 1 << 7 | 1 << 8 | 1 << 9  # parameter sets, delimiter

    def _kind(self, nal: bytes) -> int:
        return nal[0] & 0x1F

    def _payload(self, payload: bytes) -> None:
        kind = payload[0] & 0x1F if len(payload) else 0
        if kind == _FU_A and len(payload) > 2:
            flags = payload[1]
            if flags & _START:
                kind, middle = flags & 0x1F, bytes((payload[0], flags & _KIND))
                header = bytes((payload[0] & 0xE0 | kind,))
                self._begin_fragment(header, kind, payload[2:], middle)
            else:
                self._go_on_fragment(payload[2:])
            if flags & _END:
                self._close_fragment()
        elif 0 < kind <= _LAST_UNIT:
            self._unit(payload, kind)
        elif kind == _STAP_A:
            self._aggregate(payload)
        elif kind not in (0, 30, 31):
            # Undefined types are padding or a maker's own; the others this mode does not have.
            self._broken = True

    def _aggregate(self, payload: bytes) -> None:
        at = 1
        while at + 2 < len(payload):
            size = int.from_bytes(payload[at : at + 2])
            nal = payload[at + 2 : at + 2 + size]
            if len(nal) < max(size, 1):
                self._broken = True
                return
            self._unit(nal, nal[0] & 0x1F)
            at += 2 + size
