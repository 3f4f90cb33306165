"""The site's end of playbacks: questions for windows of recorded pictures, a few at a time.

A window that Zenoh has taken cannot be taken back. So that a Stop need not: all of them are known
to have arrived soon after it, or the link is cut (`settled`).
"""

import asyncio
import logging
import time

import zenoh

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    COMMAND_MAX_BYTES,
    PLAYBACK_FETCHES_AT_ONCE,
    PLAYBACK_WINDOW_MAX_BYTES,
)
from serambi.fabric import keys, profile
from serambi.fabric.blocking import within
from serambi.fabric.port import FetchHandler
from serambi.fabric.replies import FirstReply, give, let_go, refuse

log = logging.getLogger(__name__)


async def no_playbacks(camera: str, session: str, raw: bytes) -> bytes:
    """For a site without recordings."""
    raise SerambiError(Kind.UNAVAILABLE, "no recordings are served here")


class Playbacks:
    """Answers what is put into it with what `on_fetch` gives. Lives on the event loop."""

    def __init__(self, site: str, on_fetch: FetchHandler) -> None:
        self._site = site
        self._on_fetch = on_fetch
        self._waiting: asyncio.Queue[zenoh.Query] = asyncio.Queue(PLAYBACK_FETCHES_AT_ONCE)
        self._gave_s = -profile.PLAYBACK_UNHEARD_S
        self.windows = 0
        self.window_bytes = 0

    def take(self, query: zenoh.Query) -> None:
        """One question; too many at once are dropped, and asked again by who wants them."""
        try:
            self._waiting.put_nowait(query)
        except asyncio.QueueFull:
            let_go(query)

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(PLAYBACK_FETCHES_AT_ONCE):
                group.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        while True:
            query = await self._waiting.get()
            try:
                await self._answer(query)
            except (zenoh.ZError, SerambiError) as error:
                log.warning("site %s: a window was not sent: %s", self._site, error)
            finally:
                let_go(query)

    async def _answer(self, query: zenoh.Query) -> None:
        payload = query.payload
        raw = b"" if payload is None else payload.to_bytes()
        key = str(query.key_expr)
        try:
            window = await self._window(key, raw)
        except SerambiError as error:
            text = error.what
            await within(profile.OPEN_LIMIT_S, lambda: refuse(query, text), "answering")
            return
        self._gave_s = time.monotonic()
        self.windows += 1
        self.window_bytes += len(window)
        await within(profile.PLAYBACK_GIVE_S, lambda: give(query, key, window), "handing on")

    async def _window(self, key: str, raw: bytes) -> bytes:
        camera, session = keys.named_playback(key)
        if len(raw) > COMMAND_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, "a question is too large")
        window = await self._on_fetch(camera, session, raw)
        if len(window) > PLAYBACK_WINDOW_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, "a window is too large")
        return window

    async def settled(self, session: zenoh.Session) -> None:
        """Return when no window is on its way any more. Give it a timeout."""
        while time.monotonic() - self._gave_s < profile.PLAYBACK_UNHEARD_S:
            asked_s = time.monotonic()
            echo = FirstReply(asyncio.get_running_loop())

            def ask(echo: FirstReply = echo) -> None:
                session.get(
                    keys.echo(self._site),
                    echo.handler(),
                    timeout=profile.ECHO_LIMIT_S,
                    consolidation=zenoh.ConsolidationMode.NONE,
                    congestion_control=zenoh.CongestionControl.BLOCK,
                    priority=profile.PLAYBACK_PRIORITY,
                )

            await within(profile.ECHO_LIMIT_S, ask, "asking for an echo")
            reply = await echo.wait()
            if reply is not None and reply.ok is not None and self._gave_s <= asked_s:
                self._gave_s = -profile.PLAYBACK_UNHEARD_S
