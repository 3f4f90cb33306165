"""The bench's hand in another network: a process that asks over HTTP and holds a crowd of
viewers, so that measuring does not compete inside the bench's process either.

One JSON object a line in each direction. The viewers are bare sockets: some read all, some 10 kB a
second, some nothing; each remembers when the last byte of a picture reached this machine, read or
not. A header of ten bytes that is cut may be misread for one look; the next look corrects it.
"""

import base64
import fcntl
import http.client
import json
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

SLOW_BPS = 10_000
_LOOK_EVERY_S = 0.002
_KEY = base64.b64encode(b"0123456789abcdef").decode()
_SMALL_BYTES = 8192


@dataclass
class Viewer:
    """`kind`: `quick`, `slow` or `dead`. Times are monotonic seconds, the same in each process."""

    sock: socket.socket
    kind: str
    read_bytes: int = 0
    total_bytes: int = 0
    last_picture_at: float = 0.0
    closed_at: float = 0.0
    partial: bytearray = field(default_factory=bytearray)

    def look(self, now: float, began: float) -> None:
        """Read as its kind does; note what has arrived since the last look."""
        if self.closed_at:
            return
        try:
            if self.kind == "quick":
                self._read(1 << 20)
            elif self.kind == "slow":
                self._read(int((now - began) * SLOW_BPS) - self.read_bytes)
            waiting = struct.unpack("i", fcntl.ioctl(self.sock, termios.FIONREAD, b"\0" * 4))[0]
        except OSError:
            self.closed_at = now
            return
        if self.read_bytes + waiting > self.total_bytes:
            self.total_bytes = self.read_bytes + waiting
            # Of those who do not read all, every byte counts as a picture's.
            if self.kind != "quick" or self._hold_picture():
                self.last_picture_at = now

    def _hold_picture(self) -> bool:
        """Whether what was read last belongs to a picture: a binary message."""
        found = False
        while len(self.partial) >= 2:
            size = self.partial[1] & 0x7F
            head = {126: 4, 127: 10}.get(size, 2)
            if head > 2:
                size = int.from_bytes(self.partial[2:head], "big")
            found = found or self.partial[0] & 0x0F == 2
            if len(self.partial) < head + size:
                break
            del self.partial[: head + size]
        return found

    def _read(self, budget: int) -> None:
        while budget > 0:
            try:
                got = self.sock.recv(min(budget, 65_536))
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            if not got:
                raise ConnectionResetError
            self.read_bytes += len(got)
            if self.kind == "quick":
                self.partial += got
            budget -= len(got)


@dataclass
class Crowd:
    """All viewers, and what the server's kernel still holds for them."""

    viewers: list[Viewer] = field(default_factory=list)
    port: int = 0
    began: float = 0.0
    held_at: float = 0.0

    def join(
        self, port: int, token: str, wanted: Sequence[tuple[str, str]], trust: str | None
    ) -> None:
        self.port = port
        for session, kind in wanted:
            self.viewers.append(Viewer(_dial(port, session, token, kind, trust), kind))
        self.began = time.monotonic()

    def leave(self) -> None:
        for viewer in self.viewers:
            viewer.sock.close()
        self.viewers.clear()

    def look(self) -> None:
        now = time.monotonic()
        for viewer in self.viewers:
            viewer.look(now, self.began)
        if self.viewers and _held_bytes(self.port):
            self.held_at = now

    def told(self) -> dict[str, Any]:
        return {
            "held_at": self.held_at,
            "viewers": [
                {
                    "kind": v.kind,
                    "bytes": v.total_bytes,
                    "last_picture_at": v.last_picture_at,
                    "closed_at": v.closed_at,
                }
                for v in self.viewers
            ],
        }


def _dial(port: int, session: str, token: str, kind: str, trust: str | None) -> socket.socket:
    sock = socket.socket()
    if kind != "quick":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BYTES)
    sock.settimeout(10)
    sock.connect(("127.0.0.1", port))
    if trust is not None:
        context = ssl.create_default_context(cafile=trust)
        sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
    sock.sendall(
        f"GET /api/sessions/{session}/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {_KEY}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            break
        head += byte
    if not head.startswith(b"HTTP/1.1 101"):
        raise RuntimeError(head.decode())
    sock.setblocking(False)
    return sock


def _held_bytes(port: int) -> int:
    """Bytes that the kernel of this network still means to send from `port`."""
    ours = f":{port:04X}"
    held = 0
    with open("/proc/self/net/tcp") as table:
        for line in table:
            fields = line.split()
            # Established connections alone: what is closed is told by the viewers.
            if fields[1].endswith(ours) and fields[3] == "01":
                held += int(fields[4].partition(":")[0], 16)
    return held


def _http(wish: dict[str, Any]) -> Any:
    url = urlsplit(wish["url"])
    host = url.hostname or ""
    if trust := wish.get("trust"):
        context = ssl.create_default_context(cafile=trust)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, url.port, timeout=10, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, url.port, timeout=10)
    body = wish["body"]
    raw = body if isinstance(body, str) else json.dumps(body)
    headers = {"Authorization": f"Bearer {wish['token']}", "Content-Type": "application/json"}
    try:
        at = time.monotonic()
        connection.request(wish["method"], url.path, None if body is None else raw, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status >= 400:
        raise RuntimeError(f"{wish['method']} {url.path}: {answer.status} {text[:300]}")
    return {"at": at, "body": json.loads(text) if text else None}


def _obey(crowd: Crowd, wish: dict[str, Any]) -> Any:
    match wish["do"]:
        case "http":
            return _http(wish)
        case "join":
            return crowd.join(wish["port"], wish["token"], wish["viewers"], wish.get("trust"))
        case "leave":
            return crowd.leave()
        case _:
            return crowd.told()


def main() -> None:
    """Obey until standard input ends."""
    crowd = Crowd()
    stdin = sys.stdin.fileno()
    waiting = b""
    while True:
        ready, _, _ = select.select([stdin], [], [], _LOOK_EVERY_S if crowd.viewers else None)
        if ready:
            chunk = os.read(stdin, 1 << 16)
            if not chunk:
                return
            waiting += chunk
        *lines, waiting = waiting.split(b"\n")
        for line in lines:
            try:
                answer = {"done": _obey(crowd, json.loads(line))}
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                answer = {"failed": str(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        crowd.look()


class Hand:
    """The bench's end of such a process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    @classmethod
    @contextmanager
    def started(cls, command: Callable[[list[str]], list[str]]) -> Iterator["Hand"]:
        argv = command([sys.executable, "-m", "benches._hand"])
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        try:
            yield cls(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(5)

    def ask(self, **wish: Any) -> Any:
        """Raises RuntimeError when it failed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process has no pipes")
        stdin.write(json.dumps(wish) + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline())
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        return answer["done"]

    def http(
        self, method: str, url: str, token: str, body: Any = None, trust: str | None = None
    ) -> Any:
        done = self.ask(do="http", method=method, url=url, token=token, body=body, trust=trust)
        return done["body"]

    def timed(self, method: str, url: str, token: str, body: Any = None) -> tuple[float, Any]:
        """-> (monotonic seconds at which the question left, the answer)."""
        done = self.ask(do="http", method=method, url=url, token=token, body=body)
        return done["at"], done["body"]


if __name__ == "__main__":
    main()
