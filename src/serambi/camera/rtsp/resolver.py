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
Answer = Callable[[Address | SerambiError], None]


def numeric(host: str, port: int) -> Address | None:
    """The address, if `host` is an IP address and needs no name server."""
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except OSError:
        return None


class Resolver:
    """Answers one question after the other, in its thread. The thread ends with the process."""

    def __init__(self) -> None:
        self._questions: queue.Queue[tuple[str, int, Answer]] = queue.Queue(RESOLVER_QUEUE)
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

    def _run(self) -> None:
        while True:
            host, port, answer = self._questions.get()
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
