"""RTP packets of H.264 and H.265 for tests, cut apart from the simulator and from the reader."""

import struct

SSRC = 77


def rtp(
    payload: bytes,
    sequence: int,
    timestamp: int = 0,
    *,
    marker: bool = False,
    ssrc: int = SSRC,
    payload_type: int = 96,
) -> bytes:
    """One packet with a plain header."""
    second = marker << 7 | payload_type
    head = (0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return struct.pack(">BBHII", *head) + payload


def framed(packet: bytes, channel: int = 0) -> bytes:
    """A packet as it is interleaved."""
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet


def fragments(nal: bytes, size: int, *, codec: str = "h264") -> list[bytes]:
    """A NAL unit as it is if it is short, else in FU-A or FU payloads with `size` bytes each."""
    if len(nal) <= size:
        return [nal]
    begin = 1 if codec == "h264" else 2
    kind = nal[0] & 0x1F if codec == "h264" else nal[0] >> 1 & 0x3F
    head = bytes((nal[0] & 0xE0 | 28,)) if codec == "h264" else bytes((49 << 1, nal[1]))
    parts = [nal[at : at + size] for at in range(begin, len(nal), size)]
    last = len(parts) - 1
    return [
        head + bytes(((n == 0) << 7 | (n == last) << 6 | kind,)) + part
        for n, part in enumerate(parts)
    ]
