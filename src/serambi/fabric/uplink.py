"""The socket between keeper (server) and courier (client): one keeper, one courier at a time.

At most one message is being written at any moment, so a Stop has to wait for that one alone.
"""

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BATCH_TIMEOUT_S, PLAYBACK_FETCHES_AT_ONCE
from serambi.fabric import sockets
from serambi.fabric.frames import (
    Answer,
    Batch,
    Command,
    Fetch,
    Link,
    Live,
    Part,
    Purge,
    Receipt,
    State,
    encode,
)
from serambi.fabric.outbox import ANSWERS_MAX, Outbox
from serambi.fabric.port import CommandHandler

log = logging.getLogger(__name__)

STOP_LIMIT_S = 0.2
_LOOK_EVERY_S = 0.003
_WHERE = "socket between keeper and courier"


class _Connection:
    """One courier, from its arrival to its end."""

    def __init__(self, peer: socket.socket, ours: socket.socket, theirs: socket.socket) -> None:
        self.peer = peer
        self.ours = ours
        self._theirs = theirs
        self.outbox = Outbox()
        self.wake = asyncio.Event()
        self.writing = False
        self.ended = False
        self.fetching = 0
        self.receipts: dict[int, asyncio.Future[Receipt]] = {}

    def drained(self) -> bool:
        """Whether the courier has read all that was written, and every purge was."""
        waits = self.writing or self.outbox.purges
        return not waits and sockets.unread_bytes(self.ours) == 0

    def end(self) -> None:
        """Nothing that was not read by now can be read any more."""
        if not self.ended:
            self.ended = True
            sockets.take_back(self.ours, self._theirs)
            self.wake.set()
            for waiting in self.receipts.values():
                waiting.cancel()

    def close(self) -> None:
        self.end()
        self.peer.close()
        self.ours.close()
        self._theirs.close()


class FetchAnswer:
    """Where the answer to one `Fetch` goes: to the courier that asked."""

    def __init__(self, connection: _Connection, number: int) -> None:
        self._connection = connection
        self._number = number

    def part(self, camera: str, session: str, raw: bytes) -> None:
        """Queue a window; what waits of a session is taken back with it."""
        self._connection.outbox.put_part(Part(self._number, camera, session, raw))
        self._connection.wake.set()

    def refuse(self, reason: str) -> None:
        """Say that there is none."""
        self._connection.outbox.put_answer(Answer(self._number, False, reason.encode()[:1024]))
        self._connection.wake.set()


FetchHandler = Callable[[bytes, FetchAnswer], Awaitable[None]]


async def _no_fetches(raw: bytes, answer: FetchAnswer) -> None:
    answer.refuse("no recordings are served here")


