"""The center as a process: everything opened in order, supervised, and ended within two seconds."""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Engine

from serambi.base.clock import Clock, SystemClock, unix_ms
from serambi.base.kept import check_format
from serambi.base.limits import ALERTS_KEPT_S
from serambi.base.process import keep_memory_flat, until_told_to_end
from serambi.base.tasks import keep_running
from serambi.center.app import create_app
from serambi.center.approvals import Approvals
from serambi.center.asking import Asker
from serambi.center.changes import Changes
from serambi.center.config import CenterConfig, read_config
from serambi.center.database import open_database
from serambi.center.desk.desk import READERS, Desk
from serambi.center.desk.detections import Detections
from serambi.center.desk.files import Files
from serambi.center.desk.health import Health
from serambi.center.desk.on_call import read_on_call
from serambi.center.desk.parts import Links
from serambi.center.desk.reach import Reach
from serambi.center.desk.steps import Person, Steps
from serambi.center.desk.writer import Writer
from serambi.center.door import open_door
from serambi.center.entries import SiteEntries
from serambi.center.glass import Glass
from serambi.center.ground import read_ground
from serambi.center.history import History
from serambi.center.ingest import Ingest
from serambi.center.journal import Journal
from serambi.center.live import Hub
from serambi.center.logs import Logs
from serambi.center.outages import Outages
from serambi.center.public.books import Books
from serambi.center.public.pages import PublicPages
from serambi.center.public.papers import Papers
from serambi.center.public.shown import Shown
from serambi.center.reduce import Reducer
from serambi.center.reports.made import LegalReports
from serambi.center.service import Center
from serambi.center.session import Session
from serambi.center.sessions import Sessions
from serambi.center.sites import Sites
from serambi.fabric.port import CenterLink, TlsFiles
from serambi.fabric.zenoh_center import ZenohCenter
from serambi.identity.certificates import ensure
from serambi.identity.chain import Chain
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster
from serambi.ledger.entry import Entry
from serambi.ledger.names import Names
from serambi.ledger.store import LedgerStore
from serambi.ledger.verify import keys_of_origin
from serambi.ledger.views import left_open
from serambi.web.pages import BUILT
from serambi.web.serve import HttpServer
from serambi.web.words import Words

log = logging.getLogger(__name__)

FORMAT = "1"
INCIDENT_PURPOSE = "incident"
_TICK_S = 0.25
_INSTANT_S = 0.001
_GOODBYE_S = 0.7
_CERTIFICATE_EVERY_S = 600.0
_RETENTION_EVERY_S = 3600.0
_DAY_S = 86_400.0

OpenLink = Callable[[CenterConfig, frozenset[str]], CenterLink]


async def run(
    config_path: Path,
    open_link: OpenLink | None = None,
    clock: Clock | None = None,
    started: Callable[[int], None] | None = None,
) -> None:
    """Run the center until SIGTERM or SIGINT. `started` is told the HTTP port.

    Raises `SerambiError` when it cannot start: settings, roster, key, database, ledger, address.
    """
    keep_memory_flat()
    config = read_config(config_path)
    check_format(config.folder, FORMAT)
    until = until_told_to_end()
    try:
        await serve(config, open_link or zenoh_link, clock or SystemClock(), until, started)
    finally:
        until.close()  # where it was never waited for, because something refused to start


