"""The center's end: a Zenoh router inside this process, and what the center asks of it."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import zenoh

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    BATCH_MAX_BYTES,
    COMMAND_MAX_BYTES,
    LIVE_MESSAGE_MAX_BYTES,
    PLAYBACK_FETCH_TIMEOUT_S,
    PLAYBACK_WINDOW_MAX_BYTES,
    STATE_MAX_BYTES,
    VIEWER_QUEUE_MESSAGES,
)
from serambi.fabric import keys, profile
from serambi.fabric.blocking import within
from serambi.fabric.inbox import Inbox, RingWatch
from serambi.fabric.port import BatchHandler, PresenceHandler, StateHandler, TlsFiles
from serambi.fabric.renewal import Renewal
from serambi.fabric.replies import FirstReply, content, give, refuse
from serambi.fabric.zenoh_session import close, shut

log = logging.getLogger(__name__)


class _Stream:
    """One subscription, however many watch it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.watches: set[RingWatch] = set()
        self.inbox: Inbox[zenoh.Sample] = Inbox(loop, self._spread, VIEWER_QUEUE_MESSAGES)
        self.subscriber: zenoh.Subscriber[None] | None = None
        self.ended = False

    def _spread(self, sample: zenoh.Sample) -> None:
        if len(sample.payload) > LIVE_MESSAGE_MAX_BYTES:
            return
        message = sample.payload.to_bytes()
        for watch in tuple(self.watches):
            watch.push(message)