class UplinkServer:
    """The keeper's side. `run` it; every other method works at any time and never blocks."""

    def __init__(
        self,
        path: Path,
        on_command: CommandHandler,
        on_link: Callable[[bool], None] = lambda up: None,
        on_fetch: FetchHandler = _no_fetches,
    ) -> None:
        """`on_link` is told whether the courier reaches the center, False when it is gone;
        `on_fetch` answers questions for recorded pictures, some at a time."""
        self._path = path
        self._on_command = on_command
        self._on_link = on_link
        self._on_fetch = on_fetch
        self._connection: _Connection | None = None
        self._stopping = 0
        self._listening = asyncio.Event()
        self._newest: bytes | None = None
        self._numbers = itertools.count(1)
        self.dropped = 0

    @property
    def connected(self) -> bool:
        return self._connection is not None and not self._connection.ended

    async def ready(self) -> None:
        """Return once a courier can connect."""
        await self._listening.wait()

    async def run(self) -> None:
        """Serve couriers until cancelled. Raises UNAVAILABLE when the socket cannot be made."""
        listener = sockets.listen(self._path)
        try:
            async with asyncio.TaskGroup() as group:
                self._listening.set()
                while True:
                    peer, _ = await asyncio.get_running_loop().sock_accept(listener)
                    self._welcome(peer, group)
        finally:
            self._listening.clear()
            listener.close()
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _welcome(self, peer: socket.socket, group: asyncio.TaskGroup) -> None:
        try:
            ours, theirs = sockets.introduce(peer)
        except (OSError, SerambiError) as error:
            peer.close()
            log.warning("a courier was turned away: %s", error)
            return
        if self._connection is not None:
            self._connection.end()
        connection = self._connection = _Connection(peer, ours, theirs)
        if self._newest is not None:
            connection.outbox.put_state(self._newest)
        group.create_task(self._serve(connection))

    async def _serve(self, connection: _Connection) -> None:
        log.info("a courier is connected")
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._write(connection)),
                    group.create_task(self._await_end(connection)),
                ]
                await self._read(connection, group)
                connection.end()
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                # Before the last answers are ready: nobody waits for them any more.
                connection.close()
        finally:
            if self._connection is connection:
                self._connection = None
                self._on_link(False)
            connection.close()
            log.info("the courier is gone")

    async def _await_end(self, connection: _Connection) -> None:
        """The handle on the courier's end hides its death; the introduction's socket tells."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            await loop.sock_recv(connection.peer, 1)
        connection.end()

    async def _read(self, connection: _Connection, group: asyncio.TaskGroup) -> None:
        """Commands until the end of the connection; each is answered on its own."""
        room = asyncio.Semaphore(ANSWERS_MAX)
        while not connection.ended:
            await room.acquire()
            try:
                frame = await sockets.read_frame(connection.ours)
            except (OSError, SerambiError) as error:
                if not connection.ended:
                    log.warning("the courier is cut off: %s", error)
                return
            if frame is None:
                return
            if isinstance(frame, Link):
                room.release()
                if self._connection is connection:
                    self._on_link(frame.up)
                continue
            if isinstance(frame, Receipt):
                room.release()
                waiting = connection.receipts.pop(frame.id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame)
                continue
            if isinstance(frame, Fetch):
                room.release()
                self._take_fetch(connection, frame, group)
                continue
            if not isinstance(frame, Command):
                log.warning("the courier is cut off: it may ask and hand on receipts only")
                return
            group.create_task(self._answer(connection, frame, room))

    def _take_fetch(self, connection: _Connection, fetch: Fetch, group: asyncio.TaskGroup) -> None:
        answer = FetchAnswer(connection, fetch.id)
        if connection.fetching + connection.outbox.parts >= PLAYBACK_FETCHES_AT_ONCE:
            answer.refuse("busy")
            return
        connection.fetching += 1
        group.create_task(self._fetch(connection, fetch, answer))

    async def _fetch(self, connection: _Connection, fetch: Fetch, answer: FetchAnswer) -> None:
        try:
            await self._on_fetch(fetch.raw, answer)
        except SerambiError as error:
            answer.refuse(error.what)
        except Exception:  # supervised: one bad question must not end the connection
            log.exception("a question for recorded pictures failed")
            answer.refuse("error")
        finally:
            connection.fetching -= 1

    async def _answer(
        self, connection: _Connection, command: Command, room: asyncio.Semaphore
    ) -> None:
        try:
            raw = await self._on_command(command.raw)
            answer = Answer(command.id, True, raw)
            encode(answer)
        except SerambiError as error:
            answer = Answer(command.id, False, str(error).encode()[:1024])
        except Exception:  # supervised: one bad command must not end the connection
            log.exception("a command failed")
            answer = Answer(command.id, False, b"the keeper failed; see its log")
        finally:
            room.release()
        if not connection.ended:
            connection.outbox.put_answer(answer)
            connection.wake.set()

    async def _write(self, connection: _Connection) -> None:
        loop = asyncio.get_running_loop()
        while not connection.ended:
            item = connection.outbox.next(pictures=not self._stopping)
            if item is None:
                connection.wake.clear()
                await connection.wake.wait()
                continue
            raw = item if isinstance(item, bytes) else encode(item)
            connection.writing = True
            try:
                await loop.sock_sendall(connection.ours, raw)
            except OSError:
                connection.end()
            finally:
                connection.writing = False

    def send_state(self, raw: bytes) -> None:
        """Queue the newest state; it replaces one that still waits. Raises LIMIT."""
        encode(State(raw))
        self._newest = raw
        if self._connection is not None:
            self._connection.outbox.put_state(raw)
            self._connection.wake.set()

    async def submit(self, raw: bytes, timeout_s: float = BATCH_TIMEOUT_S + 1) -> bytes:
        """Hand the courier one batch of ledger entries, give the center's receipt. One at a time.
        Raises UNAVAILABLE when no receipt came: the batch may have arrived all the same."""
        connection = self._connection
        if connection is None or connection.ended:
            raise _no_receipt("no courier is connected")
        number = next(self._numbers)
        waiting: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        connection.outbox.put_batch(Batch(number, raw))
        connection.receipts[number] = waiting
        connection.wake.set()
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.wait([waiting])
        except TimeoutError:
            raise _no_receipt(f"none within {timeout_s:g} s") from None
        finally:
            connection.receipts.pop(number, None)
        if waiting.cancelled():
            raise _no_receipt("the courier is gone")
        receipt = waiting.result()
        if not receipt.ok:
            raise _no_receipt(receipt.raw.decode("utf-8", "replace"))
        return receipt.raw

    def offer(self, camera: str, stream: str, message: bytes, *, key: bool) -> None:
        """Queue one message of a stream, bounded; without a courier it goes nowhere.

        `key`: a decoder can begin here (configuration or key frame). Raises LIMIT.
        """
        connection = self._connection
        if connection is None or connection.ended:
            return
        live = Live(camera, stream, message)
        before = connection.outbox.dropped
        connection.outbox.put_live(live, key=key)
        self.dropped += connection.outbox.dropped - before
        connection.wake.set()

    async def stop_stream(self, camera: str, stream: str | None = None) -> float:
        """Purge one stream, or all of a camera, tell the courier to do the same, and return when
        nothing of it can be read any more: the courier has read what was written, the purge last,
        or after 200 ms is cut off. Seconds it took.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        connection = self._connection
        if connection is None or connection.ended:
            return 0.0
        connection.outbox.purge(camera, stream)
        connection.outbox.put_purge(Purge(camera, stream))
        self._stopping += 1
        connection.wake.set()
        drained = False
        try:
            while not connection.ended and loop.time() - began < STOP_LIMIT_S:
                drained = connection.drained()
                if drained:
                    break
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            if not drained and not connection.ended:
                log.warning("the courier did not read in time and is cut off")
                connection.end()
            self._stopping -= 1
            if self._connection is not None:
                self._connection.wake.set()
        return loop.time() - began


def _no_receipt(why: str) -> SerambiError:
    return SerambiError(
        Kind.UNAVAILABLE, f"the center gave no receipt: {why}", where=_WHERE, hint="it is retried"
    )
