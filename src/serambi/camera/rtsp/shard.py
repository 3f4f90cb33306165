"""One thread that reads hundreds of streams.

It sleeps a tick between two rounds, so that what has gathered meanwhile is read with one
call. While somebody watches the tick is short, and the shorter the fewer the streams, because then
it is delay that counts; while nobody does it is long, because then it is cost.
"""

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    BACKOFF_FIRST_S,
    BACKOFF_MAX_S,
    RTSP_BUFFER_BYTES,
    SHARD_TICK_IDLE_S,
    SHARD_TICK_MAX_S,
    SHARD_TICK_MIN_S,
    SHARD_TICK_PER_STREAM_S,
)
from serambi.camera.rtsp.connection import Watch
from serambi.camera.rtsp.datagrams import Datagrams
from serambi.camera.rtsp.resolver import Answer, Resolver
from serambi.camera.rtsp.stream import Stream

log = logging.getLogger(__name__)

_SWEEP_EVERY_S = 0.1

Handler = Callable[[int], None]


class Shard:
    """`add`, `remove`, `start`, `stop` and `join` may be called from any thread; the rest is for
    its streams."""

    def __init__(self, clock: Clock, name: str = "cameras") -> None:
        self.clock = clock
        self.buffer = memoryview(bytearray(RTSP_BUFFER_BYTES))
        self.inbox = Datagrams()
        self._selector = selectors.DefaultSelector()
        self._streams: dict[Stream, None] = {}
        self._work: deque[Callable[[], None]] = deque()
        self._resolver = Resolver()
        self._stopping = threading.Event()
        self._hurried = threading.Event()
        self._hurried.set()
        self._settled = False
        self._awake, self._waker = socket.socketpair()
        for each in (self._awake, self._waker):
            each.setblocking(False)
        self._selector.register(self._awake, selectors.EVENT_READ, None)
        # A disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread, unless it runs already."""
        if self._thread.ident is None:
            self._thread.start()

    def add(self, stream: Stream) -> None:
        """Read this stream from now on."""
        self._do(lambda: self._streams.setdefault(stream))

    def remove(self, stream: Stream, done: Callable[[], None]) -> None:
        """Close this stream, then call `done` in the shard's thread."""

        def work() -> None:
            self._streams.pop(stream, None)
            self._guard(stream, stream.end)
            done()

        stream.stop()
        self._do(work)

    def stop(self) -> None:
        """Close all streams and end the thread."""
        self._stopping.set()
        self._hurried.set()
        self._wake()

    def hurry(self, wanted: bool) -> None:
        """Whether delay counts, because somebody watches one of these streams: it does until told
        otherwise."""
        if wanted:
            self._hurried.set()
        else:
            self._hurried.clear()

    def join(self, timeout_s: float) -> bool:
        """Whether the thread has ended within `timeout_s`; one that never started has."""
        if self._thread.ident is None:
            self._close()
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # -- for its streams ----------------------------------------------------------------

    def watcher(self, stream: Stream) -> Watch:
        """How `stream` has its sockets watched."""

        def watch(which: socket.socket, events: int, handler: Handler) -> None:
            known = which in self._selector.get_map()
            if not events:
                if known:
                    self._selector.unregister(which)
            elif known:
                self._selector.modify(which, events, (stream, handler))
            else:
                self._selector.register(which, events, (stream, handler))

        return watch

    def resolve(self, host: str, port: int, answer: Answer) -> None:
        """Look up a name elsewhere and `answer` here."""
        self._resolver.ask(host, port, lambda found: self._do(lambda: answer(found)))

    # -- the thread ---------------------------------------------------------------------

    def _do(self, work: Callable[[], None]) -> None:
        self._work.append(work)
        self._wake()

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except OSError:
            return  # it is awake already, or has ended

    def _run(self) -> None:
        """Supervised: whatever happens outside of one stream's own work costs all of them their
        connection, and none of them its reader."""
        wait_s = BACKOFF_FIRST_S
        crash: Exception | None = None
        try:
            while not self._stopping.is_set():
                begun_s = self.clock.monotonic()
                try:
                    if crash is not None:
                        self._begin_anew(crash)
                        crash = None
                    self._read()
                except Exception as error:
                    log.exception("the thread of %d streams crashed", len(self._streams))
                    crash = error
                    if self.clock.monotonic() - begun_s > BACKOFF_MAX_S:
                        wait_s = BACKOFF_FIRST_S
                    self._stopping.wait(wait_s)
                    wait_s = min(wait_s * 2, BACKOFF_MAX_S)
        finally:
            for stream in tuple(self._streams):
                self._guard(stream, stream.end)
            self._close()

    def _read(self) -> None:
        """Until told to stop."""
        self._catch_up()
        sweep_at_s = 0.0
        while not self._stopping.is_set():
            self._round(max(0.0, sweep_at_s - self.clock.monotonic()))
            now_s = self.clock.monotonic()
            if now_s >= sweep_at_s:
                sweep_at_s = now_s + _SWEEP_EVERY_S
                self._sweep(now_s)
            self._rest()

    def _begin_anew(self, crash: Exception) -> None:
        """All streams say why, and connect again."""
        said = SerambiError(
            Kind.UNAVAILABLE, f"the reader of these cameras crashed ({_cause(crash)}); see the log"
        )
        for stream in tuple(self._streams):
            if not stream.over:
                self._fail(stream, said)

    def _rest(self) -> None:
        if not self._hurried.is_set() and self._settled:
            self._hurried.wait(SHARD_TICK_IDLE_S)
            return
        wanted_s = len(self._streams) * SHARD_TICK_PER_STREAM_S
        time.sleep(min(max(wanted_s, SHARD_TICK_MIN_S), SHARD_TICK_MAX_S))

    def _round(self, timeout_s: float) -> None:
        for key, events in self._selector.select(timeout_s):
            if key.data is None:
                self._catch_up()
                continue
            stream, handler = key.data
            self._guard(stream, handler, events)

    def _catch_up(self) -> None:
        try:
            while self._awake.recv(4096):
                pass
        except BlockingIOError:
            pass
        while self._work:
            self._work.popleft()()

    def _sweep(self, now_s: float) -> None:
        settled = True
        for stream in tuple(self._streams):
            if not stream.over:
                self._guard(stream, stream.tick, now_s, self)
            settled = settled and stream.settled
            if stream.over:
                self._streams.pop(stream, None)
        self._settled = settled

    def _guard(self, stream: Stream, work: Callable[..., None], *arguments: object) -> None:
        """Trouble of one camera is no trouble of the others."""
        try:
            work(*arguments)
        except SerambiError as error:
            self._fail(stream, error)
        except Exception as error:  # supervised, as a thread of its own would be
            log.exception("a camera's reader crashed")
            self._fail(stream, _crashed(error))

    def _fail(self, stream: Stream, error: SerambiError) -> None:
        """Not even that a connection is over may be more than one stream's trouble."""
        now_s = self.clock.monotonic()
        try:
            stream.failed(error, now_s)
        except Exception as crash:  # supervised
            log.exception("a camera's reader crashed while it ended its connection")
            try:
                self._let_go(stream)
                stream.broke(_crashed(crash), now_s)
            except Exception:  # supervised: it is tried again
                log.exception("a camera's reader cannot be set apart")

    def _let_go(self, stream: Stream) -> None:
        """Close what `stream` still has open here."""
        for key in tuple(self._selector.get_map().values()):
            if key.data is not None and key.data[0] is stream:
                self._selector.unregister(key.fileobj)
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()

    def _close(self) -> None:
        self._resolver.close()
        self._selector.close()
        self._awake.close()
        self._waker.close()


def _crashed(error: Exception) -> SerambiError:
    return SerambiError(Kind.UNAVAILABLE, f"the reader crashed ({_cause(error)}); see the log")


def _cause(error: Exception) -> str:
    """Its kind alone: its words may hold an address with a password."""
    return type(error).__name__