class ZenohCenter:
    """The center's half of the port (`CenterLink`). Create it in a running event loop, then `run`.

    `sites` are the only certificate names that may speak; `set_sites` changes them.
    """

    def __init__(self, listen: tuple[str, ...], tls: TlsFiles, sites: frozenset[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listen = listen
        self._tls = tls
        self._sites = frozenset(keys.check_site(site) for site in sites)
        self._session: zenoh.Session | None = None
        self._streams: dict[str, _Stream] = {}
        self._on_state: list[StateHandler] = []
        self._on_presence: list[PresenceHandler] = []
        self._on_batch: BatchHandler | None = None
        self._batches: asyncio.Queue[tuple[str, zenoh.Query]] = asyncio.Queue(
            profile.BATCHES_WAITING
        )
        self._inboxes: list[Inbox[zenoh.Sample] | Inbox[zenoh.Query]] = []
        self._held: list[object] = []
        self._reopen = asyncio.Event()
        self._ready = asyncio.Event()
        self._lane: ThreadPoolExecutor | None = None

    def on_state(self, handler: StateHandler) -> None:
        self._on_state.append(handler)

    def on_presence(self, handler: PresenceHandler) -> None:
        self._on_presence.append(handler)

    def on_batch(self, handler: BatchHandler) -> None:
        self._on_batch = handler

    def set_sites(self, sites: frozenset[str]) -> None:
        """Replace the sites that may speak: the router is opened anew, couriers come back."""
        sites = frozenset(keys.check_site(site) for site in sites)
        if sites != self._sites:
            self._sites = sites
            self._reopen.set()

    async def ready(self) -> None:
        """Return once the router listens."""
        await self._ready.wait()

    async def run(self) -> None:
        # One thread: a command never overtakes the subscription that was made before it.
        lane = self._lane = ThreadPoolExecutor(1, thread_name_prefix="fabric-center")
        failed: list[Exception] = []
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(profile.BATCHES_AT_ONCE):
                    group.create_task(self._answer_batches())
                await self._stay_open()
        except* SerambiError as trouble:
            failed += trouble.exceptions
        finally:
            self._lane = None
            lane.shutdown(wait=False, cancel_futures=True)
        for error in failed:
            raise error

    async def _stay_open(self) -> None:
        first = True
        while True:
            renewal = Renewal(self._tls)
            self._reopen.clear()
            session = await (self._listen_now() if first else self._listen_again())
            first = False
            try:
                await self._in_lane(self._declare, session)
                self._session = session
                self._ready.set()
                await self._until_reopen(renewal)
                log.info("the fabric is opened anew: sites or certificates changed")
            finally:
                self._session = None
                self._ready.clear()
                self._forget()
                await close(session)

    async def _until_reopen(self, renewal: Renewal) -> None:
        async with asyncio.TaskGroup() as group:
            waits = [
                group.create_task(renewal.wait()),
                group.create_task(self._wait_reopen()),
            ]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _wait_reopen(self) -> None:
        await self._reopen.wait()

    async def _listen_again(self) -> zenoh.Session:
        """Zenoh frees a QUIC port only some time after its session was closed."""
        deadline_s = self._loop.time() + profile.REOPEN_LIMIT_S
        while True:
            try:
                return await self._listen_now()
            except SerambiError:
                if self._loop.time() > deadline_s:
                    raise
            await asyncio.sleep(profile.RETRY_FIRST_S / 5)

    async def _listen_now(self) -> zenoh.Session:
        config = profile.center_config(self._listen, self._tls, self._sites)
        try:
            return await within(
                2 * profile.OPEN_LIMIT_S,
                lambda: zenoh.open(config),
                "opening the fabric",
                late=shut,
            )
        except zenoh.ZError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the fabric cannot listen: {error}",
                where=", ".join(self._listen),
                hint=f"free the port or check the certificates in {self._tls.cert.parent}",
            ) from error

    def _declare(self, session: zenoh.Session) -> None:
        """In the lane: everything that this center listens to, on a fresh session."""
        for site in sorted(self._sites):
            self._hear_site(session, site)
        for key, stream in list(self._streams.items()):
            self._hear_stream(session, key, stream)

    def _hear_site(self, session: zenoh.Session, site: str) -> None:
        def state(sample: zenoh.Sample) -> None:
            if len(sample.payload) <= STATE_MAX_BYTES:
                for handler in self._on_state:
                    handler(site, sample.payload.to_bytes())

        def presence(sample: zenoh.Sample) -> None:
            for handler in self._on_presence:
                handler(site, sample.kind == zenoh.SampleKind.PUT)

        states = Inbox(self._loop, state, profile.STATE_INBOX)
        arrivals = Inbox(self._loop, presence, profile.PRESENCE_INBOX)
        batches = Inbox(self._loop, partial(self._take_batch, site), profile.BATCH_INBOX)
        self._inboxes += [states, arrivals, batches]
        # Zenoh withdraws a subscription that nobody holds.
        self._held += [
            session.declare_subscriber(keys.state(site), states.put),
            session.liveliness().declare_subscriber(keys.here(site), arrivals.put, history=True),
            session.declare_queryable(keys.ingest(site), batches.put),
            session.declare_queryable(keys.echo(site), _echo),
        ]

    def _take_batch(self, site: str, query: zenoh.Query) -> None:
        try:
            self._batches.put_nowait((site, query))
        except asyncio.QueueFull:
            # No receipt: the site sends it again, later.
            query.drop()  # type: ignore[no-untyped-call]

    async def _answer_batches(self) -> None:
        while True:
            site, query = await self._batches.get()
            try:
                await self._answer_batch(site, query)
            except (zenoh.ZError, SerambiError) as error:
                log.warning("site %s: a receipt was not sent: %s", site, error)

    async def _answer_batch(self, site: str, query: zenoh.Query) -> None:
        payload = query.payload
        raw = b"" if payload is None else payload.to_bytes()
        try:
            if self._on_batch is None or len(raw) > BATCH_MAX_BYTES:
                raise SerambiError(Kind.LIMIT, f"a batch of {len(raw)} bytes is not taken")
            receipt = await self._on_batch(site, raw)
        except SerambiError as error:
            log.warning("site %s: a batch is refused: %s", site, error)
            text = error.what
            await within(profile.OPEN_LIMIT_S, lambda: refuse(query, text), "answering")
            return
        key = keys.ingest(site)
        await within(profile.OPEN_LIMIT_S, lambda: give(query, key, receipt), "answering")

    def _hear_stream(self, session: zenoh.Session, key: str, stream: _Stream) -> None:
        if not stream.ended:
            stream.subscriber = session.declare_subscriber(key, stream.inbox.put)

    def _forget(self) -> None:
        """The session is gone, and with it every courier."""
        for inbox in self._inboxes:
            inbox.close()
        self._inboxes.clear()
        self._held.clear()
        for site in sorted(self._sites):
            for handler in self._on_presence:
                handler(site, False)

    def watch(self, site: str, camera: str, stream: str) -> RingWatch:
        key = keys.live(site, camera, stream)
        entry = self._streams.get(key)
        if entry is None:
            entry = self._streams[key] = _Stream(self._loop)
            if self._session is not None:
                self._submit(self._hear_stream, self._session, key, entry)
        watch = RingWatch(VIEWER_QUEUE_MESSAGES, lambda gone: self._leave(key, gone))
        entry.watches.add(watch)
        return watch

    def _leave(self, key: str, watch: RingWatch) -> None:
        entry = self._streams.get(key)
        if entry is None:
            return
        entry.watches.discard(watch)
        if not entry.watches:
            del self._streams[key]
            entry.ended = True
            entry.inbox.close()
            self._submit(_undeclare, entry)

    def _submit(self, call: Callable[..., None], *arguments: object) -> None:
        if self._lane is not None:
            self._lane.submit(self._quietly, call, *arguments)

    def _quietly(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            call(*arguments)
        except zenoh.ZError as error:
            # The session was closed in between; the next one declares what is still watched.
            log.debug("not declared: %s", error)

    async def command(self, site: str, raw: bytes, timeout_s: float) -> bytes:
        if len(raw) > COMMAND_MAX_BYTES:
            raise SerambiError(
                Kind.LIMIT,
                f"a command is {len(raw)} bytes, more than the {COMMAND_MAX_BYTES} allowed",
                where=f"site {site}",
            )
        return await self._ask(site, keys.command(site), raw, COMMAND_MAX_BYTES, timeout_s)

    async def fetch(self, site: str, camera: str, session: str, raw: bytes) -> bytes:
        key = keys.playback(site, camera, session)
        return await self._ask(
            site,
            key,
            raw,
            PLAYBACK_WINDOW_MAX_BYTES,
            PLAYBACK_FETCH_TIMEOUT_S,
            profile.PLAYBACK_PRIORITY,
        )

    async def newest_state(self, site: str, timeout_s: float) -> bytes:
        """The state that the courier holds now. Raises UNAVAILABLE when it gives none."""
        return await self._ask(site, keys.state(site), None, STATE_MAX_BYTES, timeout_s)

    async def _ask(
        self,
        site: str,
        key: str,
        raw: bytes | None,
        limit_bytes: int,
        timeout_s: float,
        priority: zenoh.Priority = profile.COMMAND_PRIORITY,
    ) -> bytes:
        session = self._session
        if session is None or site not in self._sites:
            why = "the fabric is not open" if session is None else "the site is not in the roster"
            raise _silent(site, why)
        first = FirstReply(self._loop)

        def get() -> None:
            session.get(
                key,
                first.handler(),
                payload=raw,
                timeout=timeout_s,
                consolidation=zenoh.ConsolidationMode.NONE,
                congestion_control=zenoh.CongestionControl.BLOCK,
                priority=priority,
            )

        reply = None
        try:
            async with asyncio.timeout(timeout_s + profile.OPEN_LIMIT_S / 10):
                await self._in_lane(get)
                reply = await first.wait()
            if reply is not None:
                return content(reply, limit_bytes, f"site {site}")
        except TimeoutError:
            pass
        except zenoh.ZError as error:
            raise _silent(site, f"the fabric failed: {error}") from error
        except SerambiError as error:
            if error.kind is Kind.UNAVAILABLE:
                raise _silent(site, error.what) from error
            raise
        raise _silent(site, f"no answer within {timeout_s:g} s")

    async def _in_lane(self, call: Callable[..., None], *arguments: object) -> None:
        if self._lane is None:
            raise SerambiError(Kind.UNAVAILABLE, "the fabric is closed", hint="start the center")
        await self._loop.run_in_executor(self._lane, call, *arguments)


def _silent(site: str, why: str) -> SerambiError:
    return SerambiError(
        Kind.UNAVAILABLE,
        f"the site did not answer: {why}",
        where=f"site {site}",
        hint="see whether its courier and keeper run and reach the center, then try again",
    )


def _echo(query: zenoh.Query) -> None:
    """So the site knows that what it sent before has arrived. Nothing to do, so done at once."""
    with query:
        query.reply(query.key_expr, b"")


def _undeclare(entry: _Stream) -> None:
    if entry.subscriber is not None:
        entry.subscriber.undeclare()  # type: ignore[no-untyped-call]
