"""What the sites say about themselves: the newest verified state of each.

A site that is silent stays known, as offline. Nothing here is believed without the signature of
the site's own gateway, so the center cannot know a camera that no agreement names.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace
from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import OperationalError

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import SITE_SILENT_S, STATE_MAX_BYTES
from serambi.base.words import Language
from serambi.center.database import site_states
from serambi.center.envelopes import open_signed
from serambi.fabric.messages import STATE_TYPE, CameraState, SiteState
from serambi.identity.roster import Roster

log = logging.getLogger(__name__)

_SAVE_EVERY_S = 60.0
_COMPLAIN_EVERY_S = 60.0


@dataclass(slots=True)
class Site:
    """One site as the center knows it; `since_ms` is when it came online or went offline."""

    state: SiteState
    online: bool
    since_ms: int
    heard_s: float
    saved_s: float


class Sites:
    """Takes in states, tells the listeners.

    `on_change` is called when something that is shown has changed, `on_state(site)` at every
    accepted state, `on_presence(site, online)` when a site comes or goes.
    """

    def __init__(self, roster: Roster, engine: Engine, clock: Clock) -> None:
        self._roster = roster
        self._engine = engine
        self._clock = clock
        self._sites: dict[str, Site] = {}
        self._complained: dict[str, float] = {}
        self.on_change: list[Callable[[], None]] = []
        self.on_state: list[Callable[[SiteState], None]] = []
        self.on_presence: list[Callable[[str, bool], None]] = []
        self._loaded = False
        self._load()

    def _load(self) -> None:
        """What was known before the start; put off while the disk refuses to open the database."""
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(select(site_states)).all()
        except OperationalError as error:
            self._complain("*", f"what sites said before cannot be read: {error.orig}")
            return
        self._loaded = True
        for row in rows:
            if row.site in self._sites:
                continue
            try:
                state = self._verified(row.site, row.raw)
            except SerambiError as error:
                # The roster may have changed since; the site will say itself what holds now.
                log.warning("the kept state is ignored: %s", error)
                continue
            self._sites[row.site] = Site(state, False, row.heard_ms, 0.0, 0.0)

    def _verified(self, site: str, raw: bytes) -> SiteState:
        state = open_signed(raw, SiteState, STATE_TYPE, self._roster, site, STATE_MAX_BYTES)
        if state.site != site or state.owner != self._roster.owner(site):
            raise SerambiError(
                Kind.DENIED, "a state speaks for another site or owner", where=f"site {site}"
            )
        return state

    def receive(self, site: str, raw: bytes) -> None:
        """Take in one signed state. A bad or old one is logged and changes nothing."""
        try:
            state = self._verified(site, raw)
        except SerambiError as error:
            self._complain(site, str(error))
            return
        known = self._sites.get(site)
        if known is not None and (state.seq <= known.state.seq or state.at_ms < known.state.at_ms):
            self._complain(site, f"a state older than the newest was ignored (seq {state.seq})")
            return
        now_s = self._clock.monotonic()
        came = known is None or not known.online
        changed = came or known is None or _shown(known.state) != _shown(state)
        if known is None:
            known = self._sites[site] = Site(state, True, self._now_ms(), now_s, float("-inf"))
        known.state = state
        known.heard_s = now_s
        if came:
            known.online = True
            known.since_ms = self._now_ms()
        if came:
            self._tell_presence(site, True)
        # Told before it is kept: what a site has ended ends here first.
        for told in self.on_state:
            told(state)
        if changed or now_s - known.saved_s > _SAVE_EVERY_S:
            self._save(known, raw)
        if changed:
            self._tell_change()

    def presence(self, site: str, online: bool) -> None:
        """What the fabric says: a lost courier is offline at once, a new one when it speaks."""
        if not online:
            self._lost(site)

    def check_silence(self) -> None:
        """Call it often: a site that said nothing for `SITE_SILENT_S` goes offline."""
        if not self._loaded:
            self._load()
        now_s = self._clock.monotonic()
        for site, known in self._sites.items():
            if known.online and now_s - known.heard_s > SITE_SILENT_S:
                self._lost(site)

    def _lost(self, site: str) -> None:
        known = self._sites.get(site)
        if known is None or not known.online:
            return
        known.online = False
        known.since_ms = self._now_ms()
        self._tell_presence(site, False)
        self._tell_change()

    def all(self) -> list[Site]:
        """Every known site, by id."""
        return [self._sites[site] for site in sorted(self._sites)]

    def find(self, site: str) -> Site | None:
        return self._sites.get(site)

    def name(self, site: str, language: Language) -> str:
        """What people call it, empty when it has never been heard."""
        known = self._sites.get(site)
        return "" if known is None else known.state.name.in_language(language)

    def cameras(self) -> Iterator[tuple[Site, CameraState]]:
        """Every camera that a verified state names; an id belongs to the first site that has it."""
        seen: set[str] = set()
        for known in self.all():
            for camera in known.state.cameras:
                if camera.id not in seen:
                    seen.add(camera.id)
                    yield known, camera

    def camera(self, camera: str) -> tuple[Site, CameraState] | None:
        return next((pair for pair in self.cameras() if pair[1].id == camera), None)

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())

    def _save(self, known: Site, raw: bytes) -> None:
        site = known.state.site
        known.saved_s = known.heard_s
        try:
            with self._engine.begin() as connection:
                connection.execute(delete(site_states).where(site_states.c.site == site))
                connection.execute(
                    insert(site_states).values(site=site, raw=raw, heard_ms=self._now_ms())
                )
        except OperationalError as error:
            # It is kept for the time after a restart only.
            self._complain(site, f"its state cannot be kept: {error.orig}")

    def _complain(self, site: str, what: str) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._complained.get(site, float("-inf")) < _COMPLAIN_EVERY_S:
            return
        if len(self._complained) > 1024:
            self._complained.clear()
        self._complained[site] = now_s
        log.warning("site %s: %s", site[:80], what)

    def _tell_presence(self, site: str, online: bool) -> None:
        for told in self.on_presence:
            told(site, online)

    def _tell_change(self) -> None:
        for told in self.on_change:
            told()


def _shown(state: SiteState) -> SiteState:
    return replace(state, seq=0, at_ms=0, sessions=(), checkpoint="")
