"""Open views: asking the site, renewing, ending. The site decides; the center only asks.

What does not belong here: pictures (`live.py`) and who may ask at all (`api/`).
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import new_id
from serambi.base.limits import (
    RENEW_EVERY_S,
    SESSIONS_PER_SITE,
    UNWATCHED_AGAIN_S,
    UNWATCHED_FIRST_S,
)
from serambi.center.accounts import Account
from serambi.center.asking import Asker
from serambi.center.history import History
from serambi.center.journal import Journal
from serambi.center.live import Feed, Hub, Viewer
from serambi.center.sites import Sites
from serambi.fabric.messages import Reply, SiteState, Stream
from serambi.ledger.entry import Entry, EntryKind
from serambi.web.errors import ReasonedError

log = logging.getLogger(__name__)

_RETRY_EVERY_S = 5.0


@dataclass(slots=True, eq=False)
class Session:
    """One open view. `until_ms` is when the grant ends unless it is renewed."""

    id: str
    owner: Account
    site: str
    camera: str
    stream: Stream
    action: str
    purpose: str
    agreement: str
    until_ms: int
    seq: int
    renew_at_s: float
    unwatched_until_s: float
    feed: Feed
    viewer: Viewer | None = None
    renewing: bool = False


class Sessions:
    """All open sessions of the center. One event loop; `group` runs renewals and closings."""

    def __init__(
        self,
        asker: Asker,
        sites: Sites,
        hub: Hub,
        journal: Journal,
        history: History,
        clock: Clock,
        group: asyncio.TaskGroup,
    ) -> None:
        self._asker = asker
        self._sites = sites
        self._hub = hub
        self._journal = journal
        self._history = history
        self._clock = clock
        self._group = group
        self._open: dict[str, Session] = {}
        self._opening: dict[str, int] = {}
        sites.on_state.append(self._on_state)
        sites.on_presence.append(self._on_presence)

    # --- asking

    async def open(
        self, owner: Account, camera: str, action: str, purpose: str, stream: Stream
    ) -> Session:
        """Ask the camera's site for a view.

        Raises `NOT_FOUND` for a camera the center does not know, `UNAVAILABLE` when the site is
        away or silent, `DENIED` with the site's reason, `LIMIT`.
        """
        found = self._sites.camera(camera)
        if found is None:
            raise SerambiError(Kind.NOT_FOUND, "there is no such camera", where=f"camera {camera}")
        site = found[0].state.site
        if not found[0].online:
            raise SerambiError(
                Kind.UNAVAILABLE,
                "the camera's site cannot be reached",
                where=f"site {site}",
                hint="call the site's contact",
            )
        busy = sum(1 for s in self._open.values() if s.site == site) + self._opening.get(site, 0)
        if busy >= SESSIONS_PER_SITE:
            raise SerambiError(
                Kind.LIMIT, f"{busy} views of this site are open", where=f"site {site}"
            )
        # The watch comes before the question: the site sends the current GOP as it says yes.
        feed = self._hub.acquire(site, camera, stream)
        self._opening[site] = self._opening.get(site, 0) + 1
        kept = False
        try:
            session = await self._ask(owner, site, camera, action, purpose, stream, feed)
            kept = True
        finally:
            self._opening[site] -= 1
            if not kept:
                self._hub.release(feed)
        return session

    async def _ask(
        self,
        owner: Account,
        site: str,
        camera: str,
        action: str,
        purpose: str,
        stream: Stream,
        feed: Feed,
    ) -> Session:
        now_s = self._clock.monotonic()
        session = Session(
            new_id(), owner, site, camera, stream, action, purpose, "", 0, 0,
            now_s + RENEW_EVERY_S, now_s + UNWATCHED_FIRST_S, feed,
        )  # fmt: skip
        try:
            reply = await self._asker.ask("open", session)
        except SerambiError:
            # The site may have said yes and the answer was lost: it must not stay open there.
            self._send_close(session)
            raise
        if not reply.allowed:
            await self._journal.note(self._entry("refused", session, reply.reason))
            raise refused(reply)
        session.agreement = reply.agreement
        session.until_ms = reply.until_ms
        session.seq = reply.seq
        try:
            await self._journal.append(self._entry("session_opened", session, ""))
        except SerambiError:
            self._send_close(session)
            raise
        self._open[session.id] = session
        self._history.opened(session)
        known = self._sites.find(site)
        if known is not None:
            # A state that says it is over may have come while the ledger was written.
            self._on_state(known.state)
        return session

    # --- finding and watching

    def all(self) -> Iterable[Session]:
        return list(self._open.values())

    def count(self) -> int:
        return len(self._open)

    def find(self, session: str, owner: str | None) -> Session:
        """The open session; `owner` None finds anybody's. Raises `NOT_FOUND`."""
        found = self._open.get(session)
        if found is None or (owner is not None and found.owner.account != owner):
            raise SerambiError(
                Kind.NOT_FOUND, "there is no such open session", where=f"session {session[:64]}"
            )
        return found

    def watch(self, session: Session, viewer: Viewer) -> None:
        """Show the session to `viewer`; a viewer it had before is put out (reason `replaced`)."""
        if session.viewer is not None:
            session.feed.remove(session.viewer)
            session.viewer.end("replaced")
        session.viewer = viewer
        session.feed.add(viewer)

    def unwatch(self, session: Session, viewer: Viewer) -> None:
        """The viewer is gone. Another may come within `UNWATCHED_AGAIN_S`."""
        session.feed.remove(viewer)
        if session.viewer is viewer:
            session.viewer = None
            session.unwatched_until_s = self._clock.monotonic() + UNWATCHED_AGAIN_S

    # --- keeping and ending

    async def close(self, session: Session, reason: str) -> None:
        """End it here, tell the site, write it down."""
        if self._end(session, reason, tell_site=True):
            await self._note(session, reason)

    def tick(self) -> None:
        """Call it every second: renewals that are due, views nobody watches, grants that ended."""
        now_s = self._clock.monotonic()
        now_ms = self._journal.now_ms()
        for session in self.all():
            if now_ms >= session.until_ms:
                self._finish(session, self._why_over(session, "expired"))
            elif session.viewer is None and now_s >= session.unwatched_until_s:
                self._finish(session, "unwatched", tell_site=True)
            elif now_s >= session.renew_at_s and not session.renewing:
                session.renewing = True
                self._group.create_task(self._renew(session))

    async def _renew(self, session: Session) -> None:
        try:
            reply = await self._asker.ask("renew", session)
        except SerambiError as error:
            log.info("session %s was not renewed: %s", session.id, error)
            session.renew_at_s = self._clock.monotonic() + _RETRY_EVERY_S
            return
        finally:
            session.renewing = False
        if not reply.allowed:
            self._finish(session, reply.reason)
            return
        session.until_ms = reply.until_ms
        session.renew_at_s = self._clock.monotonic() + RENEW_EVERY_S

    def _on_state(self, state: SiteState) -> None:
        listed = frozenset(state.sessions)
        for session in self.all():
            if session.site == state.site and state.seq >= session.seq and session.id not in listed:
                self._finish(session, self._why_over(session, "closed"))

    def _why_over(self, session: Session, otherwise: str) -> str:
        """What the site says about the camera, `otherwise` when it is open for others."""
        known = self._sites.find(session.site)
        if known is None or not known.online:
            return "offline"
        for camera in known.state.cameras:
            if camera.id == session.camera:
                return otherwise if camera.state == "open" else camera.state
        return "no_agreement"

    def _on_presence(self, site: str, online: bool) -> None:
        notice = '{"notice": "online"}' if online else '{"notice": "offline"}'
        for session in self._open.values():
            if session.site == site and session.viewer is not None:
                session.viewer.tell(notice)

    async def stop(self, within_s: float) -> None:
        """The center ends: viewers first, then the sites are told, as far as time allows."""
        ended = self.all()
        try:
            async with asyncio.timeout(within_s), asyncio.TaskGroup() as group:
                for session in ended:
                    self._end(session, "center_stopped", tell_site=False)
                    group.create_task(self._tell_close(session))
                    group.create_task(self._note(session, "center_stopped"))
        except TimeoutError:
            log.warning("not all sites could be told that the center stops")

    def _finish(self, session: Session, reason: str, *, tell_site: bool = False) -> None:
        if self._end(session, reason, tell_site=tell_site):
            self._group.create_task(self._note(session, reason))

    def _end(self, session: Session, reason: str, *, tell_site: bool) -> bool:
        if self._open.pop(session.id, None) is None:
            return False
        if session.viewer is not None:
            session.feed.remove(session.viewer)
            session.viewer.end(reason)
        self._hub.release(session.feed)
        self._history.closed(session.id, reason)
        if tell_site:
            self._send_close(session)
        return True

    def _send_close(self, session: Session) -> None:
        self._group.create_task(self._tell_close(session))

    async def _tell_close(self, session: Session) -> None:
        try:
            await self._asker.ask("close", session)
        except SerambiError as error:
            # The site ends it by itself when the grant is not renewed.
            log.info("the site was not told that session %s is over: %s", session.id, error)

    async def _note(self, session: Session, reason: str) -> None:
        await self._journal.note(self._entry("session_closed", session, reason))

    def _entry(self, kind: EntryKind, session: Session, reason: str) -> Entry:
        return Entry(
            kind=kind,
            at_ms=self._journal.now_ms(),
            site=session.site,
            session=session.id,
            camera=session.camera,
            person=session.owner.name,
            unit=session.owner.unit,
            party=self._asker.party,
            purpose=session.purpose,
            agreement=session.agreement,
            reason=reason,
            detail=session.action,
        )


def refused(reply: Reply) -> ReasonedError:
    """The error for a refusal by a site."""
    return ReasonedError(
        Kind.DENIED, "the site refused this view", reply.reason, where=f"site {reply.site}"
    )
