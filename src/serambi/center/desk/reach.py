"""Reaching people: whoever is asked into an incident is told on every way of their institution.

The incident's own log is the outbox. `ReachAsked` stands in it before anything is sent, `Told` or
`NotTold` afterwards; what lies between is sent, also after a restart: at least once, each with
a key by which a receiver knows it again. Nobody at the desk waits for any of it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import DatabaseError

from serambi.base.clock import Clock, unix_ms
from serambi.base.limits import (
    REACH_AGAIN_FIRST_S,
    REACH_AGAIN_MAX_S,
    REACH_AT_ONCE,
    REACH_LOOK_EVERY_S,
    REACH_TRIES_MAX,
)
from serambi.center.desk import happenings as h
from serambi.center.desk.deliver import Message, Undelivered, deliver
from serambi.center.desk.desk import Desk
from serambi.center.desk.incidents import Incident, Participant
from serambi.center.desk.on_call import Institution, OnCall, Way
from serambi.web.words import Language, Words

log = logging.getLogger(__name__)

SiteName = Callable[[str, Language], str]
_Key = tuple[int, str]
"""The step that asked, and a way's name."""


@dataclass(frozen=True, slots=True)
class _Errand:
    incident: Incident
    participant: Participant
    institution: Institution
    way: Way

    @property
    def key(self) -> _Key:
        return self.participant.asked, self.way.name


@dataclass(slots=True)
class _Try:
    """How often one errand has failed, and when it is due again, on the monotonic clock."""

    failed: int = 0
    due_s: float = 0.0


class Reach:
    """`run` must run. `site_name` gives a site's name in a language, empty when it has none."""

    def __init__(
        self, desk: Desk, on_call: OnCall, clock: Clock, words: Words, site_name: SiteName
    ) -> None:
        self._desk = desk
        self._on_call = on_call
        self._clock = clock
        self._words = words
        self._site_name = site_name
        self._tries: dict[_Key, _Try] = {}
        self._busy: set[_Key] = set()
        self._over: set[_Key] = set()
        desk.reaches = lambda party: on_call.find(party) is not None

    async def run(self) -> None:
        """Send what is to be sent until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for errand in self._due():
                    if len(self._busy) >= REACH_AT_ONCE:
                        break
                    self._busy.add(errand.key)
                    group.create_task(self._send(errand))
                await asyncio.sleep(REACH_LOOK_EVERY_S)

    def _due(self) -> list[_Errand]:
        waiting = list(self._waiting())
        alive = {errand.key for errand in waiting}
        self._tries = {key: tried for key, tried in self._tries.items() if key in alive}
        self._over &= alive
        now_s = self._clock.monotonic()
        held = self._busy | self._over
        due = [
            errand
            for errand in waiting
            if errand.key not in held and self._tries.setdefault(errand.key, _Try()).due_s <= now_s
        ]
        return sorted(due, key=lambda errand: (errand.incident.priority, errand.participant.asked))

    def _waiting(self) -> Iterator[_Errand]:
        """What was asked for in open incidents and has not ended yet, quiet hours left out."""
        now = datetime.fromtimestamp(self._clock.now(), self._on_call.zone)
        for incident in self._desk.working():
            for one in incident.participants:
                institution = self._on_call.find(one.party)
                if not one.asked or institution is None:
                    continue
                over = institution.quiet_until(now) if incident.priority > 1 else None
                ended = {told.way for told in one.told}
                left = [way for way in institution.way if way.name not in ended]
                if over is not None:
                    if left and one.held_until_ms == 0:
                        self._hold(incident, one, unix_ms(over.timestamp()))
                    continue
                yield from (_Errand(incident, one, institution, way) for way in left)

    def _hold(self, incident: Incident, one: Participant, until_ms: int) -> None:
        asked, participant = one.asked, one.id
        body = h.ReachHeld(participant=participant, asked=asked, until_ms=until_ms)
        self._desk.note_reach(incident.id, body)

    async def _send(self, errand: _Errand) -> None:
        try:
            message = await asyncio.to_thread(self._message, errand)
            await deliver(errand.way, message, self._clock)
        except Undelivered as error:
            self._failed(errand, error)
        except DatabaseError as error:
            log.error("a link cannot be made: %s", error.orig)
            self._failed(errand, Undelivered("failed"))
        except Exception as error:  # noqa: BLE001 - supervised: the other messages go out
            # A service's own code may fail in any way, and what it says may hold an address.
            log.error("%s crashed: %s", errand.way.name, type(error).__name__)
            self._failed(errand, Undelivered("failed"))
        else:
            self._ended(errand, "")
        finally:
            self._busy.discard(errand.key)

    def _failed(self, errand: _Errand, error: Undelivered) -> None:
        tried = self._tries.setdefault(errand.key, _Try())
        tried.failed += 1
        log.warning(
            "incident %03d: %s by %s was not told (%s), try %d",
            *(errand.incident.number, errand.institution.party, errand.way.name),
            *(error.why, tried.failed),
        )
        if error.final or tried.failed >= REACH_TRIES_MAX:
            self._ended(errand, error.why)
            return
        wait_s = min(REACH_AGAIN_FIRST_S * 4 ** (tried.failed - 1), REACH_AGAIN_MAX_S)
        tried.due_s = self._clock.monotonic() + wait_s

    def _ended(self, errand: _Errand, why: str) -> None:
        # Until the disk has taken the step, only this keeps it from being sent once more.
        self._over.add(errand.key)
        body = h.Told.model_validate(
            {
                "participant": errand.participant.id,
                "asked": errand.participant.asked,
                "way": errand.way.name,
                "why": why,
            }
        )
        self._desk.note_reach(errand.incident.id, body)

    def _message(self, errand: _Errand) -> Message:
        """No name of a person, no free text, no picture: it leaves the house."""
        incident, language = errand.incident, errand.institution.language
        url, until_ms = self._page(errand)

        def word(name: str, **values: object) -> str:
            return self._words.text(language, name, **values)

        what = word(f"incidents.type_{incident.type}")
        place = self._site_name(incident.site, language) or word("reach.no_site")
        number, priority = f"{incident.number:03}", f"P{incident.priority}"
        since = self._moment(incident.opened_ms)
        how = word("reach.by_link", until=self._moment(until_ms)) if until_ms else ""
        how = how or word("reach.by_account")
        text = word("reach.text", what=what, place=place, time=since, url=url, how=how)
        facts: dict[str, object] = {
            "format": 1,
            "event": "incident",
            "number": incident.number,
            "type": str(incident.type),
            "priority": incident.priority,
            "site": incident.site,
            "opened_ms": incident.opened_ms,
            "party": errand.institution.party,
            "url": url,
            "until_ms": until_ms,
            "text": text,
        }
        key = f"{incident.id}.{errand.participant.asked}"
        title = word("reach.title", number=number, priority=priority)
        return Message(key, title, text, facts)

    def _page(self, errand: _Errand) -> tuple[str, int]:
        """Where the message leads, and until when, unix ms; 0 where one has to sign in."""
        if errand.institution.sign_in:
            return f"{self._on_call.url}/part/{errand.incident.id}", 0
        token, until_ms = self._desk.links.add(errand.incident.id, errand.participant.id)
        return f"{self._on_call.url}/join#{token}", until_ms

    def _moment(self, at_ms: int) -> str:
        at = datetime.fromtimestamp(at_ms / 1000, self._on_call.zone)
        return f"{at:%d-%m-%Y %H.%M} {at.tzname()}"
