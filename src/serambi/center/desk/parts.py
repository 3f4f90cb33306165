"""What a participant of an institution sees of an incident and may add: what concerns them.

They have no account here. A link that somebody at the desk makes for them opens their part and
nothing else, until the incident is closed or the link is over.
"""

from collections.abc import Callable

from pydantic import BaseModel
from sqlalchemy import Engine, delete, insert, select

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PART_LINK_TTL_S, PART_LINKS_KEPT
from serambi.center.database import desk_links
from serambi.center.desk import happenings as h
from serambi.center.desk.incidents import Incident, Participant, Task
from serambi.center.desk.kinds import IncidentType
from serambi.center.desk.steps import Person
from serambi.web.login import digest_of, new_token


class PartNote(BaseModel):
    """`mine`: written by this participant; nobody else is named by name."""

    at_ms: int
    unit: str
    text: str
    mine: bool


class Part(BaseModel):
    """One participant's view: their own state, the tasks of their institution, and the notes, which
    are written for all. No alert, no camera, no checklist and no other participant."""

    number: int
    type: IncidentType
    title: str
    site: str
    place: str
    opened_ms: int
    closed: bool
    version: int
    me: Participant
    tasks: list[Task]
    notes: list[PartNote]


def part_of(incident: Incident, participant: str) -> Part:
    """Raises `NOT_FOUND` when they are not in it."""
    me = _participant(incident, participant)
    by = person_of(me)
    notes = [
        PartNote(
            at_ms=entry.at_ms,
            unit="" if entry.by is None else entry.by.unit,
            text=entry.said.text,
            mine=entry.by == by,
        )
        for entry in incident.timeline
        if isinstance(entry.said, h.Noted)
    ]
    return Part(
        number=incident.number,
        type=incident.type,
        title=incident.title,
        site=incident.site,
        place=incident.place,
        opened_ms=incident.opened_ms,
        closed=incident.closed_ms > 0,
        version=incident.version,
        me=me,
        tasks=[task for task in incident.tasks if task.party == me.party],
        notes=notes,
    )


def person_of(me: Participant) -> Person:
    """How a participant stands beside the steps that they add."""
    return Person(account=f"participant {me.id}", name=me.who, unit=me.party)


def allowed(incident: Incident, participant: str, said: h.Written) -> Person:
    """Who adds it. Raises `DENIED` for what is not theirs, `CONFLICT` once it is closed."""
    part = part_of(incident, participant)
    if part.closed:
        raise SerambiError(Kind.CONFLICT, "the incident is closed", where="join")
    match said:
        case h.Noted():
            mine = True
        case h.ParticipantSet():
            mine = said.participant == participant
        case h.TaskSet():
            mine = any(task.id == said.task for task in part.tasks)
        case _:
            mine = False
    if not mine:
        raise SerambiError(Kind.DENIED, "this is not yours to change", where="join")
    return person_of(part.me)


def _participant(incident: Incident, participant: str) -> Participant:
    found = next((one for one in incident.participants if one.id == participant), None)
    if found is None:
        raise SerambiError(Kind.NOT_FOUND, "there is no such participant", where="join")
    return found


class Links:
    """The table `desk_links`: digests only, so that who reads the database can open nothing."""

    def __init__(self, engine: Engine, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._now_ms = now_ms

    def make(self, incident: str, participant: str) -> tuple[str, int]:
        """A new token and when it is over, unix ms; the participant's last one ends now."""
        return self._keep(incident, participant, 0)

    def add(self, incident: str, participant: str) -> tuple[str, int]:
        """Likewise, and the newest few before it stay: each message brings its own."""
        return self._keep(incident, participant, PART_LINKS_KEPT)

    def _keep(self, incident: str, participant: str, keeping: int) -> tuple[str, int]:
        token = new_token()
        until_ms = self._now_ms() + int(PART_LINK_TTL_S * 1000)
        row = {"digest": digest_of(token), "incident": incident, "participant": participant}
        same = (desk_links.c.incident == incident, desk_links.c.participant == participant)
        newest = select(desk_links.c.digest).where(*same)
        newest = newest.order_by(desk_links.c.expires_ms.desc()).limit(keeping)
        over = desk_links.c.expires_ms <= self._now_ms()
        with self._engine.begin() as connection:
            connection.execute(delete(desk_links).where(*same, desk_links.c.digest.not_in(newest)))
            connection.execute(delete(desk_links).where(over))
            connection.execute(insert(desk_links).values(**row, expires_ms=until_ms))
        return token, until_ms

    def find(self, token: str) -> tuple[str, str]:
        """Incident and participant. Raises `UNAUTHENTICATED`."""
        wanted = select(desk_links).where(desk_links.c.digest == digest_of(token))
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        if not token or row is None or row.expires_ms <= self._now_ms():
            raise SerambiError(
                Kind.UNAUTHENTICATED,
                "this link is over, or was never made",
                where="join",
                hint="ask the command center for a new one",
            )
        return row.incident, row.participant