async def serve(
    config: CenterConfig,
    open_link: OpenLink,
    clock: Clock,
    until: Awaitable[object],
    started: Callable[[int], None] | None = None,
    built: Path = BUILT,
) -> None:
    """Like `run`, until `until` is done."""
    rosters = Chain.open(config.folder / "rosters", config.roster, config.genesis)
    roster = rosters.head
    on_call = read_on_call(config.on_call, roster.document.parties, config.zone)
    renew_certificate(config, clock)
    key = SigningKey.load(config.key)
    with contextlib.ExitStack() as opened:
        kept = _open(config, clock, key, roster, opened)
        ledger, engine, durable, journal = kept.ledger, kept.engine, kept.durable, kept.journal
        history = History(engine, clock)
        await _write_beginning(ledger, journal, history, config.party)
        sites = Sites(roster, engine, clock)
        entries = SiteEntries(engine, clock)
        logs = Logs(kept.origin, key.public, config.ledger, ledger, entries, sites, roster, clock)
        ingest = Ingest(engine, roster, key, journal, clock)
        link = open_link(config, gateways(roster))
        link.on_state(sites.receive)
        link.on_presence(sites.presence)
        link.on_batch(ingest.receive)
        changes = Changes()
        sites.on_change.append(changes.note)
        steps, desk = _desk(durable, changes, clock)
        watch = Health(sites, clock, desk)
        detections = Detections(entries, desk, clock)
        ingest.on_kept = detections.arrived
        reach = Reach(desk, on_call, clock, Words.load(), sites.name)
        asker = Asker(link, key, roster, config.party, clock)
        async with asyncio.TaskGroup() as group:
            hub = Hub(link, group)
            glass = Glass(durable, journal, asker, clock)
            sessions = Sessions(asker, sites, hub, journal, history, glass, clock, group)
            outages = Outages(sites, journal, clock, group)
            sessions.on_opened.append(lambda session: _note_view(desk, session))
            reducer = Reducer(hub, sessions, clock, group)
            app = create_app(built)
            server = HttpServer(app, config.host, config.port, tls=config.web_tls)
            opened.callback(server.release)
            port = server.bind()
            public = _public(config, ledger, entries, sites, rosters, clock)
            app.state.center = Center(
                party=config.party,
                roster=roster,
                rosters=rosters,
                clock=clock,
                door=open_door(config, engine, journal, clock, port),
                sites=sites,
                sessions=sessions,
                glass=glass,
                approvals=Approvals(durable, key, roster, config.party, sites, clock),
                asker=asker,
                changes=changes,
                entries=entries,
                public=public,
                reports=LegalReports(public.shown, sites, config, clock),
                journal=journal,
                desk=desk,
                logs=logs,
                ground=read_ground(config.map),
                witnesses=config.witnesses,
            )
            works = {
                "fabric": link.run,
                "certificate": lambda: _keep_certificate(config, clock),
                "clockwork": lambda: _tick(sites, sessions, reducer, outages, watch, desk),
                "desk": desk.run,
                "reach": reach.run,
                "retention": lambda: _make_room(entries, history, kept.names, steps, glass, clock),
                "detections": detections.run,
                "witnesses": logs.run,
            }
            background = [
                group.create_task(keep_running(name, work)) for name, work in works.items()
            ]
            await server.start(group)
            log.info("center of %s on port %d", config.party, port)
            if started is not None:
                started(port)
            await until
            await sessions.stop(_GOODBYE_S)
            await server.stop()
            for task in background:
                task.cancel()


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is on the disk, open until the end. `durable`: the database once more, where each
    commit waits for the disk."""

    origin: str
    ledger: LedgerStore
    engine: Engine
    durable: Engine
    names: Names
    journal: Journal


def _open(
    config: CenterConfig,
    clock: Clock,
    key: SigningKey,
    roster: Roster,
    opened: contextlib.ExitStack,
) -> _Kept:
    origin = f"{config.party}/center"
    known = keys_of_origin(origin, roster)
    ledger = LedgerStore.open(config.ledger, origin, key, clock, known)
    opened.callback(ledger.close)
    engine = open_database(config.database)
    opened.callback(engine.dispose)
    durable = open_database(config.database, durable=True)
    opened.callback(durable.dispose)
    names = Names(config.names_folder, clock, config.names_days * _DAY_S)
    journal = Journal(ledger, names, clock)
    opened.callback(journal.close)
    return _Kept(origin, ledger, engine, durable, names, journal)


def _desk(durable: Engine, changes: Changes, clock: Clock) -> tuple[Steps, Desk]:
    steps = Steps(durable, READERS)
    links = Links(durable, lambda: unix_ms(clock.now()))
    desk = Desk(steps, Files(durable), links, Writer(steps, clock, changes), clock)
    desk.load()
    return steps, desk


def _public(
    config: CenterConfig,
    ledger: LedgerStore,
    entries: SiteEntries,
    sites: Sites,
    rosters: Chain,
    clock: Clock,
) -> PublicPages:
    roster = rosters.head
    shown = Shown(
        books=Books(config.party, ledger, entries, roster),
        sites=sites,
        papers=Papers(config.agreements, roster),
        roster=roster,
        roster_file=(config.roster.read_bytes(), *rosters.files)[-1],
        center=config.party,
        folder=config.ledger,
        zone=config.zone,
        clock=clock,
    )
    return PublicPages(shown, clock, Words.load())


async def _write_beginning(
    ledger: LedgerStore, journal: Journal, history: History, party: str
) -> None:
    """Into the ledger: the end of the sessions that a dead center left open, and this start. On
    a disk that refuses, both wait."""
    history.close_left_open()
    for entry in await asyncio.to_thread(left_open, ledger):
        ended = {"kind": "session_closed", "reason": "center_restarted"}
        await journal.note(replace(entry, at_ms=journal.now_ms(), **ended))
    await journal.note(Entry(kind="started", at_ms=journal.now_ms(), party=party))


def _note_view(desk: Desk, session: Session) -> None:
    """A view that is opened for an incident stands in its timeline; the routine of a wall does
    not."""
    if session.purpose == INCIDENT_PURPOSE:
        owner = session.owner
        by = Person(account=owner.account, name=owner.name, unit=owner.unit)
        desk.note_view(session.site, session.camera, by)


def renew_certificate(config: CenterConfig, clock: Clock) -> None:
    """Renew the fabric's certificate if its day is nearly over and the center has the authority.

    The fabric notices new files by itself.
    """
    if config.authority is None:
        return
    ips = [name for name in config.names if _is_address(name)]
    dns = [name for name in config.names if not _is_address(name)]
    try:
        if ensure(config.tls, config.authority, "center", clock.now(), dns=dns, ips=ips):
            log.info("the fabric's certificate was renewed")
    except OSError as error:
        # What is there goes on serving, as long as its day lasts.
        log.error("the fabric's certificate cannot be renewed: %s", error.strerror or error)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _keep_certificate(config: CenterConfig, clock: Clock) -> None:
    while True:
        await asyncio.sleep(_CERTIFICATE_EVERY_S)
        await asyncio.to_thread(renew_certificate, config, clock)


async def _tick(
    sites: Sites,
    sessions: Sessions,
    reducer: Reducer,
    outages: Outages,
    watch: Health,
    desk: Desk,
) -> None:
    while True:
        sites.check_silence()
        outages.tick()
        sessions.keep_incidents(lambda: (one.number for one in desk.open_incidents()))
        sessions.tick()
        reducer.tick()
        watch.look()
        desk.tick()
        await asyncio.sleep(min(_TICK_S, max(_INSTANT_S, sessions.left_s())))


async def _make_room(
    entries: SiteEntries,
    history: History,
    names: Names,
    steps: Steps,
    glass: Glass,
    clock: Clock,
) -> None:
    while True:
        await asyncio.to_thread(entries.make_room)
        await asyncio.to_thread(history.make_room)
        await asyncio.to_thread(names.make_room)
        await asyncio.to_thread(glass.make_room)
        await asyncio.to_thread(steps.make_room, unix_ms(clock.now() - ALERTS_KEPT_S))
        await asyncio.sleep(_RETENTION_EVERY_S)


def gateways(roster: Roster) -> frozenset[str]:
    """The sites whose gateways the roster knows: nobody else may speak."""
    return frozenset(key.site for key in roster.document.keys if key.use == "gateway")


def zenoh_link(config: CenterConfig, sites: frozenset[str]) -> CenterLink:
    """The fabric as it is outside tests."""
    tls = TlsFiles(config.tls / "ca.pem", config.tls / "cert.pem", config.tls / "key.pem")
    return ZenohCenter(config.listen, tls, sites)
