"""Cameras that misbehave on purpose, each in one way: values, and the two places where they act.

What a camera does wrong with otherwise good packets stands in `faults.py`.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from serambi.base.errors import Kind, SerambiError
from serambi.sim.limits import HOSTILE_MAX_BYTES
from serambi.sim.rtp import interleaved, rtp

Twist = Callable[[str, bytes], bytes]
"""(method, the right answer) -> what is sent instead; nothing when it is empty."""


def _same(method: str, answer: bytes) -> bytes:
    return answer


@dataclass(frozen=True, slots=True)
class Hostile:
    """One way to misbehave. `twist` replaces answers; after granting `close_after` the camera hangs
    up; while playing, `noise` is sent before a picture each `every_s` seconds. With
    `any_session` the session that a client names is not looked at."""

    twist: Twist = _same
    close_after: str = ""
    noise: bytes = b""
    every_s: float = 0.0
    any_session: bool = False


def _garbage(size: int, seed: int = 1) -> bytes:
    return Random(seed).randbytes(size)


def _foreign(count: int = 4) -> bytes:
    """RTP of a session that nobody has set up, on the first channel."""
    packets = (rtp(b"\x41" + _garbage(200, i), i, 90_000, 0xDEAD, True) for i in range(count))
    return b"".join(interleaved(0, packet) for packet in packets)


def _only(method: str, change: Callable[[bytes], bytes]) -> Twist:
    return lambda asked, answer: change(answer) if asked == method else answer


def _length(change: int) -> Callable[[bytes], bytes]:
    def twist(answer: bytes) -> bytes:
        return re.sub(
            rb"Content-Length: (\d+)",
            lambda found: b"Content-Length: %d" % max(0, int(found[1]) + change),
            answer,
        )

    return twist


def _endless(answer: bytes) -> bytes:
    head, _, _ = answer.partition(b"\r\n\r\n")
    line = b"\r\nX-Padding: " + b"a" * 1000
    return head + line * (HOSTILE_MAX_BYTES // len(line))


def _garbage_body(answer: bytes) -> bytes:
    head, gap, body = answer.partition(b"\r\n\r\n")
    return head + gap + _garbage(len(body))


def _new_session(method: str, answer: bytes) -> bytes:
    return re.sub(rb"Session: \w+", b"Session: " + secrets.token_hex(8).encode(), answer)


HOSTILE: dict[str, Hostile] = {
    "": Hostile(),
    "never-answers": Hostile(lambda method, answer: b""),
    "never-plays": Hostile(_only("PLAY", lambda answer: b"")),
    "garbage-answers": Hostile(lambda method, answer: _garbage(512)),
    "not-rtsp": Hostile(lambda method, answer: answer.replace(b"RTSP/1.0", b"HTTP/1.1")),
    "endless-headers": Hostile(_only("DESCRIBE", _endless)),
    "endless-line": Hostile(lambda method, answer: b"R" * HOSTILE_MAX_BYTES),
    "length-too-long": Hostile(_only("DESCRIBE", _length(+100_000))),
    "length-too-short": Hostile(_only("DESCRIBE", _length(-60))),
    "length-absurd": Hostile(_only("DESCRIBE", _length(10**12))),
    "garbage-description": Hostile(_only("DESCRIBE", _garbage_body)),
    "schemeless-base": Hostile(lambda method, a: a.replace(b"Base: rtsp://", b"Base: ")),
    "changing-session": Hostile(_new_session, any_session=True),
    "early-rtp": Hostile(_only("SETUP", lambda answer: answer + _foreign())),
    "foreign-rtp-before-login": Hostile(lambda method, answer: _foreign() + answer),
    "foreign-rtp": Hostile(noise=_foreign(), every_s=0.5),
    "interleaved-garbage": Hostile(noise=interleaved(0, _garbage(300)), every_s=0.5),
    "unknown-channel": Hostile(noise=interleaved(77, _garbage(300)), every_s=0.5),
    "garbage-between": Hostile(noise=_garbage(300), every_s=2.0),
    "400-in-session": Hostile(noise=b"RTSP/1.0 400 Bad Request\r\n\r\n", every_s=2.0),
    "closes-after-describe": Hostile(close_after="DESCRIBE"),
    "closes-after-play": Hostile(close_after="PLAY"),
}


def hostile(name: str) -> Hostile:
    """By name; `SerambiError(BAD_INPUT)` when there is none."""
    if name not in HOSTILE:
        raise SerambiError(
            Kind.BAD_INPUT, f"no camera misbehaves like {name!r}", hint=", ".join(HOSTILE)
        )
    return HOSTILE[name]
