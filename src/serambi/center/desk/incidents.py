"""Incidents: what people of several institutions work on together, as the fold of its steps."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ATTACHMENTS_PER_INCIDENT, INCIDENT_STEPS_MAX, TASK_DUE_MAX_S
from serambi.center.desk import happenings as h
from serambi.center.desk.kinds import CHECKLISTS, IncidentType, Priority
from serambi.center.desk.steps import Draft, Person, Step


class Item(BaseModel):
    """One step of the checklist. `text` is empty where the screens have words for `id`."""

    id: str
    text: str = ""
    state: Literal["open", "done", "skipped"] = "open"
    at_ms: int = 0
    by: Person | None = None


class Task(BaseModel):
    id: str
    text: str
    party: str
    who: str
    due_ms: int
    state: Literal["open", "done"] = "open"
    late: bool = False
    at_ms: int = 0
    by: Person | None = None


class Told(BaseModel):
    """How one way to a participant ended; `why` is empty where they were told."""

    way: str
    at_ms: int
    why: str


class Participant(BaseModel):
    """`since_ms`: when `state` began. `asked` is the step that last asked to tell them, 0 for none,
    and `asked_ms` when; since then `told`, or waiting for the end of quiet hours."""

    id: str
    party: str
    who: str
    contact: str
    state: h.ParticipantState
    since_ms: int
    asked: int = 0
    asked_ms: int = 0
    held_until_ms: int = 0
    told: list[Told] = []


class Entry(BaseModel):
    """One line of the timeline; `by` is None where it wrote itself."""

    id: int
    at_ms: int
    by: Person | None
    said: h.Happening


class Durations(BaseModel):
    """Milliseconds; None where it has not happened, or where no alert began it. `noticed`: from the
    alert to its answer, `decided`: from the alert to the opening, `arrived`: from the opening to
    the first participant on site."""

    noticed: int | None = None
    decided: int | None = None
    arrived: int | None = None


class Summary(BaseModel):
    """An incident in one line. `missing`: steps of the checklist that still keep it open."""

    id: str
    number: int
    type: IncidentType
    title: str
    priority: Priority
    site: str
    camera: str
    place: str
    opened_ms: int
    opened_by: Person | None
    closed_ms: int = 0
    closed_by: Person | None = None
    outcome: h.Outcome | None = None
    missing: int = 0
    late_tasks: int = 0


class Incident(Summary):
    """All of an incident. `version` is its newest step."""

    version: int
    checklist: list[Item]
    tasks: list[Task]
    participants: list[Participant]
    alerts: list[str]
    timeline: list[Entry]
    durations: Durations


def fold(steps: Iterable[Step]) -> Incident:
    """The incident that these steps make; the first is its opening."""
    found: Incident | None = None
    for step in steps:
        found = opened(step) if found is None else found
        if not isinstance(step.body, h.Opened):
            apply(found, step)
    if found is None:
        raise SerambiError(Kind.NOT_FOUND, "there is no such incident", where="incidents")
    return found


def opened(step: Step) -> Incident:
    body = step.body
    if not isinstance(body, h.Opened):
        raise SerambiError(Kind.CORRUPT, "an incident does not begin with its opening")
    items = [Item(id=item) for item in CHECKLISTS[body.type]]
    return Incident(
        id=step.subject,
        number=step.number,
        opened_ms=step.at_ms,
        opened_by=step.by,
        version=step.id,
        missing=len(items),
        checklist=items,
        tasks=[],
        participants=[],
        alerts=[],
        timeline=[_entry(step)],
        durations=Durations(),
        **body.model_dump(exclude={"kind"}),
    )


def _entry(step: Step) -> Entry:
    # Taken as it is: a step was checked when it was written or read.
    return Entry.model_construct(id=step.id, at_ms=step.at_ms, by=step.by, said=step.body)


def apply(incident: Incident, step: Step) -> None:
    """One step further; what it names is there, or it would not have been written."""
    incident.version = step.id
    incident.timeline.append(_entry(step))
    match step.body:
        case h.AlertAdded() as body:
            incident.alerts.append(body.alert)
            if len(incident.alerts) == 1:
                answered_ms = body.noticed_ms or step.at_ms
                incident.durations.noticed = max(0, answered_ms - body.at_ms)
                incident.durations.decided = max(0, step.at_ms - body.at_ms)
        case h.ItemAdded() as body:
            incident.checklist.append(Item(id=body.item, text=body.text))
        case h.ItemSet() as body:
            item = next(item for item in incident.checklist if item.id == body.item)
            item.state, item.at_ms, item.by = body.state, step.at_ms, step.by
        case h.TaskAdded() as body:
            said = body.model_dump(exclude={"kind", "task"})
            incident.tasks.append(Task(id=body.task, **said))
        case h.TaskSet() as body:
            task = _task(incident, body.task)
            task.state, task.at_ms, task.by = body.state, step.at_ms, step.by
        case h.TaskLate() as body:
            _task(incident, body.task).late = True
        case h.Joined() as body:
            said = body.model_dump(exclude={"kind", "participant"})
            incident.participants.append(
                Participant(id=body.participant, since_ms=step.at_ms, **said)
            )
        case h.ParticipantSet() as body:
            one = _participant(incident, body.participant)
            one.state, one.since_ms = body.state, step.at_ms
        case h.ReachAsked() | h.ReachHeld() | h.Told() as body:
            _reached(_participant(incident, body.participant), body, step)
        case h.Closed() as body:
            incident.closed_ms, incident.closed_by = step.at_ms, step.by
            incident.outcome = body.outcome
        case h.Reopened():
            incident.closed_ms, incident.closed_by, incident.outcome = 0, None, None
    _arrive(incident, step)
    incident.missing = sum(item.state == "open" for item in incident.checklist)
    incident.late_tasks = sum(task.late and task.state == "open" for task in incident.tasks)


def _arrive(incident: Incident, step: Step) -> None:
    on_site = isinstance(step.body, h.Joined | h.ParticipantSet) and step.body.state == "on_site"
    if on_site and incident.durations.arrived is None:
        incident.durations.arrived = step.at_ms - incident.opened_ms


def _reached(one: Participant, body: h.ReachAsked | h.ReachHeld | h.Told, step: Step) -> None:
    if isinstance(body, h.ReachAsked):
        one.asked, one.asked_ms, one.held_until_ms, one.told = step.id, step.at_ms, 0, []
    elif body.asked != one.asked:
        return  # of an earlier asking
    elif isinstance(body, h.ReachHeld):
        one.held_until_ms = body.until_ms
    else:
        one.told.append(Told(way=body.way, at_ms=step.at_ms, why=body.why))


def _participant(incident: Incident, participant: str) -> Participant:
    return next(one for one in incident.participants if one.id == participant)


def _task(incident: Incident, task: str) -> Task:
    return next(one for one in incident.tasks if one.id == task)


def added(incident: Incident, said: h.Written | h.Attached, now_ms: int) -> Draft:
    """What a person adds, if it can be added now. Raises `CONFLICT`, `NOT_FOUND`, `LIMIT`."""
    if len(incident.timeline) >= INCIDENT_STEPS_MAX and not isinstance(said, h.Closed):
        raise _no(Kind.LIMIT, f"an incident has at most {INCIDENT_STEPS_MAX} steps", incident)
    if incident.closed_ms and not isinstance(said, h.Reopened | h.Noted | h.Attached):
        raise _no(Kind.CONFLICT, "the incident is closed", incident, "reopen it first")
    match said:
        case h.Attached() if len(files_of(incident)) >= ATTACHMENTS_PER_INCIDENT:
            raise _no(Kind.LIMIT, f"at most {ATTACHMENTS_PER_INCIDENT} files", incident)
        case h.ItemAdded():
            _new(said.item, (item.id for item in incident.checklist), incident)
        case h.ItemSet():
            _there(said.item, (item.id for item in incident.checklist), incident)
        case h.TaskAdded():
            _new(said.task, (task.id for task in incident.tasks), incident)
            if said.due_ms > now_ms + TASK_DUE_MAX_S * 1000:
                raise _no(Kind.BAD_INPUT, "a task is due within a week", incident)
        case h.TaskSet():
            _there(said.task, (task.id for task in incident.tasks), incident)
        case h.Joined():
            _new(said.participant, (one.id for one in incident.participants), incident)
        case h.ReachAsked():
            _there(said.participant, (one.id for one in incident.participants), incident)
            one = _participant(incident, said.participant)
            if one.asked and not one.told:
                raise _no(Kind.CONFLICT, "they are being reached already", incident)
        case h.ParticipantSet():
            _there(said.participant, (one.id for one in incident.participants), incident)
        case h.Closed() if incident.missing:
            hint = "do each step of the checklist, or mark it as not needed"
            what = f"{incident.missing} steps of the checklist are open"
            raise _no(Kind.CONFLICT, what, incident, hint)
        case h.Reopened() if not incident.closed_ms:
            raise _no(Kind.CONFLICT, "the incident is open", incident)
    opens = {"closed": False, "reopened": True}.get(said.kind)
    return Draft("incident", incident.id, said, open=opens)


def files_of(incident: Incident) -> list[h.Attached]:
    """What is attached, in the order of arrival."""
    return [entry.said for entry in incident.timeline if isinstance(entry.said, h.Attached)]


def overdue(incident: Incident, now_ms: int) -> list[Draft]:
    """What the timeline says of tasks whose time has passed."""
    return [
        Draft("incident", incident.id, h.TaskLate(task=task.id))
        for task in incident.tasks
        if task.state == "open" and not task.late and task.due_ms <= now_ms
    ]


def _new(name: str, known: Iterable[str], incident: Incident) -> None:
    if name in known:
        raise _no(Kind.CONFLICT, f"{name} is there already", incident)


def _there(name: str, known: Iterable[str], incident: Incident) -> None:
    if name not in known:
        raise _no(Kind.NOT_FOUND, f"there is no {name} in this incident", incident)


def _no(kind: Kind, what: str, incident: Incident, hint: str = "") -> SerambiError:
    return SerambiError(kind, what, where=f"incident {incident.number:03}", hint=hint)
