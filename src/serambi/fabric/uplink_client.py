"""The courier's end of the socket to the keeper: reads what it says, asks, and hands on.

The other end is `uplink.py`.
"""

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BACKOFF_FIRST_S, COMMAND_TIMEOUT_S, PLAYBACK_FETCH_TIMEOUT_S
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

log = logging.getLogger(__name__)

_RECONNECT_MAX_S = 2.0
_WHERE = "socket between keeper and courier"


class Lost:
    """The keeper is gone: what it said last no longer holds."""


class UplinkClient:
    """The courier's side: iterate `frames()`; `command` works while somebody iterates."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Answer | Part]] = {}
        self._fetching: dict[int, tuple[str, str]] = {}
        self._sending = asyncio.Lock()

    @property
    def connected(self) -> bool:
        return self._socket is not None

    async def frames(self) -> AsyncIterator[State | Live | Purge | Batch | Lost]:
        """All that the keeper says, across its restarts, with a `Lost` after each connection."""
        wait_s = BACKOFF_FIRST_S
        while True:
            try:
                connection = await sockets.reach(self._path)
            except SerambiError as error:
                log.warning("%s", error)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _RECONNECT_MAX_S)
                continue
            self._socket = connection.pair
            try:
                async for frame in self._read(connection.pair):
                    wait_s = BACKOFF_FIRST_S
                    yield frame
            finally:
                self._hang_up(connection)
            yield Lost()
            await asyncio.sleep(wait_s)

    async def _read(self, connection: socket.socket) -> AsyncIterator[State | Live | Purge | Batch]:
        while True:
            try:
                frame = await sockets.read_frame(connection)
            except (OSError, SerambiError) as error:
                log.warning("the keeper is lost: %s", error)
                return
            match frame:
                case Purge():
                    self._forget(frame)
                    yield frame
                case State() | Live() | Batch():
                    yield frame
                case Answer() | Part():
                    waiting = self._asked.pop(frame.id, None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(frame)
                case _:
                    return

    def _hang_up(self, connection: sockets.Introduction) -> None:
        self._socket = None
        connection.close()
        for waiting in self._asked.values():
            waiting.cancel()
        self._asked.clear()

    def _forget(self, purge: Purge) -> None:
        """Nobody waits any more for windows of a playback that is over."""
        for number, (camera, session) in list(self._fetching.items()):
            over = camera == purge.camera and purge.stream in (None, session)
            if over and number in self._asked:
                self._asked[number].cancel()

    async def command(self, raw: bytes, timeout_s: float = COMMAND_TIMEOUT_S) -> bytes:
        """The keeper's answer. Raises UNAVAILABLE when there is none in time."""
        return await self._ask(Command(next(self._numbers), raw), timeout_s)

    async def fetch(self, camera: str, session: str, raw: bytes) -> bytes:
        """The next window of a playback. Raises UNAVAILABLE when there is none, with the keeper's
        reason, also at once when the playback is over."""
        number = next(self._numbers)
        self._fetching[number] = camera, session
        try:
            return await self._ask(Fetch(number, raw), PLAYBACK_FETCH_TIMEOUT_S)
        finally:
            del self._fetching[number]

    async def _ask(self, question: Command | Fetch, timeout_s: float) -> bytes:
        connection = self._socket
        if connection is None:
            raise _unanswered("the keeper is not connected")
        number = question.id
        frame = encode(question)
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Answer | Part] = loop.create_future()
        self._asked[number] = waiting
        try:
            async with asyncio.timeout(timeout_s):
                async with self._sending:
                    await self._send(connection, frame)
                await asyncio.wait([waiting])
        except TimeoutError:
            raise _unanswered(f"no answer within {timeout_s:g} s") from None
        except OSError as error:
            raise _unanswered("the keeper is lost") from error
        finally:
            self._asked.pop(number, None)
        if waiting.cancelled():
            raise _unanswered("the keeper is lost")
        answer = waiting.result()
        if isinstance(answer, Answer) and not answer.ok:
            raise _unanswered(answer.raw.decode("utf-8", "replace"))
        return answer.raw

    async def tell_link(self, *, up: bool) -> None:
        """Say whether the center is reached; without a keeper it is said to nobody."""
        await self._tell(encode(Link(up)))

    async def tell_receipt(self, receipt: Receipt) -> None:
        """Hand on the center's receipt for a batch. Raises LIMIT."""
        await self._tell(encode(receipt))

    async def _tell(self, frame: bytes) -> None:
        connection = self._socket
        if connection is not None:
            with contextlib.suppress(OSError):
                async with self._sending:
                    await self._send(connection, frame)

    async def _send(self, connection: socket.socket, frame: bytes) -> None:
        """A frame goes out whole or the connection ends: half a frame would garble the next."""
        whole = False
        try:
            await asyncio.get_running_loop().sock_sendall(connection, frame)
            whole = True
        finally:
            if not whole:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _unanswered(why: str) -> SerambiError:
    return SerambiError(
        Kind.UNAVAILABLE, f"the keeper did not answer: {why}", where=_WHERE, hint="try again"
    )
