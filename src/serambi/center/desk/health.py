"""Which changes of sites and cameras call a person, and which are events only.

Whoever stops sharing, and an agreement that ends, ask nothing of an operator: those are events,
shown and not announced. A camera or site that falls silent, and a view that is no longer the
approved one, do. A short break calls nobody: the condition must last ALARM_DELAY_S.
"""

from typing import Protocol

from serambi.base.clock import Clock
from serambi.base.limits import ALARM_DELAY_S
from serambi.center.desk.kinds import AlertKind
from serambi.center.sites import Sites

Condition = tuple[AlertKind, str, str]
"""What, at which site, which camera ("" for all of it)."""


class Told(Protocol):
    """Who is told; `desk.Desk` is."""

    def raise_alert(self, what: AlertKind, *, site: str, camera: str) -> None: ...
    def end_alert(self, what: AlertKind, place: str) -> None: ...
    def note_turn(self, site: str, camera: str, state: str) -> None: ...
    def standing(self) -> list[Condition]: ...


class Health:
    """Call `look` often. `told` hears of conditions that begin and end, and of every camera that
    opens or closes; what it says is standing already, from before a restart, is not begun again."""

    def __init__(self, sites: Sites, clock: Clock, told: Told) -> None:
        self._sites = sites
        self._clock = clock
        self._told_of = told
        self._since_s = dict.fromkeys(told.standing(), clock.monotonic())
        self._begun = set(self._since_s)
        self._states: dict[str, str] = {}

    def look(self) -> None:
        now_s = self._clock.monotonic()
        found = self._conditions()
        for condition in found:
            since_s = self._since_s.setdefault(condition, now_s)
            if condition not in self._begun and now_s - since_s >= ALARM_DELAY_S:
                self._begun.add(condition)
                what, site, camera = condition
                self._told_of.raise_alert(what, site=site, camera=camera)
        for condition in self._since_s.keys() - found:
            what, site, camera = condition
            if camera and not self._hears(site):
                continue  # a site that is silent does not say that its cameras are well
            del self._since_s[condition]
            if condition in self._begun:
                self._begun.remove(condition)
                self._told_of.end_alert(what, camera or site)
        self._note_turns()

    def _hears(self, site: str) -> bool:
        known = self._sites.find(site)
        return known is not None and known.online

    def _conditions(self) -> set[Condition]:
        found: set[Condition] = set()
        for known in self._sites.all():
            if not known.online:
                # A site that goes takes its cameras along: one alert says it.
                found.add((AlertKind.SITE_OFFLINE, known.state.site, ""))
        for known, camera in self._sites.cameras():
            site = known.state.site
            if camera.state == "suspended":
                found.add((AlertKind.SUSPENDED, site, camera.id))
            elif known.online and camera.state == "open" and not camera.online:
                found.add((AlertKind.CAMERA_OFFLINE, site, camera.id))
        return found

    def _note_turns(self) -> None:
        for known, camera in self._sites.cameras():
            online = known.online and camera.online
            state = camera.state if camera.state != "open" or online else "offline"
            before = self._states.get(camera.id)
            self._states[camera.id] = state
            if before is not None and before != state:
                self._told_of.note_turn(known.state.site, camera.id, state)
