"""Who watches, by which right, until when: opening, keeping, stopping and ending views.

The order is the promise: decided, written durably, and only then opened; closed first, written
after. Each step that takes time is followed by deciding again.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from serambi.agreement.decide import Decision, Reason, State, decide
from serambi.agreement.recorded import range_text
from serambi.agreement.request import NonceSet, Refused, Request, beside, open_request
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    GRANT_S,
    LIVE_GRANT_MAX_S,
    PLAYBACKS_PER_SITE,
    REFUSALS_LOGGED_PER_MINUTE,
    SESSIONS_PER_SITE,
)
from serambi.identity.roster import Roster
from serambi.keeper.glass import Glass
from serambi.keeper.journal import Journal
from serambi.keeper.playback import Playback
from serambi.keeper.release import Answering, Release
from serambi.keeper.session import LIVE, PLAYBACK, Outcome, Session, Stopped
from serambi.recording.archive import Span

log = logging.getLogger(__name__)


class Sessions:
    """The open views of one site. Lives in the keeper's event loop."""

    def __init__(
        self,
        *,
        site: str,
        roster: Callable[[], Roster],
        state: Callable[[], State],
        release: Release,
        prelude: Callable[[str, str], Iterable[bytes]],
        journal: Journal,
        glass: Glass,
        clock: Clock,
        changed: Callable[[], None],
        playback: Playback | None = None,
    ) -> None:
        """Without `playback` recordings are refused, whatever an agreement says."""
        self._site = site
        self._roster = roster
        self._state = state
        self._release = release
        self._prelude = prelude
        self._journal = journal
        self._glass = glass
        self._clock = clock
        self._changed = changed
        self._playback = playback
        self._nonces = NonceSet()
        self._open: dict[str, Session] = {}
        self._opening: dict[str, str] = {}
        self._refusals: deque[float] = deque()
        self._unlogged = 0
        self._unlogged_since = 0.0

    def all(self) -> tuple[Session, ...]:
        return tuple(self._open.values())

    def next_end(self) -> float:
        """When the first open view is over unless renewed (unix seconds); infinite without one."""
        return min((session.ends for session in self._open.values()), default=math.inf)

    async def handle(self, raw: bytes) -> Outcome:
        """Answer one signed request. Never raises for bad input: it is refused, with a reason."""
        now = self._clock.now()
        try:
            request = open_request(raw, self._roster(), self._site, now, self._nonces)
        except Refused as refused:
            return await self._refuse(refused.reason, refused.request)
        if request.kind == "open":
            return await self._handle_open(request)
        if request.kind == "list":
            return await self._list(request)
        if request.kind == "justify":
            return await self._justify(request)
        session = self._open.get(request.session)
        if session is None or not _same_view(session, request):
            return await self._refuse(Reason.BAD_REQUEST, request)
        if request.kind == "close":
            await self._end({"closed": [session]})
            return Outcome(True, Reason.ALLOWED, request.nonce, session.session, session.agreement)
        if request.kind != "renew":
            return await self._refuse(Reason.BAD_REQUEST, request)
        return await self._renew(session, request)

    async def _handle_open(self, request: Request) -> Outcome:
        decision = self._decide(request)
        if not decision.allowed:
            return await self._refuse(decision.reason, request, decision.agreement)
        reason = self._room_for(request)
        if reason != Reason.ALLOWED:
            return await self._refuse(reason, request, decision.agreement)
        self._opening[request.session] = request.action
        try:
            number = decision.agreement
            try:
                spans = await self._permitted(request, number)
                opened = self._journal.entry(
                    "session_opened", request, agreement=number, detail=_detail(request)
                )
                await self._glass.write(request, opened)
            except SerambiError as error:
                log.error("a view is not opened, because it cannot be written down: %s", error)
                return self._outcome(replace(decision, reason=Reason.ERROR), request)
            # Writing took time: the owner may have pressed Stop meanwhile.
            again = self._decide(request, number)
            if not again.allowed:
                await self._journal.note(
                    self._journal.entry(
                        "session_closed", request, agreement=number, reason=again.reason
                    )
                )
                return self._outcome(again, request)
            session = self._session(request, again, spans)
            self._open[session.session] = session
        finally:
            del self._opening[request.session]
        until = self._until_of(session)
        if self._release.is_open(*session.channel):
            # Whoever receives the stream already has these pictures.
            self._release.set_until(*session.channel, until)
        else:
            self._release.open(*session.channel, until, self._prelude_of(session))
        self._changed()
        return Outcome(
            True, Reason.ALLOWED, request.nonce, session.session, session.agreement, session.ends
        )

    def _room_for(self, request: Request) -> Reason:
        """Whether such a view can be opened at all, and one more of them."""
        if request.action not in (LIVE, PLAYBACK):
            return Reason.ACTION  # an agreement may name it; nothing here serves it
        if request.session in self._open or request.session in self._opening:
            return Reason.BAD_REQUEST
        if len(self._open) + len(self._opening) >= SESSIONS_PER_SITE:
            return Reason.LIMIT
        if request.action == LIVE:
            ranged = request.from_ms or request.to_ms
            return Reason.BAD_REQUEST if ranged else self._glass.check(request)
        actions = [session.action for session in self._open.values()]
        if [*actions, *self._opening.values()].count(PLAYBACK) >= PLAYBACKS_PER_SITE:
            return Reason.LIMIT
        return self._reach(request)

    def _reach(self, request: Request) -> Reason:
        """Whether recordings are served here, and as far as is asked for."""
        if self._playback is None or request.action != PLAYBACK:
            return Reason.ACTION
        return self._playback.check(request, self._clock.now())

    async def _permitted(self, request: Request, number: str) -> tuple[Span, ...]:
        if self._playback is None or request.action != PLAYBACK:
            return ()
        return await self._playback.permitted(self._state(), request, number)

    async def _list(self, request: Request) -> Outcome:
        """What is recorded in a range: asked of the same decision, and not a view."""
        decision = self._decide(request)
        reason = decision.reason
        if decision.allowed:
            reason = self._reach(request)
        if reason != Reason.ALLOWED or self._playback is None:
            return await self._refuse(reason, request, decision.agreement)
        try:
            spans = await self._permitted(request, decision.agreement)
            recorded = await self._playback.recorded(request.camera, spans)
        except SerambiError as error:
            log.error("what is recorded cannot be told: %s", error)
            return self._outcome(replace(decision, reason=Reason.ERROR), request)
        again = self._decide(request, decision.agreement)
        if not again.allowed:
            return self._outcome(again, request)
        return Outcome(
            True, Reason.ALLOWED, request.nonce, request.session, again.agreement, 0.0, recorded
        )

    async def _justify(self, request: Request) -> Outcome:
        reason, agreement = await self._glass.justify(request)
        if reason == Reason.BAD_REQUEST:
            return await self._refuse(reason, request)
        self._changed()
        allowed = reason == Reason.ALLOWED
        return Outcome(allowed, reason, request.nonce, request.session, agreement)

    async def fetch(self, raw: bytes, answer: Answering) -> None:
        """Answer one signed request for the next window of an open playback: decided anew, and let
        out through the release's door or refused. Raises DENIED with the reason."""
        now = self._clock.now()
        try:
            request = open_request(raw, self._roster(), self._site, now, self._nonces)
        except Refused as refused:
            await self._refuse(refused.reason, refused.request)
            raise _denied(refused.reason) from refused
        session = self._open.get(request.session)
        playing = session is not None and session.action == PLAYBACK and request.kind == "fetch"
        if session is None or not playing or not _same_view(session, request):
            await self._refuse(Reason.BAD_REQUEST, request)
            raise _denied(Reason.BAD_REQUEST)
        decision = self._decide(request, session.agreement)
        if not decision.allowed or self._playback is None:
            await self._end({decision.reason: [session]})
            raise _denied(decision.reason)
        window = await self._playback.window(request, session.spans)
        # Reading took time; the door looks whether it is still open.
        self._release.hand_out(*session.channel, window, answer)

    async def _renew(self, session: Session, request: Request) -> Outcome:
        decision = self._decide(request, session.agreement)
        if not decision.allowed:
            await self._end({decision.reason: [session]})
            return self._outcome(decision, request)
        kept = replace(
            session,
            granted=self._clock.now() + GRANT_S,
            until=_until(session, decision),
        )
        self._open[session.session] = kept
        self._release.set_until(*kept.channel, self._until_of(kept))
        return Outcome(True, Reason.ALLOWED, request.nonce, kept.session, kept.agreement, kept.ends)

    def _decide(self, request: Request, agreement: str = "") -> Decision:
        """By all agreements, or by the one under which the view was opened."""
        ask = self._glass.ask(request)
        return decide(_under(self._state(), agreement), ask, self._clock.now())

    def _prelude_of(self, session: Session) -> Iterable[bytes]:
        return () if session.action == PLAYBACK else self._prelude(*session.channel)

    def _session(self, request: Request, decision: Decision, spans: tuple[Span, ...]) -> Session:
        now = self._clock.now()
        return Session(
            session=request.session,
            stream=request.stream,
            ask=self._glass.ask(request),
            person=request.person,
            agreement=decision.agreement,
            opened=now,
            until=decision.until,
            granted=now + GRANT_S,
            salt=request.salt,
            act=request.act,
            from_ms=request.from_ms,
            to_ms=request.to_ms,
            spans=spans,
        )

    def _until_of(self, session: Session) -> float:
        """A stream stays open as long as its longest session."""
        return max(other.ends for other in self._open.values() if other.channel == session.channel)

    def _outcome(self, decision: Decision, request: Request) -> Outcome:
        return Outcome(False, decision.reason, request.nonce, request.session, decision.agreement)

    async def _refuse(
        self, reason: Reason, request: Request | None, agreement: str = ""
    ) -> Outcome:
        await self._log_refusal(reason, request, agreement)
        nonce, session = (request.nonce, request.session) if request else ("", "")
        return Outcome(False, reason, nonce, session, agreement)

    async def _log_refusal(self, reason: Reason, request: Request | None, agreement: str) -> None:
        """Each refusal is an entry; a flood of them becomes one entry with their number."""
        now = self._clock.monotonic()
        while self._refusals and now - self._refusals[0] > 60:
            self._refusals.popleft()
        if len(self._refusals) >= REFUSALS_LOGGED_PER_MINUTE:
            if not self._unlogged:
                self._unlogged_since = now
            self._unlogged += 1
            return
        self._refusals.append(now)
        await self._journal.note(
            self._journal.entry("refused", request, agreement=agreement, reason=reason)
        )

    async def flush_refusals(self) -> None:
        """Once a minute: write down how many refusals were counted but not written one by one."""
        if self._unlogged and self._clock.monotonic() - self._unlogged_since > 60:
            count, self._unlogged = self._unlogged, 0
            await self._journal.note(
                self._journal.entry("refused", reason=Reason.LIMIT, detail=str(count))
            )

    async def reconsider(self) -> None:
        """Ask again for every open view; to be called at every change and every tick."""
        now = self._clock.now()
        state = self._state()
        over: dict[str, list[Session]] = {}
        for session in self.all():
            # By its own agreement: when that one is revoked, another does not keep the view.
            decision = decide(_under(state, session.agreement), session.ask, now)
            if not decision.allowed:
                over.setdefault(decision.reason, []).append(session)
            elif now >= session.until:
                over.setdefault(Reason.EXPIRED, []).append(session)
            elif now >= session.granted:
                over.setdefault("not_renewed", []).append(session)
            elif (until := _until(session, decision)) != session.until:
                self._open[session.session] = replace(session, until=until)
                self._release.set_until(*session.channel, self._until_of(session))
        await self._end(over)

    def stop(self, cameras: Iterable[str]) -> Awaitable[Stopped]:
        """Shut these cameras for everybody, now. The stop itself is already in the state, so
        nothing can be opened meanwhile. To be awaited: done when the last byte is out."""
        chosen = set(cameras)
        # Looked at before anything else runs: the clockwork may end them first, and the owner
        # is to read how many were cut off.
        return self._stop(chosen, [s for s in self.all() if s.camera in chosen])

    async def _stop(self, chosen: set[str], ended: list[Session]) -> Stopped:
        seconds = await self._end({Reason.STOPPED: ended}, also=chosen)
        return Stopped(seconds, len(ended), len({(s.person, s.unit) for s in ended}))

    async def _end(
        self, over: Mapping[str, Iterable[Session]], *, also: Iterable[str] = ()
    ) -> float:
        """End views, by reason, and shut the cameras `also`; closed first, all of them, then
        written. Seconds until the last byte was out."""
        ended = {
            session: reason
            for reason, sessions in over.items()
            for session in sessions
            if self._open.pop(session.session, None) is not None
        }
        started = self._clock.monotonic()
        whole = set(also)
        streams = {s.channel for s in ended if s.camera not in whole}
        others = {s.channel: s for s in self._open.values()}
        for key in streams & others.keys():
            self._release.set_until(*key, self._until_of(others[key]))
        closing = [self._release.close(camera) for camera in whole]
        closing += [self._release.close(*key) for key in streams - others.keys()]
        await asyncio.gather(*closing)
        seconds = self._clock.monotonic() - started
        self._open_again(streams - others.keys())
        if ended:
            log.info("%d views ended: %s", len(ended), ", ".join(sorted(set(ended.values()))))
            self._changed()
            await self._journal.note(
                *(
                    self._journal.entry(
                        "session_closed", session, agreement=session.agreement, reason=reason
                    )
                    for session, reason in ended.items()
                )
            )
        return seconds

    def _open_again(self, closed: Iterable[tuple[str, str]]) -> None:
        """A view that was opened in the moment its stream was being shut for another one."""
        for session in self.all():
            key = session.channel
            if key in closed and not self._release.is_open(*key):
                self._release.open(*key, self._until_of(session), self._prelude_of(session))


def _under(state: State, agreement: str) -> State:
    """The state as one agreement alone has it; without a number all of them count."""
    if not agreement:
        return state
    chosen = tuple(a for a in state.agreements if a.agreement.number == agreement)
    return replace(state, agreements=chosen)


def _until(session: Session, decision: Decision) -> float:
    """A heartbeat moves the end of an open view on, but never beyond the longest grant."""
    return min(session.opened + LIVE_GRANT_MAX_S, decision.until)


def _same_view(session: Session, request: Request) -> bool:
    """A renewal or close must name the very view that was opened."""
    return all(
        getattr(session, field) == getattr(request, field)
        for field in (
            *("camera", "stream", "action", "purpose", "party", "person", "unit"),
            *("from_ms", "to_ms", "incident", "act"),
        )
    )


def _detail(request: Request) -> str:
    """What the ledger says beside the usual: what it was opened by, and of a playback its range."""
    by = beside(request.incident, request.act)
    if request.action != PLAYBACK:
        return by
    return f"{PLAYBACK} {range_text(request.from_ms, request.to_ms)} {by}".strip()


def _denied(reason: str) -> SerambiError:
    return SerambiError(Kind.DENIED, str(reason), where="playback")
