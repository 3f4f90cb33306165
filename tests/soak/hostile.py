"""Bytes that nobody should send, to every door there is."""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_CONNECT_S = 2.0
_LINGER_S = 0.2

HTTP = (
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
    b"POST /api/documents HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
    b"GET /api/sessions/%00/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /api/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n",
)
RTSP = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4000000000\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"
    b"Content-Length: 9\r\n\r\nv=0\nm=\0\0\n",
    b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\r\n\r\n",
    b"$\0\xff\xff" + bytes(70_000),
    b"",
)


def noise(chance: random.Random) -> bytes:
    """Random bytes, some of them looking like TLS."""
    body = chance.randbytes(chance.choice((1, 16, 1500, 65_536)))
    return (b"\x16\x03\x01\x02\x00" + body) if chance.random() < 0.5 else body


def throw_at(port: int, payloads: list[bytes], chance: random.Random, host: str) -> int:
    """Each over a connection of its own, by TCP; then some over UDP. -> how many were taken."""
    taken = 0
    for payload in payloads:
        with contextlib.suppress(OSError), socket.create_connection((host, port), _CONNECT_S) as to:
            to.settimeout(_LINGER_S)
            to.sendall(payload)
            taken += 1
            to.recv(4096)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to:
        for _ in range(20):
            with contextlib.suppress(OSError):
                to.sendto(noise(chance)[:1400], (host, port))
    return taken


def throw_at_socket(path: Path, chance: random.Random) -> bool:
    """At a Unix socket; whether it was taken."""
    with socket.socket(socket.AF_UNIX) as to:
        to.settimeout(_CONNECT_S)
        try:
            to.connect(str(path))
            to.sendall(noise(chance))
            to.recv(4096)
        except OSError:
            return False
    return True


@contextlib.contextmanager
def bad_camera(port: int, chance: random.Random) -> Iterator[list[bytes]]:
    """Answers whatever asks on `port` with nonsense -> what was asked."""
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
    listener.settimeout(_LINGER_S)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    peer.settimeout(_LINGER_S)
                    asked.append(peer.recv(4096))
                    peer.sendall(chance.choice([*RTSP, noise(chance)]))
                    time.sleep(_LINGER_S)

    thread = threading.Thread(target=serve, name="bad camera")
    thread.start()
    try:
        yield asked
    finally:
        over.set()
        thread.join()
        listener.close()


BAD_FILES = (
    b"",
    b"{",
    b"\0" * 4096,
    b"[" * 100_000,
    b'{"payloadType":"x","payload":"!","signatures":[]}',
    b"\xff\xfe" + b"a" * 999,
)
