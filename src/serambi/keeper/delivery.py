"""Brings the ledger's entries to the center: delivered at least once, kept there exactly once.

The ledger is the queue. All that is remembered besides is how far the center has confirmed, and
losing that costs a second delivery and nothing else. A receipt counts only when the center has
signed it for the very batch it answers.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.kept import StateFile
from serambi.base.limits import (
    BACKOFF_FIRST_S,
    BATCH_ENTRIES_MAX_BYTES,
    BATCH_LOOK_EVERY_S,
    BATCH_MAX_ENTRIES,
    BATCH_RETRY_MAX_S,
    RECEIPT_MAX_BYTES,
)
from serambi.fabric.messages import BATCH_TYPE, RECEIPT_TYPE, Batch, Receipt, epoch_of
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster
from serambi.ledger.entry import Entry, encode_entry
from serambi.ledger.store import LedgerStore

log = logging.getLogger(__name__)

FILE = "delivery.json"
_FILE_MAX_BYTES = 4096
Send = Callable[[bytes], Awaitable[bytes]]


class _Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The epoch began at entry `since`; the center has confirmed all before `next`."""

    format: Literal[1]
    epoch: str
    since: int
    next: int


class Delivery:
    """One site's way to the center's history. `send` hands over a sealed batch and gives the
    answer, or raises UNAVAILABLE."""

    def __init__(
        self,
        folder: Path,
        site: str,
        store: LedgerStore,
        key: SigningKey,
        roster: Callable[[], Roster],
        shares: Callable[[], bool],
        send: Send,
    ) -> None:
        """`shares`: whether a complete agreement names a camera here; a site that only waits for
        signatures tells the center nothing."""
        self._file = StateFile(
            folder / FILE,
            _Place,
            what="how far the center has confirmed",
            max_bytes=_FILE_MAX_BYTES,
        )
        self._site = site
        self._store = store
        self._key = key
        self._roster = roster
        self._shares = shares
        self._send = send
        self._place: _Place | None = None
        self._hurry = asyncio.Event()

    @property
    def confirmed(self) -> int:
        """How many of the ledger's entries the center is known to hold."""
        return self._place.next if self._place else 0

    def wake(self) -> None:
        """The center is reached again: do not wait for the next try."""
        self._hurry.set()

    async def run(self) -> None:
        """Deliver until cancelled. Whatever goes wrong is tried again, ever more slowly."""
        await self.load()
        wait_s = BACKOFF_FIRST_S
        while True:
            # Not on the event loop: the ledger may be in the middle of a slow write.
            if await asyncio.to_thread(self._all_confirmed) or not self._shares():
                await self._pause(BATCH_LOOK_EVERY_S)
                continue
            try:
                await self.deliver()
                wait_s = BACKOFF_FIRST_S
            except SerambiError as error:
                level = logging.DEBUG if error.kind is Kind.UNAVAILABLE else logging.WARNING
                log.log(level, "ledger entries stay here for now: %s", error)
                await self._pause(wait_s)
                wait_s = min(wait_s * 2, BATCH_RETRY_MAX_S)

    def _all_confirmed(self) -> bool:
        return self.confirmed >= self._store.size

    async def _pause(self, duration_s: float) -> None:
        try:
            async with asyncio.timeout(duration_s):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()

    async def load(self) -> None:
        """Take up where the process before this one was; `run` does it by itself."""
        self._place = await asyncio.to_thread(self._load)

    async def deliver(self) -> None:
        """Send one batch, if there is one, and heed its receipt. Raises `SerambiError` when the
        receipt does not come or is not to be believed: then nothing has changed."""
        batch = await asyncio.to_thread(self._next_batch)
        if batch is None:
            return
        payload = encode(batch)
        sealed = dsse.dump(dsse.sign(BATCH_TYPE, payload, [self._key]))
        receipt = self._believed(await self._send(sealed), batch, payload)
        place = self._after(batch, receipt)
        await asyncio.to_thread(self._keep, place)

    def _next_batch(self) -> Batch | None:
        size = self._store.size
        place = self._place
        if size == 0:
            return None
        if place is None:
            place = self._place = self._from_start()
        if place.next >= size:
            return None
        end = min(size, place.next + BATCH_MAX_ENTRIES)
        entries: list[Entry] = []
        room_bytes = BATCH_ENTRIES_MAX_BYTES
        for entry in self._store.entries(place.next, end):
            room_bytes -= len(encode_entry(entry))
            if entries and room_bytes < 0:
                break
            entries.append(entry)
        return Batch(self._site, place.epoch, place.since, place.next, tuple(entries))

    def _believed(self, raw: bytes, batch: Batch, payload: bytes) -> Receipt:
        envelope = dsse.load(raw) if len(raw) <= RECEIPT_MAX_BYTES else None
        if (
            envelope is None
            or envelope.payload_type != RECEIPT_TYPE
            or not dsse.verified_by(envelope, self._roster().keys_for(use="center"))
        ):
            raise self._strange("the receipt is not signed by the center")
        receipt = decode(Receipt, envelope.payload, what="the receipt", max_bytes=RECEIPT_MAX_BYTES)
        about = (receipt.site, receipt.epoch, receipt.batch)
        if about != (self._site, batch.epoch, hashlib.sha256(payload).hexdigest()):
            raise self._strange("the receipt answers another batch")
        return receipt

    def _after(self, batch: Batch, receipt: Receipt) -> _Place:
        """Where to go on. Raises when the receipt moves nothing."""
        end = batch.first + len(batch.entries)
        if receipt.differs >= 0:
            return self._another_epoch(batch, receipt.differs)
        # What the center holds beyond this batch is compared entry by entry, not believed.
        going_on = min(max(receipt.next, batch.since), end)
        if going_on == batch.first:
            raise self._strange("the center keeps nothing of the batch")
        if going_on < batch.first:
            log.warning("the center lacks entries from %d on: delivered again", going_on)
        return _Place(1, batch.epoch, batch.since, going_on)

    def _another_epoch(self, batch: Batch, differs: int) -> _Place:
        """The center holds another entry in this place: this ledger is not what it was."""
        at = differs - batch.first
        if not 0 <= at < len(batch.entries) or differs == batch.since:
            raise self._strange(f"the center speaks of entry {differs}, which was not asked")
        log.error(
            "the center holds another history from entry %d on: was this box restored from a "
            "backup? What happened since is delivered beside it",
            differs,
        )
        return _Place(1, epoch_of(batch.entries[at]), differs, differs)

    def _strange(self, what: str) -> SerambiError:
        return SerambiError(Kind.BAD_INPUT, what, where=f"site {self._site}")

    def _from_start(self) -> _Place:
        return _Place(1, epoch_of(self._store.entries(0, 1)[0]), 0, 0)

    def _load(self) -> _Place | None:
        """What the file says, if the ledger bears it out; else everything is delivered again."""
        try:
            place = self._file.read()
        except SerambiError as error:
            log.warning("%s: all entries are delivered again", error)
            return None
        if place is None:
            return None
        fits = 0 <= place.since <= place.next <= self._store.size and place.since < self._store.size
        if fits and epoch_of(self._store.entries(place.since, place.since + 1)[0]) == place.epoch:
            return place
        log.warning("%s is of another ledger: all entries are delivered again", self._file.path)
        return None

    def _keep(self, place: _Place) -> None:
        self._place = place
        try:
            self._file.write(place)
        except SerambiError as error:
            log.warning("%s", error)
