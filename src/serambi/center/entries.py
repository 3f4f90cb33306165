"""What happened at the sites, as their ledgers tell it: reading it, and letting go of the old.

`ingest.py` puts it in. For people; the proof is the site's own ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, delete, func, select

from serambi.base.clock import Clock, unix_ms
from serambi.base.limits import (
    ALARMS_SHOWN,
    HISTORY_ENTRIES_PER_SITE,
    HISTORY_KEPT_S,
    HISTORY_PAGE_ENTRIES,
)
from serambi.center.database import site_entries, site_epochs
from serambi.ledger.entry import Entry, decode_entry


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """`id` rises in the order of arrival; `seq` is the entry's index in the site's ledger."""

    id: int
    epoch: str
    seq: int
    received_ms: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Life:
    """A ledger between two restored backups: its entries `first` to `upto - 1` are kept."""

    epoch: str
    first: int
    upto: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """The site's gateway sent another entry for a place that was kept already."""

    site: str
    epoch: str
    seq: int
    at_ms: int


def _kept(row: "Row[Any]") -> KeptEntry:
    return KeptEntry(row.id, row.epoch, row.seq, row.received_ms, decode_entry(row.leaf))


class SiteEntries:
    """The tables `site_entries` and `site_epochs`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def newest(
        self, *, site: str | None = None, camera: str | None = None, before: int | None = None
    ) -> list[KeptEntry]:
        """The newest entries, newest first, HISTORY_PAGE_ENTRIES at most; `before` is the `id` of
        the last one that was seen."""
        wanted = select(site_entries).order_by(site_entries.c.id.desc())
        if site is not None:
            wanted = wanted.where(site_entries.c.site == site)
        if camera is not None:
            wanted = wanted.where(site_entries.c.camera == camera)
        if before is not None:
            wanted = wanted.where(site_entries.c.id < before)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.limit(HISTORY_PAGE_ENTRIES)).all()
        return [_kept(row) for row in rows]

    def last_before(self, received_ms: int) -> int:
        """The `id` of the newest entry that came before that time; 0 when there is none."""
        wanted = select(func.max(site_entries.c.id)).where(site_entries.c.received_ms < received_ms)
        with self._engine.connect() as connection:
            return int(connection.execute(wanted).scalar() or 0)

    def after(self, id_: int) -> list[KeptEntry]:
        """What came after the entry with this `id`, in the order of arrival, a page at most."""
        wanted = select(site_entries).where(site_entries.c.id > id_).order_by(site_entries.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.limit(HISTORY_PAGE_ENTRIES)).all()
        return [_kept(row) for row in rows]

    def leaves(self, site: str, start: int, end: int) -> list[bytes]:
        """The bytes of a site's entries [start, end), in order, of its ledger's newest life; fewer
        when some are missing."""
        lives = (
            select(site_epochs.c.epoch, site_epochs.c.since)
            .where(site_epochs.c.site == site)
            .order_by(site_epochs.c.began_ms.desc(), site_epochs.c.since.desc())
        )
        found: dict[int, bytes] = {}
        with self._engine.connect() as connection:
            for epoch, since in connection.execute(lives).all():
                rows = connection.execute(
                    select(site_entries.c.seq, site_entries.c.leaf)
                    .where(site_entries.c.site == site, site_entries.c.epoch == epoch)
                    .where(site_entries.c.seq >= max(start, since), site_entries.c.seq < end)
                )
                found |= {row.seq: row.leaf for row in rows}
                # What an older life had in these places is not this ledger's any more.
                end = min(end, since)
                if end <= start:
                    break
        return [found[seq] for seq in sorted(found)]

    def life(self, site: str) -> Life | None:
        """Which entries of a site's ledger are kept, of its newest life; None when none ever
        came."""
        newest = (
            select(site_epochs.c.epoch, site_epochs.c.next)
            .where(site_epochs.c.site == site)
            .order_by(site_epochs.c.began_ms.desc(), site_epochs.c.since.desc())
            .limit(1)
        )
        first = select(func.min(site_entries.c.seq)).where(site_entries.c.site == site)
        with self._engine.connect() as connection:
            found = connection.execute(newest).first()
            if found is None:
                return None
            oldest = connection.execute(first).scalar()
        return Life(found.epoch, found.next if oldest is None else oldest, found.next)

    def alarms(self) -> list[Alarm]:
        """Newest first, ALARMS_SHOWN at most."""
        differing = (
            select(site_epochs)
            .where(site_epochs.c.differs_seq.is_not(None))
            .order_by(site_epochs.c.differs_ms.desc())
            .limit(ALARMS_SHOWN)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(differing).all()
        return [Alarm(row.site, row.epoch, row.differs_seq, row.differs_ms) for row in rows]

    def make_room(self) -> None:
        """Remove what is older than HISTORY_KEPT_S, and of a site what is beyond
        HISTORY_ENTRIES_PER_SITE: one busy site never pushes out another's entries."""
        oldest_ms = unix_ms(self._clock.now() - HISTORY_KEPT_S)
        with self._engine.begin() as connection:
            connection.execute(delete(site_entries).where(site_entries.c.received_ms < oldest_ms))
        for site in self._sites():
            beyond = (
                select(site_entries.c.id)
                .where(site_entries.c.site == site)
                .order_by(site_entries.c.id.desc())
                .offset(HISTORY_ENTRIES_PER_SITE)
                .limit(1)
            )
            with self._engine.begin() as connection:
                last = connection.execute(beyond).scalar()
                if last is not None:
                    connection.execute(
                        delete(site_entries)
                        .where(site_entries.c.site == site)
                        .where(site_entries.c.id <= last)
                    )

    def _sites(self) -> Iterator[str]:
        with self._engine.connect() as connection:
            return iter(connection.execute(select(site_epochs.c.site).distinct()).scalars().all())
