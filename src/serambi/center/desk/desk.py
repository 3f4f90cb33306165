"""The desk: everything that people at the center do about what happens, and its state in memory.

It survives a restart because it is the fold of what `steps.py` keeps. Who may do what is decided
in `access.py`, before this is called.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from pydantic import TypeAdapter
from sqlalchemy.exc import OperationalError

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import new_id
from serambi.base.limits import (
    ALERTS_REMEMBERED_S,
    HANDOVERS_SHOWN,
    INCIDENTS_OPEN_MAX,
    INCIDENTS_SHOWN_CLOSED,
)
from serambi.center.desk import alerts as a
from serambi.center.desk import handovers, incidents, shelves, walls
from serambi.center.desk import happenings as h
from serambi.center.desk.files import Files
from serambi.center.desk.incidents import Incident, Summary
from serambi.center.desk.kinds import RULES, AlertKind
from serambi.center.desk.parts import Links
from serambi.center.desk.steps import Body, Draft, Once, Person, Step, Steps
from serambi.center.desk.writer import Writer

log = logging.getLogger(__name__)

READERS: dict[str, TypeAdapter[Body]] = {
    "alert": a.BODIES,
    "shelf": shelves.BODIES,
    "incident": h.BODIES,
    "handover": handovers.BODIES,
    "layout": walls.LAYOUT_BODIES,
    "monitor": walls.MONITOR_BODIES,
}


class Desk:
    """`alerts`, `shelves`, `handovers` and `walls` may be read at any time; writing goes through
    here."""

    def __init__(
        self, steps: Steps, files: Files, links: Links, writer: Writer, clock: Clock
    ) -> None:
        self._steps = steps
        self._clock = clock
        self.files = files
        self.links = links
        self.writer = writer
        self.alerts = a.Alerts()
        self.shelves = shelves.Shelves()
        self.handovers = handovers.Handovers()
        self.walls = walls.Walls()
        self.reaches: Callable[[str], bool] = lambda party: False
        """Whether an institution has a list of who is on call."""
        self._open: dict[str, Incident] = {}
        writer.folds("alert", self.alerts.apply)
        writer.folds("shelf", self.shelves.apply)
        writer.folds("incident", self._apply_incident)
        writer.folds("handover", self.handovers.apply)
        writer.folds("layout", self.walls.apply)
        writer.folds("monitor", self.walls.apply)

    async def run(self) -> None:
        """Write until cancelled. Raises `UNAVAILABLE` while what a disk refused at the start
        cannot be loaded: call it again."""
        if not self.load():
            raise SerambiError(Kind.UNAVAILABLE, "the database cannot be read", where="desk")
        await self.writer.run()

    def load(self) -> bool:
        """What was kept before the start; False while the disk refuses to be read."""
        if self.writer.ready:
            return True
        try:
            self._load()
        except OperationalError as error:
            log.error("what happened at the desk cannot be read: %s", error.orig)
            return False
        self.writer.ready = True
        return True

    def _load(self) -> None:
        day_ms = self.now_ms() - int(ALERTS_REMEMBERED_S * 1000)
        self.writer.restore(self._steps.open_or_since("shelf", day_ms))
        self.writer.restore(self._steps.open_or_since("alert", day_ms))
        self.writer.restore(self._steps.open_or_since("incident", day_ms))
        recent = self._steps.closed("handover", HANDOVERS_SHOWN)
        self.writer.restore(self._steps.of("handover", recent))
        self.writer.restore(self._steps.open_or_since("handover", self.now_ms()))
        for stream in ("layout", "monitor"):
            self.writer.restore(self._steps.open_or_since(stream, self.now_ms()))

    def now_ms(self) -> int:
        return unix_ms(self._clock.now())

    def tick(self) -> None:
        """Call it often: tasks become late, shelves expire, what is long over is let go."""
        if not self.writer.ready:
            return
        now_ms = self.now_ms()
        if self.shelves.expired(now_ms):
            self.writer.note(self.shelves.expired)
        for incident in list(self._open.values()):
            if incidents.overdue(incident, now_ms):
                self.writer.note(partial(incidents.overdue, incident))
        self.alerts.forget(now_ms)

    # Alerts

    def raise_alert(
        self,
        what: AlertKind,
        *,
        site: str = "",
        camera: str = "",
        text: str = "",
        subject: str = "",
    ) -> None:
        """By a machine: kept as soon as the disk takes it. One whose condition lasts still is not
        raised again, nor one whose `subject` is known; one that is laid aside is kept and calls
        nobody."""

        def propose(now_ms: int) -> Sequence[Draft]:
            place = camera or site
            if subject and self.alerts.knows(subject):
                return []
            if RULES[what].lasts and self.alerts.standing(what, place) is not None:
                return []
            if RULES[what].priority > 1 and self.alerts.is_full():
                log.error("too many alerts wait: %s at %s is not among them", what, place)
                return []
            shelved = self.shelves.holds(what, place, now_ms)
            body = a.Raised(
                what=what,
                priority=RULES[what].priority,
                site=site,
                camera=camera,
                text=text,
                shelved=shelved,
            )
            return [a.raised(body, subject)]

        self.writer.note(propose)

    def end_alert(self, what: AlertKind, place: str) -> None:
        """The condition is over by itself."""

        def propose(now_ms: int) -> Sequence[Draft]:
            standing = self.alerts.standing(what, place)
            return [] if standing is None else [Draft("alert", standing.id, a.Ended())]

        self.writer.note(propose)

    def standing(self) -> list[tuple[AlertKind, str, str]]:
        """Conditions that last still, each with its site and camera."""
        return [
            (alert.what, alert.site, alert.camera)
            for alert in self.alerts.all()
            if RULES[alert.what].lasts and not alert.ended_ms
        ]

    async def report(self, by: Person, once: Once, body: a.Raised) -> a.Alert:
        """What a person was told, by a call for example, as an alert. Raises `LIMIT`."""

        def propose(now_ms: int) -> Sequence[Draft]:
            if body.priority > 1 and self.alerts.is_full():
                raise SerambiError(Kind.LIMIT, "too many alerts wait", hint="answer some of them")
            return [a.raised(body)]

        steps = await self.writer.write(by, once, propose)
        return self.alerts.find(steps[0].subject)

    async def answer(
        self, by: Person, once: Once, ids: Sequence[str], answer: a.Answer
    ) -> list[a.Alert]:
        """Acknowledge, dismiss or undo several at once; those that were changed."""
        steps = await self.writer.write(
            by, once, lambda now_ms: a.answered(self.alerts, ids, answer, by, now_ms)
        )
        return [self.alerts.find(step.subject) for step in steps]

    # Incidents

    async def open(
        self, by: Person, once: Once, body: h.Opened, alert_ids: Sequence[str] = ()
    ) -> Incident:
        """A new incident. `alert_ids` are escalated into it; none may be in another already."""
        subject = new_id()

        def propose(now_ms: int) -> Sequence[Draft]:
            if len(self._open) >= INCIDENTS_OPEN_MAX:
                raise SerambiError(
                    Kind.LIMIT, f"{INCIDENTS_OPEN_MAX} incidents are open", hint="close some"
                )
            drafts = [Draft("incident", subject, body, open=True)]
            for name in dict.fromkeys(alert_ids):
                alert = self.alerts.find(name)
                if alert.incident:
                    raise SerambiError(
                        Kind.CONFLICT, "the alert belongs to an incident already", where=name
                    )
                drafts.append(Draft("incident", subject, _alert_added(alert)))
                drafts.append(Draft("alert", name, a.Escalated(incident=subject), open=False))
            return drafts

        steps = await self.writer.write(by, once, propose)
        return await self.incident(steps[0].subject)

    async def add(
        self, by: Person, once: Once, incident: str, said: h.Written | h.Attached
    ) -> Incident:
        """One step of a person. Raises what `incidents.added` raises."""
        known = await self.incident(incident)

        def propose(now_ms: int) -> Sequence[Draft]:
            drafts = [incidents.added(self._open.get(incident, known), said, now_ms)]
            if isinstance(said, h.Joined) and said.state == "called" and self.reaches(said.party):
                # In one write: whoever is called is told, whatever happens in between.
                asks = h.ReachAsked(participant=said.participant)
                drafts.append(Draft("incident", incident, asks))
            return drafts

        await self.writer.write(by, once, propose)
        return await self.incident(incident)

    def note_turn(self, site: str, camera: str, state: str) -> None:
        """A camera of a site opened or closed: into the timeline of what goes on there."""
        body = h.CameraTurned(camera=camera, state=state)
        for incident in self._open.values():
            if incident.site == site and not incident.closed_ms:
                self.writer.note(partial(_as_is, Draft("incident", incident.id, body)))

    def note_reach(self, incident: str, body: h.Told | h.ReachHeld) -> None:
        """How reaching a participant went on: into the timeline."""
        self.writer.note(partial(_as_is, Draft("incident", incident, body)))

    def working(self) -> list[Incident]:
        """The incidents that are open, whole."""
        return [one for one in self._open.values() if not one.closed_ms]

    def note_view(self, site: str, camera: str, by: Person) -> None:
        """Somebody opened a view for what goes on at a site: once for each of them and camera."""
        body = h.ViewOpened(camera=camera, person=by)
        for incident in self._open.values():
            seen = any(entry.said == body for entry in incident.timeline)
            if incident.site == site and not incident.closed_ms and not seen:
                self.writer.note(partial(_as_is, Draft("incident", incident.id, body)))

    async def incident(self, incident: str) -> Incident:
        """Raises `NOT_FOUND`."""
        if incident in self._open:
            return self._open[incident]
        steps = await asyncio.to_thread(self._steps.of, "incident", [incident])
        return incidents.fold(steps)

    def open_incidents(self) -> list[Summary]:
        """The most urgent first, among those the oldest."""
        found = [one for one in self._open.values() if not one.closed_ms]
        return [_summary(one) for one in sorted(found, key=lambda one: (one.priority, one.number))]

    async def closed_incidents(self, before: int | None) -> list[Summary]:
        """The newest first, below number `before`."""
        ids = await asyncio.to_thread(
            self._steps.closed, "incident", INCIDENTS_SHOWN_CLOSED, before
        )
        return [_summary(await self.incident(one)) for one in ids]

    def _apply_incident(self, step: Step) -> None:
        if isinstance(step.body, h.Opened):
            self._open[step.subject] = incidents.opened(step)
        elif step.subject in self._open:
            incidents.apply(self._open[step.subject], step)
        elif isinstance(step.body, h.Reopened):
            kept = self._steps.of("incident", [step.subject])
            # At a start, later steps follow this one.
            self._open[step.subject] = incidents.fold(one for one in kept if one.id <= step.id)
        if isinstance(step.body, h.Closed):
            self._open.pop(step.subject, None)

    # Shelves and handovers

    async def shelve(
        self, by: Person, once: Once, what: AlertKind, place: str, until_ms: int, reason: str
    ) -> shelves.Shelf:
        """Alerts of one kind and place call nobody until then. Raises `DENIED` for P1."""

        def propose(now_ms: int) -> Sequence[Draft]:
            return [self.shelves.put(what, place, until_ms, reason, now_ms)]

        steps = await self.writer.write(by, once, propose)
        found = self.shelves.all(self.now_ms())
        return next(shelf for shelf in found if shelf.id == steps[0].subject)

    async def unshelve(self, by: Person, once: Once, shelf: str) -> None:
        await self.writer.write(by, once, lambda now_ms: [self.shelves.take(shelf)])

    async def draft_handover(
        self, by: Person, once: Once, account: handovers.ShiftAccount, remarks: str
    ) -> handovers.Handover:
        subject = new_id()
        steps = await self.writer.write(
            by, once, lambda now_ms: self.handovers.draft(subject, account, remarks)
        )
        return self.handovers.find(steps[-1].subject)

    async def sign_handover(
        self, by: Person, once: Once, handover: str, side: handovers.Side
    ) -> handovers.Handover:
        """Raises `CONFLICT` where nothing is to be signed."""
        await self.writer.write(by, once, lambda now_ms: [self.handovers.sign(handover, side, by)])
        return self.handovers.find(handover)

    # Layouts and monitors

    async def save_layout(
        self, by: Person, once: Once, layout: str, said: walls.Arrangement, *, new: bool
    ) -> walls.Layout:
        """Raises `NOT_FOUND` when one that is to be changed is gone, `LIMIT`."""
        steps = await self.writer.write(
            by, once, lambda now_ms: self.walls.save(layout, said, new=new)
        )
        return self.walls.find(steps[0].subject)

    async def remove_layout(self, by: Person, once: Once, layout: str) -> None:
        await self.writer.write(by, once, lambda now_ms: self.walls.remove(layout))

    async def show_layout(self, by: Person, once: Once, monitor: int, layout: str) -> None:
        """Raises `NOT_FOUND`."""
        await self.writer.write(by, once, lambda now_ms: self.walls.show(monitor, layout))


def _as_is(draft: Draft, now_ms: int) -> list[Draft]:
    return [draft]


def _summary(incident: Incident) -> Summary:
    return Summary.model_construct(
        **{name: getattr(incident, name) for name in Summary.model_fields}
    )


def _alert_added(alert: a.Alert) -> h.AlertAdded:
    return h.AlertAdded(
        alert=alert.id,
        what=alert.what,
        priority=alert.priority,
        camera=alert.camera,
        text=alert.text,
        at_ms=alert.at_ms,
        noticed_ms=alert.handled_ms,
    )
