"""Open views: asking the site, renewing, ending. The site decides; the center only asks.

What does not belong here: pictures (`live.py`) and who may ask at all (`api/`).
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

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
from serambi.center.glass import Glass
from serambi.center.history import History
from serambi.center.journal import Journal
from serambi.center.live import Feed, Hub
from serambi.center.session import ORDINARY, PLAYBACK, Grounds, Session
from serambi.center.sites import Sites
from serambi.center.viewer import Viewer
from serambi.fabric.messages import Reply, SiteState, Stream
from serambi.ledger.audit import UNANSWERED
from serambi.ledger.entry import Entry, EntryKind
from serambi.web.errors import ReasonedError

log = logging.getLogger(__name__)

_RETRY_EVERY_S = 5.0


class Sessions:
    """All open sessions of the center. One event loop; `group` runs renewals and closings."""

    def __init__(
        self,
        asker: Asker,
        sites: Sites,
        hub: Hub,
        journal: Journal,
        history: History,
        glass: Glass,
        clock: Clock,
        group: asyncio.TaskGroup,
    ) -> None:
        self._asker = asker
        self._sites = sites
        self._hub = hub
        self._journal = journal
        self._history = history
        self._glass = glass
        self.on_opened: list[Callable[[Session], None]] = []
        self._clock = clock
        self._group = group
        self._open: dict[str, Session] = {}
        self._opening: dict[str, int] = {}
        sites.on_state.append(self._on_state)
        sites.on_presence.append(self._on_presence)

    # --- asking

    async def open(
        self,
        owner: Account,
        camera: str,
        action: str,
        purpose: str,
        stream: Stream,
        span: tuple[int, int] = (0, 0),
        grounds: Grounds = ORDINARY,
    ) -> Session:
        """Ask the camera's site for a view, for a playback with its range in unix milliseconds.

        Raises `NOT_FOUND` for a camera the center does not know, `UNAVAILABLE` when the site is
        away or silent, `DENIED` with the site's reason or when the account is locked, `LIMIT`.
        """
        self._glass.check(owner)
        site = self._site_of(camera)
        busy = sum(1 for s in self._open.values() if s.site == site) + self._opening.get(site, 0)
        if busy >= SESSIONS_PER_SITE:
            raise SerambiError(
                Kind.LIMIT, f"{busy} views of this site are open", where=f"site {site}"
            )
        # The watch comes before the question: the site sends the current GOP as it says yes.
        feed = None if action == PLAYBACK else self._hub.acquire(site, camera, stream)
        self._opening[site] = self._opening.get(site, 0) + 1
        kept = False
        try:
            wish = self._wish(owner, site, camera, action, purpose, stream, feed, span, grounds)
            session = await self._ask(wish)
            kept = True
        finally:
            self._opening[site] -= 1
            if not kept and feed is not None:
                self._hub.release(feed)
        return session

    async def recorded(
        self,
        owner: Account,
        camera: str,
        purpose: str,
        span: tuple[int, int],
        grounds: Grounds = ORDINARY,
    ) -> Reply:
        """Ask the camera's site what is recorded in a range; raises like `open`."""
        self._glass.check(owner)
        site = self._site_of(camera)
        wish = self._wish(owner, site, camera, PLAYBACK, purpose, "main", None, span, grounds)
        reply = await self._asker.ask("list", wish)
        if not reply.allowed:
            raise refused(reply)
        return reply

    def _site_of(self, camera: str) -> str:
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
        return site

    def _wish(
        self,
        owner: Account,
        site: str,
        camera: str,
        action: str,
        purpose: str,
        stream: Stream,
        feed: Feed | None,
        span: tuple[int, int],
        grounds: Grounds,
    ) -> Session:
        now_s = self._clock.monotonic()
        name = new_id()
        session = Session(
            name, name, owner, site, camera, stream, action, purpose, "", 0, 0,
            now_s + RENEW_EVERY_S, now_s + UNWATCHED_FIRST_S, feed, stream,
        )  # fmt: skip
        session.from_ms, session.to_ms = span
        session.grounds = grounds
        return session

    async def _ask(self, session: Session) -> Session:
        await self._obtain(session)
        self._open[session.id] = session
        self._history.opened(session)
        for told in self.on_opened:
            told(session)
        known = self._sites.find(session.site)
        if known is not None:
            # A state that says it is over may have come while the ledger was written.
            self._on_state(known.state)
        return session

    async def _obtain(self, session: Session) -> None:
        """The site's grant for this very session, written down. Raises when there is none."""
        breaks = self._glass.begin(session)
        try:
            reply = await self._asker.ask("open", session)
        except SerambiError:
            # The site may have said yes and the answer was lost: it must not stay open there, and
            # whoever compares the two ledgers must find the question in this one.
            self._send_close(session)
            await self._journal.note(self._entry("refused", session, UNANSWERED))
            raise
        if not reply.allowed:
            if breaks:
                self._glass.refused(session)
            await self._journal.note(self._entry("refused", session, reply.reason))
            raise refused(reply)
        session.agreement = reply.agreement
        session.until_ms = reply.until_ms
        session.seq = reply.seq
        try:
            if breaks:
                await self._glass.broken(session)
            await self._journal.append(self._entry("session_opened", session, ""))
        except SerambiError:
            self._send_close(session)
            raise

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
            _part(session, session.viewer)
            session.viewer.end("replaced")
        session.viewer = viewer
        if session.notice:
            viewer.tell(session.notice)
        if session.feed is not None:
            session.feed.add(viewer)

    def unwatch(self, session: Session, viewer: Viewer) -> None:
        """The viewer is gone. Another may come within `UNWATCHED_AGAIN_S`."""
        _part(session, viewer)
        if session.viewer is viewer:
            session.viewer = None
            session.unwatched_until_s = self._clock.monotonic() + UNWATCHED_AGAIN_S

    def touch(self, session: Session) -> None:
        """Somebody is at it without a viewer's place; it stays for `UNWATCHED_AGAIN_S` more."""
        session.unwatched_until_s = self._clock.monotonic() + UNWATCHED_AGAIN_S

    def is_open(self, session: Session) -> bool:
        return session.id in self._open

    async def switch(self, session: Session, stream: Stream, notice: str) -> None:
        """Show the other stream of the same camera, by a new grant; the viewer is told `notice`.

        The old grant is given back only when the new one holds. Raises like `open`, and then
        nothing has changed.
        """
        if session.switching or session.stream == stream or session.id not in self._open:
            return
        if session.action == PLAYBACK:
            return
        session.switching = True
        feed = self._hub.acquire(session.site, session.camera, stream)
        trial = replace(
            session, grant=new_id(), salt=new_id(), stream=stream, feed=feed, viewer=None
        )
        kept = False
        try:
            await self._obtain(trial)
            kept = session.id in self._open
            if kept:
                self._take_over(session, trial, notice)
            else:
                self._send_close(trial)
                await self._note({trial: "closed"})
        finally:
            session.switching = False
            if not kept:
                self._hub.release(feed)

    def _take_over(self, session: Session, trial: Session, notice: str) -> None:
        old = replace(session, viewer=None)
        if session.viewer is not None:
            _part(session, session.viewer)
            session.viewer.tell(notice)
            if trial.feed is not None:
                trial.feed.add(session.viewer)
        for name in ("grant", "salt", "stream", "feed", "agreement", "until_ms", "seq"):
            setattr(session, name, getattr(trial, name))
        session.renew_at_s = self._clock.monotonic() + RENEW_EVERY_S
        session.notice = notice if session.stream != session.wanted else ""
        self._history.opened(session)
        if old.feed is not None:
            self._hub.release(old.feed)
        self._send_close(old)
        self._group.create_task(self._note({old: "switched"}))

    # --- keeping and ending

    async def close(self, session: Session, reason: str) -> None:
        """End it here, tell the site, write it down."""
        if self._end(session, reason, tell_site=True):
            await self._note({session: reason})

    def left_s(self) -> float:
        """Seconds until the first grant ends; infinite without a session."""
        ends_ms = min((session.until_ms for session in self._open.values()), default=math.inf)
        return (ends_ms - self._journal.now_ms()) / 1000

    def tick(self) -> None:
        """Call it often, and when `left_s` is over: renewals that are due, views nobody watches,
        grants that ended."""
        now_s = self._clock.monotonic()
        now_ms = self._journal.now_ms()
        over: dict[Session, str] = {}
        for session in self.all():
            if now_ms >= session.until_ms:
                over[session] = self._why_over(session, "expired")
            elif session.viewer is None and now_s >= session.unwatched_until_s:
                self._finish({session: "unwatched"}, tell_site=True)
            elif now_s >= session.renew_at_s and not session.renewing:
                session.renewing = True
                self._group.create_task(self._renew(session))
        self._finish(over)

    def keep_incidents(self, still_open: Callable[[], Iterable[int]]) -> None:
        """Views that were opened for an incident end with it; `still_open` tells those numbers."""
        views = [session for session in self.all() if session.grounds.incident]
        numbers = set(map(str, still_open())) if views else set()
        over = {s: "incident_closed" for s in views if s.grounds.incident not in numbers}
        self._finish(over, tell_site=True)

    async def _renew(self, session: Session) -> None:
        grant = session.grant
        try:
            reply = await self._asker.ask("renew", session)
        except SerambiError as error:
            log.info("session %s was not renewed: %s", session.id, error)
            session.renew_at_s = self._clock.monotonic() + _RETRY_EVERY_S
            return
        finally:
            session.renewing = False
        if session.grant != grant:
            return  # moved to the other stream meanwhile, by a grant of its own
        if not reply.allowed:
            self._finish({session: reply.reason})
            return
        session.until_ms = reply.until_ms
        session.renew_at_s = self._clock.monotonic() + RENEW_EVERY_S

    def _on_state(self, state: SiteState) -> None:
        listed = frozenset(state.sessions)
        over = [
            session
            for session in self.all()
            if session.site == state.site
            and state.seq >= session.seq
            and session.grant not in listed
        ]
        self._finish({session: self._why_over(session, "closed") for session in over})

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
                group.create_task(self._note(dict.fromkeys(ended, "center_stopped")))
        except TimeoutError:
            log.warning("not all sites could be told that the center stops")

    def _finish(self, over: Mapping[Session, str], *, tell_site: bool = False) -> None:
        """End these, by reason: every viewer first, and only then what takes time."""
        gone = {
            session: reason
            for session, reason in over.items()
            if self._end(session, reason, tell_site=tell_site)
        }
        if gone:
            self._group.create_task(self._note(gone))

    def _end(self, session: Session, reason: str, *, tell_site: bool) -> bool:
        if self._open.pop(session.id, None) is None:
            return False
        if session.viewer is not None:
            _part(session, session.viewer)
            session.viewer.end(reason)
        if session.feed is not None:
            self._hub.release(session.feed)
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

    async def _note(self, gone: Mapping[Session, str]) -> None:
        """The ledger's entries, then the history."""
        await asyncio.gather(
            *(
                self._journal.note(self._entry("session_closed", each, why))
                for each, why in gone.items()
            )
        )
        self._history.closed({session.grant: reason for session, reason in gone.items()})

    def _entry(self, kind: EntryKind, session: Session, reason: str) -> Entry:
        return Entry(
            kind=kind,
            at_ms=self._journal.now_ms(),
            site=session.site,
            session=session.grant,
            camera=session.camera,
            person=self._journal.names.commit(session.grant, session.owner.name, session.salt),
            unit=session.owner.unit,
            party=self._asker.party,
            purpose=session.purpose,
            agreement=session.agreement,
            reason=reason,
            detail=session.detail,
        )


def _part(session: Session, viewer: Viewer) -> None:
    """No more live pictures of this session for `viewer`."""
    if session.feed is not None:
        session.feed.remove(viewer)


def refused(reply: Reply) -> ReasonedError:
    """The error for a refusal by a site."""
    return ReasonedError(
        Kind.DENIED, "the site refused this view", reply.reason, where=f"site {reply.site}"
    )
