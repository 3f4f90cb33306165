"""The center's ledger behind a queue: many requests at once share one durable write."""

import asyncio
import queue
import threading
from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import JOURNAL_QUEUE_ENTRIES
from serambi.ledger.entry import Entry

_BATCH = 64
_Waiting = tuple[Entry, "asyncio.Future[None]", asyncio.AbstractEventLoop]


class Ledger(Protocol):
    """What is needed of `ledger.store.LedgerStore`."""

    def append(self, entries: Sequence[Entry]) -> range:
        """Returns when the entries are durable."""
        ...

    def stamp(self) -> int:
        """The earliest time that the next entry may have, unix ms, or now."""
        ...


class Journal:
    """Writes entries in one thread of its own, in batches."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(JOURNAL_QUEUE_ENTRIES)
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def now_ms(self) -> int:
        return unix_ms(self._clock.now())

    async def append(self, entry: Entry) -> None:
        """Return when `entry` is durable. Raises `UNAVAILABLE` when the ledger cannot keep up."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        try:
            self._queue.put_nowait((entry, done, loop))
        except queue.Full:
            raise SerambiError(
                Kind.UNAVAILABLE, "the ledger cannot keep up", where="ledger", hint="try again"
            ) from None
        await done

    def close(self) -> None:
        """Write what is queued and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            ended = False
            while len(batch) < _BATCH:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    ended = True
                    break
                batch.append(more)
            self._write_batch(batch)
            if ended:
                return

    def _write_batch(self, batch: list[_Waiting]) -> None:
        error: Exception | None = None
        try:
            # Entries of a clock that was set back are dated when the clock stood still.
            at_ms = self._ledger.stamp()
            self._ledger.append([replace(entry, at_ms=at_ms) for entry, _, _ in batch])
        except (SerambiError, OSError) as caught:
            error = SerambiError(
                Kind.UNAVAILABLE, f"the ledger cannot be written: {caught}", where="ledger"
            )
        for _, done, loop in batch:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, done, error)


def _settle(done: "asyncio.Future[None]", error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
