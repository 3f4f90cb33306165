"""Names of cameras to addresses, on a thread of its own: a name server may take its time."""

import contextlib
import queue
import socket
import threading
from collections.abc import Callable

from serambi.base.errors import SerambiError
from serambi.base.limits import RESOLVER_QUEUE
from serambi.camera.rtsp import failures

Address = tuple[socket.AddressFamily, tuple[str, int]]
_CLOSE_S = 0.2

Answer = Callable[[Address | SerambiError], None]


def numeric(host: str, port: int) -> Address | None:
    """The address, if `host` is an IP address and needs no name server."""
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except OSError:
        return None


class Resolver:
    """Answers one question after the other, in its thread, which a slow name server may hold up."""

    def __init__(self) -> None:
        self._questions: queue.Queue[tuple[str, int, Answer] | None] = queue.Queue(RESOLVER_QUEUE)
        self._thread: threading.Thread | None = None

    def ask(self, host: str, port: int, answer: Answer) -> None:
        """`answer` is called with the address or an error, from another thread, or from this one
        when too many questions wait already."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="resolver", daemon=True)
            self._thread.start()
        try:
            self._questions.put_nowait((host, port, answer))
        except queue.Full:
            answer(failures.silent())

    def close(self, timeout_s: float = _CLOSE_S) -> None:
        """Answer no more; wait for the thread, but not for the name server."""
        with contextlib.suppress(queue.Full):
            self._questions.put_nowait(None)
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while question := self._questions.get():
            host, port, answer = question
            found: Address | SerambiError
            try:
                found = _look_up(host, port, 0)
            except (OSError, UnicodeError):
                found = failures.unknown_host()
            with contextlib.suppress(RuntimeError):
                answer(found)


def _look_up(host: str, port: int, flags: int) -> Address:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    family, _, _, _, place = found[0]
    return socket.AddressFamily(family), (str(place[0]), int(place[1]))
