"""The courier's link to the center: a Zenoh client that dials out and keeps dialing.

Zenoh itself reconnects when the center comes back; this module opens the session the first
time, and again when the certificate files were renewed.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import zenoh

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    BATCH_MAX_BYTES,
    COMMAND_MAX_BYTES,
    COMMAND_TIMEOUT_S,
    LIVE_MESSAGE_MAX_BYTES,
    PLAYBACK_FETCHES_AT_ONCE,
    RECEIPT_MAX_BYTES,
    STATE_MAX_BYTES,
)
from serambi.fabric import keys, profile
from serambi.fabric.addresses import ordered
from serambi.fabric.blocking import within
from serambi.fabric.flow import Flow
from serambi.fabric.hearing import until_deaf
from serambi.fabric.inbox import Inbox
from serambi.fabric.port import CommandHandler, FetchHandler, TlsFiles
from serambi.fabric.renewal import Renewal
from serambi.fabric.replies import FirstReply, content, give, let_go, refuse
from serambi.fabric.zenoh_playback import Playbacks, no_playbacks
from serambi.fabric.zenoh_session import OpenSession, close, shut

log = logging.getLogger(__name__)


@dataclass(slots=True)
class SiteCounts:
    """What crossed since the start; never what it said."""

    states: int = 0
    live_sent: int = 0
    live_sent_bytes: int = 0
    live_unwatched: int = 0
    commands: int = 0
    commands_refused: int = 0
    commands_crashed: int = 0


class ZenohSite:
    """The site's half of the port (`SiteLink`). Create it in a running event loop, then `run`."""

    def __init__(
        self,
        site: str,
        endpoints: tuple[str, ...],
        tls: TlsFiles,
        on_command: CommandHandler,
        on_fetch: FetchHandler = no_playbacks,
    ) -> None:
        self._site = keys.check_site(site)
        if not ordered(endpoints):
            raise SerambiError(
                Kind.BAD_INPUT, "no address of the center is given", where=f"site {site}"
            )
        self._endpoints = endpoints
        self._tls = tls
        self._on_command = on_command
        self.playbacks = Playbacks(self._site, on_fetch)
        self._open: OpenSession | None = None
        self._newest: bytes | None = None
        self._commands: asyncio.Queue[zenoh.Query] = asyncio.Queue(profile.COMMANDS_AT_ONCE)
        self._states: ThreadPoolExecutor | None = None
        self._pictures: ThreadPoolExecutor | None = None
        self._recalls: Counter[str] = Counter()
        self._purged = asyncio.Event()
        self._cut = asyncio.Event()
        self.counts = SiteCounts()

    @property
    def connected(self) -> bool:
        """Whether the center is reached now."""
        opened = self._open
        return opened is not None and bool(opened.session.info.routers_zid())

    @property
    def links(self) -> tuple[str, ...]:
        """The links in use, as Zenoh names them: for the log and for tests."""
        opened = self._open
        return () if opened is None else tuple(str(k.dst) for k in opened.session.info.links())

    async def run(self) -> None:
        # One thread each: messages keep their order, and a full link holds up pictures alone,
        # for as long as the profile's DROP bound.
        lanes = [ThreadPoolExecutor(1, thread_name_prefix=f"fabric-{n}") for n in ("say", "show")]
        self._states, self._pictures = lanes
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(profile.COMMANDS_AT_ONCE // 4):
                    group.create_task(self._answer_commands())
                group.create_task(self._look_after_purges())
                group.create_task(self.playbacks.run())
                group.create_task(self._stay_open())
        finally:
            self._states = self._pictures = None
            for lane in lanes:
                lane.shutdown(wait=False, cancel_futures=True)

    async def publish_state(self, raw: bytes) -> None:
        _bounded(raw, STATE_MAX_BYTES, "a state", self._site)
        self._newest = raw
        opened = self._open
        if opened is not None:
            key = keys.state(self._site)
            await _run_in(self._states, opened.put, key, profile.STATE_PRIORITY, raw)
            self.counts.states += 1

    def forget_state(self) -> None:
        self._newest = None

    async def submit_batch(self, raw: bytes, timeout_s: float) -> bytes:
        _bounded(raw, BATCH_MAX_BYTES, "a batch", self._site)
        opened = self._open
        if opened is None or not self.connected:
            raise self._unheard("the center is not reached")
        try:
            reply = await self._ask(opened, keys.ingest(self._site), raw, timeout_s)
        except zenoh.ZError as error:
            raise self._unheard(str(error)) from error
        if reply is None:
            raise self._unheard(f"no receipt within {timeout_s:g} s")
        return content(reply, RECEIPT_MAX_BYTES, f"site {self._site}")

    async def _ask(
        self, opened: OpenSession, key: str, raw: bytes | None, timeout_s: float
    ) -> zenoh.Reply | None:
        """The center's reply; None when none came in time. Raises ZError, UNAVAILABLE."""
        first = FirstReply(asyncio.get_running_loop())

        def get() -> None:
            opened.session.get(
                key,
                first.handler(),
                payload=raw,
                timeout=timeout_s,
                consolidation=zenoh.ConsolidationMode.NONE,
                # What finds no room is asked again later; it holds up nobody.
                congestion_control=zenoh.CongestionControl.DROP,
                priority=profile.BATCH_PRIORITY,
            )

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s + profile.OPEN_LIMIT_S / 10):
                await within(timeout_s, get, "asking the center")
                return await first.wait()
        return None

    async def _heard(self, opened: OpenSession) -> bool:
        key = keys.echo(self._site)
        with contextlib.suppress(zenoh.ZError, SerambiError):
            reply = await self._ask(opened, key, None, profile.ECHO_LIMIT_S)
            return reply is not None and reply.ok is not None
        return False

    def _unheard(self, why: str) -> SerambiError:
        return SerambiError(Kind.UNAVAILABLE, why, where=f"site {self._site}", hint="it is retried")

    async def publish_live(self, camera: str, stream: str, message: bytes) -> None:
        where = f"site {self._site}, camera {camera}, stream {stream}"
        _bounded(message, LIVE_MESSAGE_MAX_BYTES, "a live message", where)
        key = keys.live(self._site, camera, stream)
        opened = self._open
        if opened is None:
            self.counts.live_unwatched += 1
            return
        recalls = self._recalled(camera, stream)
        await opened.flow.room()
        if await _run_in(
            self._pictures,
            opened.put,
            key,
            profile.LIVE_PRIORITY,
            message,
            lambda: self._recalled(camera, stream) == recalls,
        ):
            opened.flow.sent(len(message))
            self.counts.live_sent += 1
            self.counts.live_sent_bytes += len(message)
        else:
            self.counts.live_unwatched += 1

    def purge(self, camera: str, stream: str | None) -> None:
        self._recalls[camera if stream is None else f"{camera}/{stream}"] += 1
        self._purged.set()

    def _recalled(self, camera: str, stream: str) -> int:
        return self._recalls[camera] + self._recalls[f"{camera}/{stream}"]

    async def _look_after_purges(self) -> None:
        """What has left must arrive soon; else the session ends, and with it all that still waits
        inside Zenoh and QUIC. The center is not asked whether it likes that."""
        while True:
            await self._purged.wait()
            self._purged.clear()
            opened = self._open
            if opened is None:
                continue
            try:
                async with asyncio.timeout(profile.PURGE_LIMIT_S):
                    await opened.flow.arrived(opened.flow.sent_bytes)
                    await self.playbacks.settled(opened.session)
            except (TimeoutError, zenoh.ZError, SerambiError):
                if self._open is opened:
                    log.warning("site %s: the link is behind a Stop and is cut", self._site)
                    self._cut.set()

    def _ask_echo(self, opened: OpenSession, number: int) -> None:
        """Behind the pictures: in their lane, at their priority."""
        loop = asyncio.get_running_loop()

        def heard(came: bool) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(lambda: opened.flow.echoed(number, came=came))

        def answer(reply: zenoh.Reply) -> None:
            heard(reply.ok is not None)

        def ask() -> None:
            try:
                opened.session.get(
                    keys.echo(self._site),
                    zenoh.handlers.Callback(answer, lambda: heard(False)),
                    timeout=profile.ECHO_LIMIT_S,
                    consolidation=zenoh.ConsolidationMode.NONE,
                    congestion_control=zenoh.CongestionControl.DROP,
                    priority=profile.ECHO_PRIORITY,
                )
            except zenoh.ZError:
                heard(False)

        if self._pictures is not None:
            self._pictures.submit(ask)

    async def _stay_open(self) -> None:
        """Open, wait until certificates are renewed, close, again."""
        wait_s = profile.RETRY_FIRST_S
        while True:
            renewal = Renewal(self._tls)
            try:
                session = await self._connect()
            except SerambiError as error:
                log.warning("%s", error)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, profile.RETRY_MAX_S)
                continue
            wait_s = profile.RETRY_FIRST_S
            opened = self._opened(session)
            loop = asyncio.get_running_loop()
            inbox = Inbox(loop, self._take, profile.COMMANDS_AT_ONCE)
            fetches = Inbox(loop, self.playbacks.take, PLAYBACK_FETCHES_AT_ONCE)
            declare = partial(self._declare, opened, inbox, fetches)
            try:
                await within(profile.OPEN_LIMIT_S, declare, "declaring")
                self._open = opened
                log.info("site %s: connected over %s", self._site, ", ".join(self.links))
                await self._until_reopen(opened, renewal)
                log.info("site %s: reconnecting", self._site)
            except zenoh.ZError as error:
                log.warning("site %s: the session failed: %s", self._site, error)
            finally:
                self._open = None
                inbox.close()
                fetches.close()
                await close(session)

    def _opened(self, session: zenoh.Session) -> OpenSession:
        loop = asyncio.get_running_loop()
        self._cut.clear()
        opened = OpenSession(
            self._site, session, Flow(loop.time, lambda number: self._ask_echo(opened, number))
        )
        return opened

    async def _until_reopen(self, opened: OpenSession, renewal: Renewal) -> None:
        """Until the certificates are renewed, the link is to be cut, or the center is deaf."""
        reasons = (renewal.wait(), self._await_cut(), self._await_deaf(opened))
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(reason) for reason in reasons]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _await_cut(self) -> None:
        await self._cut.wait()

    async def _await_deaf(self, opened: OpenSession) -> None:
        await until_deaf(lambda: self.connected, partial(self._heard, opened))
        log.warning("site %s: the center answers nothing over a link that stands", self._site)

    async def _connect(self) -> zenoh.Session:
        where = f"site {self._site}"
        hint = f"check the network and {self._tls.cert.parent}; it is tried again"
        # Every address may take its whole time limit, a pair of links twice.
        limit_s = profile.OPEN_LIMIT_S * (2 * len(self._endpoints) + 1)
        try:
            return await within(
                limit_s,
                lambda: zenoh.open(profile.site_config(self._endpoints, self._tls)),
                "connecting to the center",
                late=shut,
            )
        except zenoh.ZError as error:
            raise SerambiError(
                Kind.UNAVAILABLE, f"the center is not reached: {error}", where=where, hint=hint
            ) from error

    def _declare(
        self, opened: OpenSession, inbox: Inbox[zenoh.Query], fetches: Inbox[zenoh.Query]
    ) -> None:
        session = opened.session
        opened.held.append(session.declare_queryable(keys.command(self._site), inbox.put))
        opened.held.append(session.declare_queryable(keys.playbacks(self._site), fetches.put))
        opened.held.append(session.declare_queryable(keys.state(self._site), self._give_state))
        # Last: who sees the token may send commands at once.
        opened.held.append(session.liveliness().declare_token(keys.here(self._site)))

    def _give_state(self, query: zenoh.Query) -> None:
        newest = self._newest
        with query:
            if newest is not None:
                query.reply(keys.state(self._site), newest)

    def _take(self, query: zenoh.Query) -> None:
        try:
            self._commands.put_nowait(query)
        except asyncio.QueueFull:
            self.counts.commands_refused += 1
            let_go(query)

    async def _answer_commands(self) -> None:
        """One after the other; whatever becomes of one, the next is answered on the same link."""
        while True:
            query = await self._commands.get()
            try:
                await self._answer(query)
            except (zenoh.ZError, SerambiError) as error:
                log.warning("site %s: an answer was not sent: %s", self._site, error)
            except Exception:  # supervised, as a task of its own would be
                self.counts.commands_crashed += 1
                log.exception("site %s: a command crashed", self._site)
            finally:
                # The asker hears at once that no answer will come.
                let_go(query)

    async def _answer(self, query: zenoh.Query) -> None:
        payload = query.payload
        raw = b"" if payload is None else payload.to_bytes()
        self.counts.commands += 1
        try:
            _bounded(raw, COMMAND_MAX_BYTES, "a command", self._site)
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                answer = await self._on_command(raw)
            _bounded(answer, COMMAND_MAX_BYTES, "an answer", self._site)
        except (SerambiError, TimeoutError) as error:
            self.counts.commands_refused += 1
            text = str(error) or "the keeper gave no answer in time"
            await within(profile.OPEN_LIMIT_S, lambda: refuse(query, text), "answering")
            return
        key = keys.command(self._site)
        await within(profile.OPEN_LIMIT_S, lambda: give(query, key, answer), "answering")


async def _run_in(
    lane: ThreadPoolExecutor | None, call: Callable[..., bool], *arguments: object
) -> bool:
    if lane is None:
        return False
    return await asyncio.get_running_loop().run_in_executor(lane, call, *arguments)


def _bounded(raw: bytes, limit_bytes: int, what: str, where: str) -> None:
    if len(raw) > limit_bytes:
        raise SerambiError(
            Kind.LIMIT,
            f"{what} is {len(raw)} bytes, more than the {limit_bytes} allowed",
            where=where,
        )
