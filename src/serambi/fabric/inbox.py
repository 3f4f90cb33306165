"""From Zenoh's threads into the event loop: bounded, and no work on the way."""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """`put` from any thread, `deliver` on the loop; when full the oldest goes, counted."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, deliver: Callable[[T], None], size: int
    ) -> None:
        self._loop = loop
        self._deliver = deliver
        self._items: deque[T] = deque(maxlen=size)
        self._lock = threading.Lock()
        self._waking = False
        self._closed = False
        self.dropped = 0

    def put(self, item: T) -> None:
        with self._lock:
            if self._closed:
                return
            if len(self._items) == self._items.maxlen:
                self.dropped += 1
            self._items.append(item)
            wake, self._waking = not self._waking, True
        if wake:
            # A loop that is already closed has nobody left to deliver to.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        with self._lock:
            items = list(self._items)
            self._items.clear()
            self._waking = False
        for item in items:
            if self._closed:
                return
            self._deliver(item)

    def close(self) -> None:
        """Deliver nothing more."""
        with self._lock:
            self._closed = True
            self._items.clear()


class RingWatch:
    """One reader's own bounded queue of a stream; lives on the event loop."""

    def __init__(self, size: int, closed: Callable[["RingWatch"], None]) -> None:
        self._items: deque[bytes] = deque(maxlen=size)
        self._ready = asyncio.Event()
        self._on_close = closed
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        return self._dropped

    def push(self, message: bytes) -> None:
        if self._closed:
            return
        if len(self._items) == self._items.maxlen:
            self._dropped += 1
        self._items.append(message)
        self._ready.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._items:
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._items.popleft()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._items.clear()
            self._ready.set()
            self._on_close(self)
