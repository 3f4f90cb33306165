"""What a participant of an institution sees of an incident and may add: what concerns them.

They come by a link that somebody at the desk makes for them, or sign in for their institution
(`seats.py`). Either opens their part and nothing else.
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
from serambi.center.desk.seats import Seat, is_of
from serambi.web.login import digest_of, new_token


class PartNote(BaseModel):
    """`mine`: written by whoever reads it; nobody else is named by name."""

    at_ms: int
    unit: str
    text: str
    mine: bool


class SiteName(BaseModel):
    """What people call a site, in both languages; empty where the incident is not at one."""

    id: str
    en: str


class PartLine(BaseModel):
    """An incident in one line, for whoever was asked into it. `state` is their participant's,
    `open_tasks` how many tasks of their institution are open."""

    id: str
    number: int
    type: IncidentType
    title: str
    site_name: SiteName
    place: str
    opened_ms: int
    closed: bool
    state: h.ParticipantState
    open_tasks: int


class Part(PartLine):
    """One participant's view: their own state, the tasks of their institution, and the notes, which
    are written for all. No alert, no camera, no checklist and no other participant. `me` and
    `name` are who takes part, and who reads this."""

    version: int
    name: str
    me: Participant
    tasks: list[Task]
    notes: list[PartNote]


NameSite = Callable[[str], SiteName]


def line_of(incident: Incident, seat: Seat, name_site: NameSite) -> PartLine:
    return PartLine(
        id=incident.id,
        number=incident.number,
        type=incident.type,
        title=incident.title,
        site_name=name_site(incident.site),
        place=incident.place,
        opened_ms=incident.opened_ms,
        closed=incident.closed_ms > 0,
        state=_me(incident, seat).state,
        open_tasks=sum(task.state == "open" for task in _tasks(incident, seat)),
    )


def part_of(incident: Incident, seat: Seat, name_site: NameSite) -> Part:
    """All that whoever sits there reads."""
    notes = [
        PartNote(
            at_ms=entry.at_ms,
            unit="" if entry.by is None else entry.by.unit,
            text=entry.said.text,
            mine=entry.by == seat.by,
        )
        for entry in incident.timeline
        if isinstance(entry.said, h.Noted)
    ]
    return Part(
        **line_of(incident, seat, name_site).model_dump(),
        version=incident.version,
        name=seat.by.name,
        me=_me(incident, seat),
        tasks=_tasks(incident, seat),
        notes=notes,
    )


def allow_step(incident: Incident, seat: Seat, said: h.Written) -> None:
    """Raises `DENIED` for what is not theirs to add, `CONFLICT` once it is closed."""
    if incident.closed_ms:
        raise SerambiError(Kind.CONFLICT, "the incident is closed", where="join")
    match said:
        case h.Noted():
            mine = True
        case h.ParticipantSet():
            mine = said.participant == seat.participant and said.state in h.OWN_STATES
        case h.TaskSet():
            mine = any(task.id == said.task for task in _tasks(incident, seat))
        case _:
            mine = False
    if not mine:
        raise SerambiError(Kind.DENIED, "this is not yours to change", where="join")


def _me(incident: Incident, seat: Seat) -> Participant:
    return next(one for one in incident.participants if one.id == seat.participant)


def _tasks(incident: Incident, seat: Seat) -> list[Task]:
    return [task for task in incident.tasks if is_of(task.party, seat)]


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
