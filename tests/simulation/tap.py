"""A listener between keeper and courier: it is the courier for the keeper and the keeper for the
courier, passes every byte on, and keeps them all."""

import asyncio
import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from serambi.base.errors import SerambiError
from serambi.cli.layout import Layout
from serambi.fabric import frames, sockets
from serambi.fabric.frames import Frame, Live, State
from serambi.identity import dsse

T = TypeVar("T")
_CHUNK_BYTES = 1 << 16


class Tap:
    """One site's listener. `run` in an event loop; everything else from any thread."""

    def __init__(self, keeper: Path, courier: Path) -> None:
        self._keeper = keeper
        self._courier = courier
        self.to_courier = bytearray()
        self.to_keeper = bytearray()
        self.listening = threading.Event()

    async def run(self) -> None:
        """One courier after the other, each with a connection of its own to the keeper."""
        loop = asyncio.get_running_loop()
        listener = sockets.listen(self._courier)
        self.listening.set()
        try:
            while True:
                peer, _ = await loop.sock_accept(listener)
                with contextlib.closing(peer):
                    await self._serve(peer)
        finally:
            listener.close()

    async def _serve(self, peer: socket.socket) -> None:
        try:
            keeper = await sockets.reach(self._keeper)
        except SerambiError:
            return  # the courier sees that nobody answers, and tries again
        with contextlib.closing(keeper):
            ours, theirs = sockets.introduce(peer)
            theirs.close()
            # What was heard of an earlier connection may end in the middle of a frame.
            self.to_courier.clear()
            self.to_keeper.clear()
            with contextlib.closing(ours):
                await self._relay(peer, ours, keeper.pair)

    async def _relay(self, peer: socket.socket, ours: socket.socket, keeper: socket.socket) -> None:
        ways = [
            asyncio.create_task(_pump(keeper, ours, self.to_courier)),
            asyncio.create_task(_pump(ours, keeper, self.to_keeper)),
            asyncio.create_task(_until_gone(peer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)

    def frames(self, since: int = 0) -> list[Frame]:
        """What the keeper said, from byte `since` of it on: a frame must begin there."""
        return [frame for frame, _ in self._frames(since)]

    def whole_bytes(self) -> int:
        """Where the frame begins that was not heard whole yet."""
        return max((end for _, end in self._frames(0)), default=0)

    def _frames(self, at: int) -> list[tuple[Frame, int]]:
        """Frames and where they end."""
        raw = bytes(self.to_courier)
        found = []
        while at + frames.HEAD_BYTES <= len(raw):
            body = at + frames.HEAD_BYTES
            kind, size = frames.read_head(raw[at:body])
            at = body + size
            if at > len(raw):
                break
            found.append((frames.decode(kind, raw[body:at]), at))
        return found

    def live(self) -> list[Live]:
        return [frame for frame in self.frames() if isinstance(frame, Live)]

    def states(self) -> list[State]:
        return [frame for frame in self.frames() if isinstance(frame, State)]


async def _pump(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while chunk := await loop.sock_recv(source, _CHUNK_BYTES):
            kept += chunk
            await loop.sock_sendall(sink, chunk)


async def _until_gone(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        await asyncio.get_running_loop().sock_recv(peer, 1)


class Taps:
    """A tap for each site of a town that is laid out."""

    def __init__(self) -> None:
        self.sites: dict[str, Tap] = {}
        self._loop = asyncio.new_event_loop()
        self._running: list[asyncio.Future[None]] = []

    def put_between(self, layout: Layout) -> None:
        """Have every courier of `layout` find a tap where it looks for its keeper."""
        for site in layout.town.site:
            place = layout.folder / "taps" / site.id
            place.mkdir(parents=True)
            settings = layout.courier(site.id) / "courier.toml"
            old, new = "../keeper/courier.sock", str(place / "courier.sock")
            text = settings.read_text()
            assert old in text
            settings.write_text(text.replace(old, new))
            tap = Tap(layout.keeper(site.id) / "courier.sock", place / "courier.sock")
            self.sites[site.id] = tap
            asyncio.run_coroutine_threadsafe(self._run(tap), self._loop)
            assert tap.listening.wait(10)

    async def _run(self, tap: Tap) -> None:
        task = asyncio.ensure_future(tap.run())
        self._running.append(task)
        await asyncio.wait([task])

    async def _end(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    def settle(self) -> None:
        """Return when what was read by now is kept."""

        async def turns() -> None:
            for _ in range(5):
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(turns(), self._loop).result(10)


@contextmanager
def taps() -> Iterator[Taps]:
    """Taps with a thread of their own; ended with the context."""
    made = Taps()
    thread = threading.Thread(target=made._loop.run_forever, name="taps")
    thread.start()
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(made._end(), made._loop).result(10)
        made._loop.call_soon_threadsafe(made._loop.stop)
        thread.join()
        made._loop.close()


def disguises(secret: bytes) -> list[bytes]:
    """`secret` as it is, in hexadecimal and in base64 at every place it may begin there."""
    found = [secret, secret.hex().encode(), secret.hex().upper().encode()]
    for before in range(3):
        padded = bytes(before) + secret
        # Only the digits that nothing before or after `secret` has a part in.
        first, last = (before * 8 + 5) // 6, len(padded) * 8 // 6
        found.append(base64.b64encode(padded)[first:last])
    return found


def occurs(secret: bytes, raw: bytes) -> bool:
    """Whether `secret` is in `raw`, plain or disguised."""
    return any(disguise in raw for disguise in disguises(secret))


def payload(state: State) -> bytes:
    """What a state says, out of its envelope."""
    return dsse.load(state.raw).payload
