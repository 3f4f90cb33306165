"""Session descriptions, as cameras write them (RFC 8866, 6184, 7798)."""

import base64

from serambi.sim.codec import H264
from serambi.sim.loop_file import Loop
from serambi.sim.rtp import CLOCK_HZ, PAYLOAD_TYPE


def describe(loop: Loop, host: str, *, audio: bool = False, bare: bool = False) -> bytes:
    """One video track, `trackID=0`; with `audio` a G.711 track `trackID=1` after it; `bare` leaves
    the parameter sets out."""
    name = "H264" if loop.codec is H264 else "H265"
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        "s=Serambi simulator",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {name}/{CLOCK_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} {';'.join(_parameters(loop, bare))}",
        f"a=framerate:{loop.fps}",
        "a=control:trackID=0",
    ]
    if audio:
        lines += ["m=audio 0 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=control:trackID=1"]
    return ("\r\n".join(lines) + "\r\n").encode()


def _parameters(loop: Loop, bare: bool) -> list[str]:
    sets = [base64.b64encode(nal).decode() for nal in loop.parameter_sets]
    if loop.codec is H264:
        found = ["packetization-mode=1"]
        if not bare:
            profile = loop.parameter_sets[0][1:4].hex().upper()
            found += [f"profile-level-id={profile}", f"sprop-parameter-sets={','.join(sets)}"]
        return found
    names = ("sprop-vps", "sprop-sps", "sprop-pps")
    return ["tx-mode=SRST", *(f"{n}={s}" for n, s in zip(names, sets, strict=True) if not bare)]
