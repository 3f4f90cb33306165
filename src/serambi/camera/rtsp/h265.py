"""H.265 out of RTP (RFC 7798), without decoding order numbers: single units, AP, FU."""

from serambi.camera.rtsp.nals import Depacketizer

_AP, _FU, _PACI = 48, 49, 50
_START, _END, _KIND = 0x80, 0x40, 0x3F


class H265Depacketizer(Depacketizer):
    """Payloads of one H.265 stream -> pictures."""

    header_bytes = 2
    slices = (1 << 32) - 1
    splits = 1 << 32 | 1 << 33 | 1 << 34 | 1 << 35  # parameter sets, delimiter

    def _kind(self, nal: bytes) -> int:
        return nal[0] >> 1 & 0x3F

    def _payload(self, payload: bytes) -> None:
        if len(payload) < 3:
            self._broken = True
            return
        kind = payload[0] >> 1 & 0x3F
        if kind == _FU:
            flags = payload[2]
            if flags & _START:
                kind, middle = flags & _KIND, bytes((payload[0], payload[1], flags & _KIND))
                header = bytes((payload[0] & 0x81 | kind << 1, payload[1]))
                self._begin_fragment(header, kind, payload[3:], middle)
            else:
                self._go_on_fragment(payload[3:])
            if flags & _END:
                self._close_fragment()
        elif kind < _AP:
            self._unit(payload, kind)
        elif kind == _AP:
            self._aggregate(payload)
        elif kind == _PACI:
            self._broken = True

    def _aggregate(self, payload: bytes) -> None:
        at = 2
        while at + 2 < len(payload):
            size = int.from_bytes(payload[at : at + 2])
            nal = payload[at + 2 : at + 2 + size]
            if len(nal) < max(size, 2):
                self._broken = True
                return
            self._unit(nal, nal[0] >> 1 & 0x3F)
            at += 2 + size
