"""A running center with something to show to the public: two sites, entries of a busy month, an
agreement that all have signed and one that waits."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Event, Thread

from msgspec.structs import replace

from serambi.agreement.instants import ALWAYS
from serambi.agreement.model import (
    PROHIBITED,
    Agreement,
    Purpose,
    Retention,
    SharedSite,
    draft_statement,
    seal_agreement,
)
from serambi.base.clock import Clock, SystemClock, unix_ms
from serambi.base.instants import instant_text
from serambi.base.words import Words
from serambi.fabric.messages import BATCH_TYPE, Batch, Waiting, epoch_of
from serambi.ledger.deleted import span_text
from serambi.ledger.entry import Entry, EntryKind, commit
from serambi.ledger.store import LedgerStore
from serambi.web.pages import BUILT
from tests.fakes.center_town import CENTER_PARTY, OWNERS, Gateway, Town, camera, seal
from tests.fakes.running import Running, running

PERSON = "Ani Wijaya Rahasia"
HIDDEN = commit(b"s" * 16, "never-agreed")
SITE = "terminal"
COPIES = "copies"
"""The folder with the sites' ledgers as their owners hand them out."""
_MINUTE_MS = 60_000
_GONE = span_text(1_789_000_000_000, 1_789_086_400_000)
_NAMES = {
    "terminal-1": Words("Gerbang utama", "Main gate"),
    "terminal-2": Words("Halaman timur", "East yard"),
    "market-1": Words("Simpang Merdeka", "Merdeka junction"),
    "market-2": Words("Alun-alun selatan", "South square"),
}
_PURPOSE = Purpose(
    "traffic", Words("Arus lalu lintas di terminal", "Flow of traffic at the terminal")
)


def origin(site: str) -> str:
    return f"{OWNERS[site]}/{site}/keeper"


def entries_of(site: str, now_ms: int) -> list[Entry]:
    """What the box of `site` wrote in the last hours; nothing of it names a person."""

    def at(minutes_ago: int, kind: EntryKind, **fields: str) -> Entry:
        person = commit(b"p" * 16, PERSON) if "session" in fields else ""
        return Entry(
            kind=kind,
            at_ms=now_ms - minutes_ago * _MINUTE_MS,
            site=site,
            **{"person": person, **fields},  # type: ignore[arg-type]
        )

    view = {"party": CENTER_PARTY, "purpose": "traffic", "agreement": "pks-1"}
    shift = view | {"unit": "Petugas jaga", "camera": f"{site}-1"}
    other = view | {"unit": "Penyidik", "camera": f"{site}-2"}
    return [
        at(300, "started"),
        at(299, "agreement_accepted", agreement="pks-1"),
        at(290, "session_opened", session=f"{site}-a", **shift),
        at(200, "refused", reason="out_of_hours", session=f"{site}-b", **other),
        at(190, "refused", reason="no_agreement", camera=HIDDEN),
        at(180, "session_opened", session=f"{site}-c", **other),
        at(170, "session_closed", session=f"{site}-c", reason="closed", **other),
        at(160, "session_closed", session=f"{site}-a", reason="stopped", **shift),
        at(160, "stopped", camera=f"{site}-1", agreement="pks-1", party=OWNERS[site]),
        at(100, "resumed", camera=f"{site}-1", agreement="pks-1", party=OWNERS[site]),
        at(90, "stopped", camera=HIDDEN, party=OWNERS[site]),
        at(60, "stopped", camera=f"{site}-2", agreement="pks-1", party=OWNERS[site]),
        at(30, "deleted", camera=f"{site}-1", agreement="pks-1", reason="retention", detail=_GONE),
        at(30, "deleted", camera=HIDDEN, reason="disk_full", detail=_GONE),
    ]


def center_entries(sites: Sequence[str], now_ms: int) -> list[Entry]:
    """The center's own: the same views, and a site that was not heard."""
    views = [
        entry
        for site in sites
        for entry in entries_of(site, now_ms)
        if entry.kind in ("session_opened", "session_closed")
    ]
    first = now_ms - 300 * _MINUTE_MS
    lost = [
        Entry(kind="site_lost", at_ms=now_ms - 50 * _MINUTE_MS, site=sites[0]),
        Entry(kind="site_heard", at_ms=now_ms - 45 * _MINUTE_MS, site=sites[0]),
    ]
    started = Entry(kind="started", at_ms=first, party=CENTER_PARTY)
    return [started, *sorted([*views, *lost], key=lambda entry: entry.at_ms)]


