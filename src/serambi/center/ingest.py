"""Takes in the sites' ledger entries: each is kept exactly once, however often it comes.

A batch is believed for the signature of its site's gateway alone. An entry that differs from the
one kept in the same place is never taken: it raises an alarm, because either the gateway was
restored from a backup or somebody rewrote its history. `entries.py` reads what
is kept; the proof remains the site's own ledger.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, and_, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import DatabaseError

from serambi.base.canonical import encode
from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BATCH_MAX_BYTES, HISTORY_EPOCHS_PER_SITE
from serambi.center.database import site_entries, site_epochs
from serambi.center.envelopes import open_signed
from serambi.center.journal import Journal
from serambi.fabric.messages import (
    BATCH_TYPE,
    RECEIPT_TYPE,
    Batch,
    Receipt,
    epoch_of,
)
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster
from serambi.ledger.entry import Entry, encode_entry

log = logging.getLogger(__name__)

_AGREES = -1


@dataclass(frozen=True, slots=True)
class _Kept:
    """`next`: all before it are kept; `differs`: the place that holds another entry, or -1."""

    next: int
    differs: int = _AGREES


class Ingest:
    """`receive` is the fabric's handler for batches."""

    def __init__(
        self, engine: Engine, roster: Roster, key: SigningKey, journal: Journal, clock: Clock
    ) -> None:
        self._engine = engine
        self._roster = roster
        self._key = key
        self._journal = journal
        self._clock = clock
        self._turn = asyncio.Lock()
        self.on_kept: Callable[[], None] = lambda: None
        """Called when entries may have come."""

    async def receive(self, site: str, raw: bytes) -> bytes:
        """A sealed batch -> the sealed receipt, once its entries are committed.

        Raises `SerambiError` for what is not believed or cannot be kept: there is no receipt then.
        """
        batch = open_signed(raw, Batch, BATCH_TYPE, self._roster, site, BATCH_MAX_BYTES)
        if batch.site != site or any(entry.site != site for entry in batch.entries):
            raise SerambiError(Kind.DENIED, "a batch speaks for another site", where=f"site {site}")
        async with self._turn:
            kept = await asyncio.to_thread(self._committed, batch)
            if kept.differs != _AGREES:
                await self._alarm(batch, kept.differs)
        self.on_kept()
        receipt = Receipt(
            site=site,
            epoch=batch.epoch,
            batch=hashlib.sha256(dsse.load(raw).payload).hexdigest(),
            next=kept.next,
            differs=kept.differs,
        )
        return dsse.dump(dsse.sign(RECEIPT_TYPE, encode(receipt), [self._key]))

    def _committed(self, batch: Batch) -> _Kept:
        try:
            with self._engine.begin() as connection:
                return self._keep(connection, batch)
        except DatabaseError as error:
            raise SerambiError(
                Kind.UNAVAILABLE, f"the database takes nothing: {error.orig}", where="history"
            ) from error

    def _keep(self, connection: Connection, batch: Batch) -> _Kept:
        epoch = self._epoch(connection, batch)
        if epoch is None:
            return _Kept(batch.since)
        held = int(epoch["next"])
        if epoch["since"] != batch.since:
            raise SerambiError(Kind.BAD_INPUT, "an epoch begins twice", where=f"site {batch.site}")
        if batch.first > held:
            return _Kept(held)
        leaves = {seq: encode_entry(entry) for seq, entry in _numbered(batch)}
        for seq, leaf in self._stored(connection, batch):
            if leaves[seq] != leaf:
                return _Kept(held, seq)
        new = [(seq, entry) for seq, entry in _numbered(batch) if seq >= held]
        if not new:
            return _Kept(held)
        received_ms = unix_ms(self._clock.now())
        connection.execute(
            insert(site_entries).on_conflict_do_nothing(),
            [
                {
                    "site": batch.site,
                    "epoch": batch.epoch,
                    "seq": seq,
                    "received_ms": received_ms,
                    "camera": entry.camera,
                    "leaf": leaves[seq],
                }
                for seq, entry in new
            ],
        )
        following = new[-1][0] + 1
        connection.execute(update(site_epochs).where(_this(batch)).values(next=following))
        return _Kept(following)

    def _epoch(self, connection: Connection, batch: Batch) -> RowMapping | None:
        """The epoch's row; None when it is not known and this batch does not begin it."""
        found = connection.execute(select(site_epochs).where(_this(batch))).mappings().first()
        if found is not None:
            return found
        if batch.first != batch.since or not batch.entries:
            return None
        if epoch_of(batch.entries[0]) != batch.epoch:
            raise SerambiError(
                Kind.BAD_INPUT, "an epoch does not bear its own name", where=f"site {batch.site}"
            )
        count = select(func.count()).where(site_epochs.c.site == batch.site)
        if connection.execute(count).scalar_one() >= HISTORY_EPOCHS_PER_SITE:
            raise SerambiError(
                Kind.LIMIT,
                f"the ledger began anew more than {HISTORY_EPOCHS_PER_SITE} times",
                where=f"site {batch.site}",
                hint="ask the site's owner what happens to that box",
            )
        row = {"site": batch.site, "epoch": batch.epoch, "since": batch.since}
        row |= {"next": batch.since, "began_ms": unix_ms(self._clock.now())}
        connection.execute(insert(site_epochs).values(row).on_conflict_do_nothing())
        return connection.execute(select(site_epochs).where(_this(batch))).mappings().one()

    def _stored(self, connection: Connection, batch: Batch) -> Iterator[tuple[int, bytes]]:
        """What is kept in this batch's places; what retention has removed is not among it."""
        rows = connection.execute(
            select(site_entries.c.seq, site_entries.c.leaf)
            .where(site_entries.c.site == batch.site, site_entries.c.epoch == batch.epoch)
            .where(site_entries.c.seq >= batch.first)
            .where(site_entries.c.seq < batch.first + len(batch.entries))
            .order_by(site_entries.c.seq)
        )
        return ((row.seq, row.leaf) for row in rows)

    async def _alarm(self, batch: Batch, seq: int) -> None:
        """Into the log, the center's own ledger and, for `GET /api/health`, the database."""
        with self._engine.connect() as connection:
            known = connection.execute(
                select(site_epochs.c.differs_seq).where(_this(batch))
            ).scalar()
        if known is not None and known <= seq:
            return
        log.error("site %s: entry %d differs from the one kept here", batch.site, seq)
        await self._journal.append(
            Entry(
                kind="history_differs",
                at_ms=self._journal.now_ms(),
                site=batch.site,
                detail=f"{batch.epoch} {seq}",
            )
        )
        differs = {"differs_seq": seq, "differs_ms": unix_ms(self._clock.now())}
        with self._engine.begin() as connection:
            connection.execute(update(site_epochs).where(_this(batch)).values(differs))


def _numbered(batch: Batch) -> Iterator[tuple[int, Entry]]:
    return enumerate(batch.entries, batch.first)


def _this(batch: Batch) -> ColumnElement[bool]:
    return and_(site_epochs.c.site == batch.site, site_epochs.c.epoch == batch.epoch)
