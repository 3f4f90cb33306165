"""Broken descriptions and broken packets: the owner reads what each camera does wrong, the others
go on, and the center gets none of it."""

import asyncio
import struct
from pathlib import Path

import pytest

from serambi.base.clock import SystemClock
from tests.builders import make_attestation
from tests.fakes.keeper_site import Site
from tests.simulation.hostile import AtWork, at_work, check_said, promised
from tests.simulation.hostile_camera import (
    H264,
    Odd,
    description,
    interleaved,
    pictures,
    rtp,
    serving,
)

GOOD = "good"
_LIMIT_S = 40.0

DESCRIPTIONS = {
    "an empty description": Odd(b"\r\n"),
    "only audio": Odd(description("m=audio 0 RTP/AVP 8")),
    "video in another codec": Odd(description("m=video 0 RTP/AVP 26", "a=rtpmap:26 JPEG/90000")),
    "an impossible clock": Odd(H264.replace(b"90000", b"7")),
    "more than 16 tracks": Odd(description(*["m=audio 0 RTP/AVP 0"] * 20)),
    "interleaved packetization": Odd(H264 + b"a=fmtp:96 packetization-mode=2\r\n"),
    "pictures out of order": Odd(H264 + b"a=fmtp:96 sprop-max-don-diff=2\r\n"),
}

PACKETS = {
    "nothing at all": Odd(),
    "packets that are no RTP": Odd(noise=interleaved(b"\x17" * 200)),
    "bytes between the packets": Odd(noise=b"\x00\x01garbage"),
    "a head without end": Odd(noise=b"RTSP/1.0 200 OK\r\nX: " + b"a" * 3000),
    "a body without bounds": Odd(noise=b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n"),
    "a length that is no number": Odd(noise=b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n"),
    "questions without end": Odd(noise=b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" * 4000),
    "a goodbye": Odd(
        noise=interleaved(rtp(b"\x41\x9a", 0))
        + interleaved(struct.pack(">BBHI", 0x81, 203, 1, 7), 1)
    ),
}

CASES = DESCRIPTIONS | PACKETS


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera's silence counts at once."""
    monkeypatch.setattr("serambi.camera.rtsp.session.CAMERA_SILENT_S", 2.0)
    monkeypatch.setattr("serambi.camera.rtsp.session.FIRST_PICTURE_S", 1.0)


def _site(folder: Path, cameras: list[str], port: int) -> Site:
    """All of these cameras, agreed on by everybody."""
    site = Site(folder)
    for camera in cameras:
        site.attestations[camera] = make_attestation(site.town, camera, number=camera[-3:])
    site.agreement = site.agree(*cameras)
    site.put_documents()
    (folder / "cameras.toml").write_text("".join(_entry(camera, port) for camera in cameras))
    return site


def _entry(camera: str, port: int) -> str:
    return f"""[[camera]]
id = "{camera}"
number = "{camera[-3:]}"
name = {{ id = "Kamera", en = "Camera" }}
facing = "street"
main = "rtsp://127.0.0.1:{port}/{camera}/main"
sub = "rtsp://127.0.0.1:{port}/{camera}/sub"
user = "viewer"
password = "secret-of-{camera}"

"""


async def test_broken_descriptions_and_packets(tmp_path: Path) -> None:
    messages = promised("Descriptions of cameras") | promised("Packets of cameras")
    assert messages.keys() == CASES.keys()
    assert len(set(messages.values())) == len(CASES)
    names = {f"cam-{number:03}": name for number, name in enumerate(CASES)}
    expected = {camera: messages[name] for camera, name in names.items()}
    odd = {camera: CASES[name] for camera, name in names.items()}
    async with serving({**odd, GOOD: Odd(noise=pictures)}) as port:
        site = _site(tmp_path / "keeper", [*odd, GOOD], port)
        async with at_work(site, SystemClock()) as work:
            for camera in (*odd, GOOD):
                reply = await work.courier.ask(work.keeper.clock, camera)
                assert reply.allowed, "it was agreed on; whether pictures come is another question"
            await work.courier.flows(GOOD)
            for camera, said in (await _told(work, expected)).items():
                check_said(said, expected[camera])
                assert "rtsp://" not in said, "an address"
                assert work.courier.count(camera) == 0, names[camera]
            await work.courier.flows(GOOD)


async def _told(work: AtWork, expected: dict[str, str]) -> dict[str, str]:
    """What the owner reads of each camera, once every trouble has been told."""
    found: dict[str, set[str]] = {}
    async with asyncio.timeout(_LIMIT_S):
        while True:
            for camera in (await work.health())["cameras"]:
                for stream in camera["streams"].values():
                    texts = {stream["engine_reason"], stream["last_error"]}
                    found.setdefault(camera["id"], set()).update(texts)
            said = {c: [text for text in found[c] if expected[c] in text] for c in expected}
            if all(said.values()):
                return {camera: max(texts, key=len) for camera, texts in said.items()}
            await asyncio.sleep(0.1)
