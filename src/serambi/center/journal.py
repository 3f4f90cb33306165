"""The center's ledger behind a queue: many requests at once share one durable write."""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Sequence
from typing import Protocol

from msgspec.structs import replace

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import JOURNAL_QUEUE_ENTRIES, LEDGER_PUBLISH_EVERY_S
from serambi.ledger.entry import Entry

log = logging.getLogger(__name__)

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

    def publish(self) -> None:
        """Put into tiles what is durable already."""
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
        published = self._clock.monotonic()
        ended = False
        while not ended:
            ended = self._write_next()
            if self._clock.monotonic() - published >= LEDGER_PUBLISH_EVERY_S:
                self._publish()
                published = self._clock.monotonic()

    def _write_next(self) -> bool:
        """Write what is queued, waiting for it a while; whether that was the end."""
        batch: list[_Waiting] = []
        ended = False
        wait_s = LEDGER_PUBLISH_EVERY_S
        with contextlib.suppress(queue.Empty):
            while len(batch) < _BATCH and not ended:
                more = self._queue.get(timeout=wait_s)
                wait_s = 0.0
                if more is None:
                    ended = True
                else:
                    batch.append(more)
        if batch:
            self._write_batch(batch)
        return ended

    def _publish(self) -> None:
        try:
            self._ledger.publish()
        except SerambiError as error:
            log.warning("the ledger's tiles wait: %s", error)

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
