"""The keeper itself: cameras, documents, sessions and the socket to the courier, joined.

What may leave is decided in agreement/decide and let out in release.py; here the parts are wired
and the clockwork runs that looks again at every open view.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

from serambi.agreement.decide import Ask, State, clock_is_sane, decide
from serambi.base.canonical import encode
from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    CLOCK_SKEW_MAX_S,
    LEDGER_PUBLISH_EVERY_S,
    RECONSIDER_EVERY_S,
    STATE_EVERY_S,
    VOUCHED_LOOK_EVERY_S,
)
from serambi.base.tasks import keep_running
from serambi.camera.source import OpenSource
from serambi.fabric.messages import (
    COSIGNED_TYPE,
    REPLY_TYPE,
    REQUEST_TYPE,
    STATE_TYPE,
    Reply,
    SiteState,
)
from serambi.fabric.uplink import UplinkServer
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.keeper.analysis.lookout import Lookout
from serambi.keeper.cleaning import Cleaning
from serambi.keeper.clock import trouble as clock_trouble
from serambi.keeper.config import KeeperConfig
from serambi.keeper.delivery import Delivery
from serambi.keeper.documents import Accepted, Documents
from serambi.keeper.durable import SITE, Durable
from serambi.keeper.glass import Glass
from serambi.keeper.hub import Hub
from serambi.keeper.inbox import Inbox
from serambi.keeper.journal import Journal
from serambi.keeper.own_key import open_ledger, say_whose_key
from serambi.keeper.playback import Playback
from serambi.keeper.release import Answering, Release
from serambi.keeper.report import Report
from serambi.keeper.session import Outcome, Stopped
from serambi.keeper.sessions import Sessions
from serambi.keeper.warnings import Warnings
from serambi.keeper.watch import CameraWatch
from serambi.ledger.names import Names
from serambi.ledger.notice import is_notice
from serambi.ledger.store import LedgerStore
from serambi.ledger.vouched import Vouched
from serambi.recording.archive import Archive

log = logging.getLogger(__name__)

_HIGH_WATER_EVERY_S = 10.0
_INSTANT_S = 0.001
_RETENTION_EVERY_S = 60.0


class Keeper:
    """One site's keeper. Create it inside a running event loop, `run` it, then `close` it."""

    def __init__(
        self,
        config: KeeperConfig,
        clock: Clock,
        open_source: OpenSource | None = None,
        store: LedgerStore | None = None,
    ) -> None:
        """`store`: its ledger, opened already; it is closed with the keeper."""
        self.config = config
        self.clock = clock
        self.key = SigningKey.load(config.folder / "key")
        self.durable = Durable(config.folder)
        self._loop = asyncio.get_running_loop()
        self._hurry = asyncio.Event()
        self.documents = Documents(
            config.folder, config.site, config.roster, config.genesis, clock, self._look_now
        )
        say_whose_key(config, self.documents.roster, self.key)
        store = store or open_ledger(config, clock)
        names = Names(config.folder / "names", clock, config.keep_names_s)
        self.journal = Journal(store, names, config.site, self.durable.salt)
        self.glass = Glass(config.folder, self.durable.salt, clock, self.journal)
        self.vouched = Vouched(
            config.folder / "ledger",
            config.origin,
            self.key.public,
            lambda: self.documents.roster,
            store,
            clock.now(),
        )
        self.uplink = UplinkServer(
            config.folder / "courier.sock", self._on_command, self._on_link, self._on_fetch
        )
        self.delivery = Delivery(
            config.folder,
            config.site,
            store,
            self.key,
            lambda: self.documents.roster,
            lambda: bool(self.report.shared(self.state())),
            self.uplink.submit,
        )
        self.warnings = Warnings(config.folder, config.origin, clock)
        self.release = Release(self.uplink, clock)
        self.hub = Hub(self._loop, self._offer, self.release.is_open)
        self.lookout = Lookout(
            config,
            clock,
            self.journal,
            self.documents,
            agreement_of=self._agreement_of,
            gives_alerts=self._gives_alerts,
            changed=self._view_changed,
        )
        self.watch = CameraWatch(config, self.hub, clock, open_source, self.lookout.push)
        self.report = Report(config, clock, self.watch.watched)
        self._changed = asyncio.Event()
        self.sessions = self._no_sessions()
        self.cleaning = Cleaning(self.watch, self.journal, clock, self.site_state)
        self.last_stop: Stopped | None = None
        self.last_picture = 0.0
        self.center_lost = clock.now()
        self._documents_turn = asyncio.Lock()
        self.inbox = Inbox(config.folder / "inbox", self.accept, clock)

    def _no_sessions(self) -> Sessions:
        return Sessions(
            site=self.config.site,
            roster=lambda: self.documents.roster,
            state=self.state,
            release=self.release,
            prelude=self.hub.prelude,
            journal=self.journal,
            glass=self.glass,
            clock=self.clock,
            changed=self._changed.set,
            playback=Playback(Archive(self.watch.recordings, self.watch.index), self.journal),
        )

    # -- what is true now ---------------------------------------------------------------

    def state(self) -> State:
        """Everything the decision rests on, as of now."""
        now = self.clock.now()
        sane = clock_is_sane(now, self.durable.clock_high_water)
        self.durable.see_clock(now)
        state = self.documents.state(
            stops=self.durable.stops,
            suspensions=self.lookout.suspended(),
            clock_ok=sane,
            seen_at=self.vouched.seen_at,
        )
        known = {c.id for c in self.config.cameras if c.facing != "inside"}
        attestations = {c: signed for c, signed in state.attestations.items() if c in known}
        return replace(state, attestations=attestations, justify_by=self.glass.justify_by())

    def _agreement_of(self, camera: str) -> str:
        return next((c.agreement for c in self.site_state().cameras if c.id == camera), "")

    def _gives_alerts(self, camera: str) -> str:
        state = self.state()
        for signed, known in self.report.shared(state):
            if known.id == camera:
                agreement = signed.agreement
                ask = Ask(camera, "alerts", agreement.purposes[0].id, agreement.viewer)
                decision = decide(state, ask, self.clock.now())
                return decision.agreement if decision.allowed else ""
        return ""

    def _view_changed(self) -> None:
        self._hurry.set()
        self._changed.set()
        self.delivery.wake()

    def site_state(self) -> SiteState:
        """What the center is told."""
        sessions = [session.session for session in self.sessions.all()]
        checkpoint = self.journal.store.signed.decode()
        return self.report.build(self.state(), sessions, checkpoint)

    def lamp(self) -> str:
        """`stopped`, `unknown` (views open, the center silent), `on` or `none`."""
        if SITE in self.durable.stops:
            return "stopped"
        if not self.sessions.all():
            return "none"
        return "unknown" if self.center_lost else "on"

    @property
    def clock_trouble(self) -> str:
        """Why the date is not believed, and what to do; empty while it is."""
        now, seen = self.clock.now(), self.durable.clock_high_water
        return "" if clock_is_sane(now, seen) else clock_trouble(self.config, seen - now)

    @property
    def disk_refuses(self) -> bool:
        """Whether something waits that the disk has not taken."""
        return self.journal.refused or self.journal.unpublished or self.durable.refused

    # -- the owner's hand ---------------------------------------------------------------

    async def stop(self, camera: str | None) -> Stopped:
        """Stop one camera or the whole site: shut at once, remembered and written down.

        Raises UNAVAILABLE when the disk refuses; the views are then closed all the same and the
        stop holds, but perhaps not through a restart."""
        key = camera or SITE
        self.durable.hold(key, self.clock.now())
        cameras = [camera] if camera else [c.id for c in self.config.cameras]
        stopped, failed = await asyncio.gather(self.sessions.stop(cameras), self._save())
        self.last_stop = stopped
        if not await self._journal_of_owner("stopped", camera) or failed:
            raise SerambiError(
                Kind.UNAVAILABLE,
                "sharing is stopped and no picture goes out, but the disk refused to keep it",
                where=f"site {self.config.site}",
                hint="free space on this box before it restarts; then press Stop once more",
            ) from failed
        return stopped

    async def _save(self) -> SerambiError | None:
        try:
            await asyncio.to_thread(self.durable.save)
        except SerambiError as error:
            return error
        return None

    async def resume(self, camera: str | None) -> None:
        """Lift a stop. Views do not come back by themselves; they may be asked for again."""
        await asyncio.to_thread(self.durable.resume, camera or SITE)
        await self._journal_of_owner("resumed", camera)

    async def _journal_of_owner(
        self, kind: Literal["stopped", "resumed"], camera: str | None
    ) -> bool:
        agreement = self._agreement_of(camera or "")
        self._changed.set()
        return await self.journal.note(
            self.journal.entry(
                kind, camera=camera or "", agreement=agreement, party=self.config.owner
            )
        )

    # -- documents ----------------------------------------------------------------------

    async def accept(self, raw: bytes) -> Accepted:
        """Take a signed document from wherever it comes; raises `SerambiError` if not believed."""
        try:
            async with self._documents_turn:
                accepted = await asyncio.to_thread(self.documents.accept, raw)
        finally:
            # Closing comes before writing: a revocation acts even when the disk is full.
            await self.sessions.reconsider()
        if accepted.kind == "roster_accepted":
            say_whose_key(self.config, self.documents.roster, self.key)
        if accepted.kind:
            await self.journal.note(
                self.journal.entry(
                    accepted.kind,
                    agreement=accepted.agreement,
                    party=accepted.party,
                    detail=accepted.digest,
                )
            )
        self._changed.set()
        return accepted

    # -- the courier --------------------------------------------------------------------

    async def _on_command(self, raw: bytes) -> bytes:
        """A request, a document or a party's cosignature from the center -> a signed reply,
        whatever it was."""
        try:
            envelope = dsse.load(raw)
            kind = envelope.payload_type
        except SerambiError:
            kind = REQUEST_TYPE
        if kind == REQUEST_TYPE:
            outcome = await self.sessions.handle(raw)
        elif kind == COSIGNED_TYPE:
            outcome = await self._cosigned(envelope.payload)
        else:
            outcome = await self._document_outcome(raw)
        return self._seal(REPLY_TYPE, self._reply(outcome))

    async def _on_fetch(self, raw: bytes, answer: Answering) -> None:
        await self.sessions.fetch(raw, answer)

    async def _document_outcome(self, raw: bytes) -> Outcome:
        try:
            if is_notice(raw):
                self.warnings.hear(raw, self.documents.roster)
                return Outcome(True, "allowed")
            accepted = await self.accept(raw)
        except SerambiError as error:
            log.warning("a document from the center is refused: %s", error)
            return Outcome(False, str(error))
        return Outcome(True, "allowed", agreement=accepted.agreement)

    async def _cosigned(self, note: bytes) -> Outcome:
        try:
            await asyncio.to_thread(self.vouched.accept, note, self.clock.now())
        except SerambiError as error:
            log.warning("a cosignature is refused: %s", error)
            return Outcome(False, str(error))
        self._hurry.set()
        return Outcome(True, "allowed")

    def _reply(self, outcome: Outcome) -> Reply:
        return Reply(
            site=self.config.site,
            nonce=outcome.nonce,
            session=outcome.session,
            allowed=outcome.allowed,
            reason=str(outcome.reason),
            agreement=outcome.agreement,
            until_ms=unix_ms(outcome.until),
            seq=self.report.next_seq(),
            spans=outcome.recorded.spans,
            gaps=outcome.recorded.gaps,
        )

    def _seal(self, payload_type: str, message: object) -> bytes:
        return dsse.dump(dsse.sign(payload_type, encode(message), [self.key]))

    def _offer(self, camera: str, stream: str, message: bytes, key: bool) -> None:
        if self.release.is_open(camera, stream):
            self.last_picture = self.clock.now()
            self.release.offer(camera, stream, message, key=key)

    # -- the clockwork ------------------------------------------------------------------

    async def run(self) -> None:
        """Run until cancelled. Each part is supervised: one that crashes starts again."""
        await self._begin()
        async with asyncio.TaskGroup() as group:
            for name, work in (
                ("socket to the courier", self.uplink.run),
                ("state", self._tell),
                ("history", self.delivery.run),
                ("sessions", self._look_again),
                ("inbox", self._every(STATE_EVERY_S, self.inbox.read)),
                ("views", self.lookout.run),
                ("ledger", self._every(LEDGER_PUBLISH_EVERY_S, self.journal.publish)),
                ("witnesses", self._every(VOUCHED_LOOK_EVERY_S, self._look_who_saw)),
                ("clock", self._every(_HIGH_WATER_EVERY_S, self._see_clock)),
                ("retention", self._every(_RETENTION_EVERY_S, self.cleaning.make_room)),
            ):
                group.create_task(keep_running(name, work))

    def _on_link(self, up: bool) -> None:
        if up:
            if self.center_lost:
                # The center takes the site for back when it hears a state.
                self._changed.set()
                self.delivery.wake()
            self.center_lost = 0.0
        elif not self.center_lost:
            self.center_lost = self.clock.now()

    async def _begin(self) -> None:
        if self.clock_trouble:
            log.warning("nothing is shared: %s", self.clock_trouble)
        await self._recall_stops()
        await self.journal.begin()
        await self._look_who_saw()
        self.watch.start()

    async def _recall_stops(self) -> None:
        """A Stop on a full disk stands in the ledger, for which there is room, and perhaps nowhere
        else. The file was last written when it saw its latest time."""
        since = self.durable.clock_high_water - CLOCK_SKEW_MAX_S
        cameras = [camera.id for camera in self.config.cameras]
        stops = await asyncio.to_thread(self.journal.stops_since, since, cameras)
        for camera, at in stops.items():
            self.durable.hold(camera or SITE, at)
        if stops and (failed := await self._save()):
            log.warning("%s", failed)

    def _every(
        self, period_s: float, step: Callable[[], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            while True:
                await step()
                await asyncio.sleep(period_s)

        return work

    async def _look_again(self) -> None:
        """Ten times a second, at the instant at which a view is over, and when told to hurry."""
        while True:
            self._hurry.clear()
            await self.sessions.reconsider()
            await self.sessions.flush_refusals()
            left_s = self.sessions.next_end() - self.clock.now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(RECONSIDER_EVERY_S, max(_INSTANT_S, left_s))):
                    await self._hurry.wait()

    def _look_now(self) -> None:
        """From any thread: a document has closed something, and is still being kept."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it every view
            self._loop.call_soon_threadsafe(self._hurry.set)

    async def _look_who_saw(self) -> None:
        await asyncio.to_thread(self.vouched.look)
        await asyncio.to_thread(self.warnings.look, self.documents.forks, self.vouched.alarm)

    async def _catch_up(self) -> None:
        """What a full disk refused is written as soon as it takes it."""
        if self.journal.owed:
            await self.journal.note()
        if failed := await self._save():
            log.warning("%s", failed)
        try:
            await asyncio.to_thread(self.vouched.save)
        except OSError as error:
            log.warning("the parties' cosignatures cannot be kept: %s", error.strerror)

    async def _see_clock(self) -> None:
        self.durable.see_clock(self.clock.now())
        await self._catch_up()

    async def _tell(self) -> None:
        """Send the state at every change and every second."""
        while True:
            self.uplink.send_state(self._seal(STATE_TYPE, self.site_state()))
            with contextlib.suppress(TimeoutError):
                # Not `wait_for`: in Python 3.11 it may swallow a cancellation.
                async with asyncio.timeout(STATE_EVERY_S):
                    await self._changed.wait()
            self._changed.clear()

    def close(self) -> None:
        """Files and threads; after `run` has ended."""
        self.watch.close()
        self.journal.store.close()