def agreement(town: Town, number: str, parties_signed: Sequence[str]) -> bytes:
    """An agreement over all cameras of the town, signed by these parties."""
    now = town.clock.now()
    cameras = {site: tuple(c.id for c in town.gateways[site].cameras) for site in OWNERS}
    statement = draft_statement(
        Agreement(
            number=number,
            title=Words("Lalu lintas kota", "Traffic of the town"),
            parties=tuple(town.parties),
            viewer=CENTER_PARTY,
            purposes=(_PURPOSE,),
            legal_basis=Words("Kesepakatan tiga lembaga", "An accord of three institutions"),
            sites=tuple(
                SharedSite(site, names, ("live",), "Asia/Jakarta", ALWAYS)
                for site, names in cameras.items()
            ),
            retention=Retention(center_hours=72),
            valid_from=instant_text(now - 20 * 86_400),
            valid_until=instant_text(now + 16.5 * 86_400),
            prohibited=PROHIBITED,
            heartbeat_s=900,
        ),
        {name: "0" * 64 for names in cameras.values() for name in names},
    )
    return seal_agreement(statement, [town.parties[name] for name in parties_signed])


async def deliver(town: Town, site: str, entries: Sequence[Entry]) -> None:
    """The site's gateway hands its entries to the center."""
    batch = Batch(site, epoch_of(entries[0]), 0, 0, tuple(entries))
    assert town.link.take_batch is not None
    await town.link.take_batch(site, seal(BATCH_TYPE, batch, town.gateways[site].key))


def write_ledger(town: Town, folder: Path, site: str, entries: Sequence[Entry]) -> Path:
    """The same entries as the site's own ledger, as its owner would copy it."""
    with LedgerStore.open(folder / site, origin(site), town.gateways[site].key, town.clock) as own:
        own.append(entries)
    return folder / site


@asynccontextmanager
async def public_town(
    folder: Path, clock: Clock | None = None, built: Path | None = None
) -> AsyncIterator[Running]:
    """The center of a town whose sites have told what happened."""
    town = Town(folder, clock or SystemClock())
    now_ms = unix_ms(town.clock.now())
    shared = town.config.agreements
    shared.mkdir()
    (shared / "pks-1.json").write_bytes(agreement(town, "pks-1", tuple(town.parties)))
    (shared / "pks-2.json").write_bytes(agreement(town, "pks-2", (CENTER_PARTY,)))
    ledger = LedgerStore.open(
        town.config.ledger, f"{CENTER_PARTY}/center", town.center_key, town.clock
    )
    with ledger:
        ledger.append(center_entries(tuple(OWNERS), now_ms))
    for gateway in town.gateways.values():
        _furnish(gateway, now_ms)
    async with running(town, built) as center:
        town.speak()
        for site in OWNERS:
            await deliver(town, site, entries_of(site, now_ms))
            write_ledger(town, folder / COPIES, site, entries_of(site, now_ms))
        yield center


def _furnish(gateway: Gateway, now_ms: int) -> None:
    first, second = (
        camera(
            old.id,
            name=_NAMES[old.id],
            agreement="pks-1",
            until_ms=now_ms + 16 * 86_400_000,
            purposes=(_PURPOSE,),
        )
        for old in gateway.cameras
    )
    gateway.cameras = (first, replace(second, state="stopped", facing="yard"))
    if gateway.site == SITE:
        gateway.waiting = (Waiting("pks-2", tuple(OWNERS.values()), 3),)


@contextmanager
def public_town_in_a_thread(folder: Path) -> Iterator[Running]:
    """For tests that block, such as those with a browser."""
    ready, over = Event(), Event()
    found: list[Running] = []

    async def serve() -> None:
        async with public_town(folder, built=BUILT) as center:
            found.append(center)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = Thread(target=lambda: asyncio.run(serve()), name="public town")
    thread.start()
    try:
        assert ready.wait(30), "the center did not start"
        yield found[0]
    finally:
        over.set()
        thread.join(30)
