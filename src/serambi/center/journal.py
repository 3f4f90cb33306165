"""The center's ledger behind a queue: many requests at once share one durable write."""

import asyncio
import contextlib
import itertools
import logging
import queue
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    ENTRIES_OWED,
    JOURNAL_QUEUE_ENTRIES,
    LEDGER_PUBLISH_EVERY_S,
)
from serambi.ledger.entry import Entry
from serambi.ledger.names import Names

log = logging.getLogger(__name__)

_BATCH = 64


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


@dataclass(frozen=True, slots=True)
class _Waiting:
    entry: Entry
    has_happened: bool
    done: "asyncio.Future[bool]"
    loop: asyncio.AbstractEventLoop


class Journal:
    """Writes entries in one thread of its own, in batches.

    What has already happened is noted: while the disk refuses, it waits here, bounded, and goes
    before whatever is written next. What is yet to happen is appended, and must not happen when
    that fails. The entries have commitments for people; `names` keeps the names, before the entry
    where it is appended.
    """

    def __init__(self, ledger: Ledger, names: Names, clock: Clock) -> None:
        self._ledger = ledger
        self.names = names
        self._clock = clock
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(JOURNAL_QUEUE_ENTRIES)
        self._owed: deque[Entry] = deque(maxlen=ENTRIES_OWED)
        self._unpublished = False
        self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
        self._thread.start()

    def now_ms(self) -> int:
        return unix_ms(self._clock.now())

    @property
    def disk_refuses(self) -> bool:
        """Whether something waits that the disk has not taken."""
        return bool(self._owed) or self._unpublished

    @property
    def owed(self) -> int:
        """How many entries the disk has not taken yet."""
        return len(self._owed)

    async def append(self, entry: Entry) -> None:
        """Return when `entry` is durable. Raises `UNAVAILABLE` when the ledger cannot be written
        or cannot keep up."""
        await self._put(entry, has_happened=False)

    async def note(self, entry: Entry) -> bool:
        """Write down what has happened; whether it is on the disk now. Never raises for the
        disk: what it refuses waits."""
        try:
            return await self._put(entry, has_happened=True)
        except SerambiError:
            self._owed.append(entry)
            return False

    async def _put(self, entry: Entry, *, has_happened: bool) -> bool:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        try:
            self._queue.put_nowait(_Waiting(entry, has_happened, done, loop))
        except queue.Full:
            raise SerambiError(
                Kind.UNAVAILABLE, "the ledger cannot keep up", where="ledger", hint="try again"
            ) from None
        return await done

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
        if batch or self._owed:
            self._write_batch(batch)
        return ended

    def _publish(self) -> None:
        try:
            self._ledger.publish()
        except SerambiError as error:
            if not self._unpublished:
                log.warning("the ledger's tiles wait: %s", error)
            self._unpublished = True
        else:
            self._unpublished = False

    def _write_batch(self, batch: list[_Waiting]) -> None:
        batch = self._named(batch)
        at_ms = 0
        try:
            # Entries of a clock that was set back are dated when the clock stood still.
            at_ms = self._ledger.stamp()
            self._pay()
            if batch:
                self._ledger.append([replace(one.entry, at_ms=at_ms) for one in batch])
        except (SerambiError, OSError) as caught:
            error = SerambiError(
                Kind.UNAVAILABLE, f"the ledger cannot be written: {caught}", where="ledger"
            )
            for one in batch:
                if one.has_happened:
                    self._owed.append(replace(one.entry, at_ms=at_ms or one.entry.at_ms))
            if batch:
                log.error("%s; %d entries wait", error.what, self.owed)
            self._settle(batch, error)
        else:
            self._settle(batch, None)

    def _named(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Keep the names. When they cannot be kept, what is yet to happen must not; what has
        happened goes on into the ledger, which may have room where the disk has none."""
        try:
            self.names.save()
        except SerambiError as error:
            log.error("names wait: %s", error)
            self._settle([one for one in batch if not one.has_happened], error)
            return [one for one in batch if one.has_happened]
        return batch

    def _pay(self) -> None:
        """What waits goes first, dated when it happened."""
        while self._owed:
            some = list(itertools.islice(self._owed, _BATCH))
            latest = itertools.accumulate((entry.at_ms for entry in some), max)
            self._ledger.append(
                [replace(entry, at_ms=at) for entry, at in zip(some, latest, strict=True)]
            )
            for _ in some:
                self._owed.popleft()

    def _settle(self, batch: list[_Waiting], error: SerambiError | None) -> None:
        for one in batch:
            if not one.loop.is_closed():
                failed = None if one.has_happened else error
                one.loop.call_soon_threadsafe(_settle, one.done, error is None, failed)


def _settle(done: "asyncio.Future[bool]", written: bool, error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(written)
    else:
        done.set_exception(error)
