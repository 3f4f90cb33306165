"""NAL units out of RTP packets: what H.264 (RFC 6184) and H.265 (RFC 7798) have in common.

Subclasses know the two payload formats; here units become pictures. A picture ends at its marker
or where the timestamp changes. A damaged one is left out and counted. No I/O, no clock.
"""

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, PICTURE_PIECES_MAX

_LENGTH = struct.Struct(">I")
_START_CODE = b"\0\0\1"


class Picture(NamedTuple):
    """One access unit: its RTP timestamp, its NAL units with four bytes of length each, and the
    set of their types (bit n for type n)."""

    timestamp: int
    data: bytes
    kinds: int


class Depacketizer:
    """Payloads of one stream, in order -> pictures."""

    header_bytes: int
    slices: int
    splits: int
    """Types that carry picture content, and those that others may hide behind, as sets of bits."""

    def __init__(self) -> None:
        self.damaged = 0
        self.timestamp = -1
        """Of the picture in progress."""
        self.middle_head = b""
        """What a payload in the middle of the unit in progress begins with."""
        self._pieces: list[bytes] = []
        self._kinds = 0
        self._size = 0
        self._broken = False
        self._missing = False
        self._fragment_at = -1
        self._fragment_from = 0
        self._fragment_kind = 0
        self._ended = -1
        self._marks_slices = False

    def push(self, payload: bytes, timestamp: int, marker: bool) -> Sequence[Picture]:
        """The pictures that this payload completes: none, mostly, or one; two when a picture had
        no marker."""
        done: Sequence[Picture] = ()
        if timestamp != self.timestamp:
            # What has no slice yet, parameter sets or SEI, belongs to the picture that follows.
            if self._broken or self._kinds & self.slices:
                done = self._finish()
            self.timestamp = timestamp
        self._payload(payload)
        # A marker on parameter sets or SEI ends nothing (moonfire-nvr#352).
        if marker and self._kinds & self.slices and not self._marks_slices:
            return (*done, *self._finish()) if done else self._finish()
        return done

    @property
    def middle(self) -> Callable[[bytes], None] | None:
        """Takes what follows `middle_head` in a payload, until the next `push`, if a unit is in
        progress: a way round `push` for what comes mostly. Then say how much it `grew`."""
        return self._pieces.append if self._fragment_at >= 0 else None

    def grew(self, size: int) -> None:
        """Pieces of so many bytes were added: keep to the bounds of a picture."""
        self._size += size
        if self._size > ACCESS_UNIT_MAX_BYTES or len(self._pieces) > PICTURE_PIECES_MAX:
            self._broken = True
            self._forget()

    def lost(self) -> None:
        """Packets are missing before the next one."""
        self._missing = True
        if self._pieces:
            self._broken = True

    def _payload(self, payload: bytes) -> None:
        raise NotImplementedError

    def _unit(self, nal: bytes, kind: int) -> None:
        """A whole NAL unit."""
        if self._fragment_at >= 0:
            self._close_fragment()
        if 1 << kind & self.splits and _START_CODE in nal:
            # Several units in one, as in a file (gortsplib: cameras that send Annex B in RTP).
            # Not so in SEI: signatures of ONVIF's own samples have such bytes in them.
            for part in nal.split(_START_CODE):
                trimmed = part.rstrip(b"\0")
                if len(trimmed) > self.header_bytes:
                    self._add(trimmed, self._kind(trimmed))
            return
        self._add(nal, kind)

    def _kind(self, nal: bytes) -> int:
        raise NotImplementedError

    def _add(self, nal: bytes, kind: int) -> None:
        if 1 << kind & self.slices:
            self._begin_slice(nal[self.header_bytes] if len(nal) > self.header_bytes else 0)
        self._pieces += (_LENGTH.pack(len(nal)), nal)
        self._kinds |= 1 << kind
        self.grew(_LENGTH.size + len(nal))

    def _begin_fragment(self, header: bytes, kind: int, payload: bytes, middle: bytes) -> None:
        """The first fragment of a unit; one whose end was never marked ends here. Those that
        follow begin with `middle`."""
        if self._fragment_at >= 0:
            self._close_fragment()
        if 1 << kind & self.slices:
            self._begin_slice(payload[0] if len(payload) else 0)
        self._fragment_at = len(self._pieces)
        self._fragment_from = self._size
        self._fragment_kind = kind
        self.middle_head = middle
        self._pieces += (b"", header, payload)
        self._size += len(header) + len(payload)
        self._kinds |= 1 << kind

    def _go_on_fragment(self, payload: bytes) -> None:
        """A further one. Its type is not looked at: some cameras change it in mid-unit (Tiandy:
        moonfire-nvr#344, mediamtx#3315)."""
        if self._fragment_at < 0:
            self._broken = True  # its beginning is missing
            return
        self._pieces.append(payload)
        self.grew(len(payload))

    def _close_fragment(self) -> None:
        at, self._fragment_at = self._fragment_at, -1
        if at < 0:
            return
        size = self._size - self._fragment_from
        if 1 << self._fragment_kind & self.splits:
            nal = b"".join(self._pieces[at:])
            del self._pieces[at:]
            self._size = self._fragment_from
            self._unit(nal, self._fragment_kind)
            return
        self._pieces[at] = _LENGTH.pack(size)
        self._size += _LENGTH.size

    def _begin_slice(self, first: int) -> None:
        """A slice begins; `first` is the byte after its header, whose top bit is set when it is
        the picture's first one (first_mb_in_slice = 0, first_slice_segment_in_pic_flag)."""
        if self._kinds & self.slices:
            return
        if not first & 0x80:
            if self.timestamp == self._ended:
                # The picture went on behind its marker: this camera marks every slice.
                self._marks_slices = True
                self._broken = True
            elif self._missing:
                self._broken = True
        self._missing = False

    def _forget(self) -> None:
        self._pieces, self._kinds, self._size = [], 0, 0
        self._fragment_at = -1

    def _finish(self) -> Sequence[Picture]:
        if self._fragment_at >= 0:
            self._close_fragment()
        done: Sequence[Picture] = ()
        if self._broken:
            self.damaged += 1
        else:
            done = (Picture(self.timestamp, b"".join(self._pieces), self._kinds),)
        self._ended = self.timestamp
        self._broken = False
        self._forget()
        return done
