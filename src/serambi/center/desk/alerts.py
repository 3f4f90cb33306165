"""Alerts: what waits for a person, and what was done about it."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import new_id
from serambi.base.limits import ALERTS_REMEMBERED_S, ALERTS_WAITING_MAX, UNDO_S, UNDO_SLACK_S
from serambi.center.desk.kinds import RULES, AlertKind, IncidentType, Priority
from serambi.center.desk.steps import Body, Draft, Person, Step


class Raised(Body):
    """`shelved`: it came while alerts of its kind and place were shelved."""

    kind: Literal["raised"] = "raised"
    what: AlertKind
    priority: Priority
    site: str = ""
    camera: str = ""
    text: str = ""
    caller: str = ""
    shelved: bool = False


class Acknowledged(Body):
    kind: Literal["acknowledged"] = "acknowledged"


class Dismissed(Body):
    """Nothing had happened."""

    kind: Literal["dismissed"] = "dismissed"


class Escalated(Body):
    kind: Literal["escalated"] = "escalated"
    incident: str


class Undone(Body):
    """The acknowledgment or dismissal before it."""

    kind: Literal["undone"] = "undone"


class Ended(Body):
    """The condition is over by itself; somebody must still see that it was there."""

    kind: Literal["ended"] = "ended"


BODIES: TypeAdapter[Body] = TypeAdapter(
    Annotated[
        Raised | Acknowledged | Dismissed | Escalated | Undone | Ended,
        Field(discriminator="kind"),
    ]
)

State = Literal["waiting", "acknowledged", "dismissed", "escalated", "shelved"]
Answer = Literal["acknowledge", "dismiss", "undo"]


class Alert(BaseModel):
    """An alert now. Times are unix milliseconds, 0 where it has not happened; `undo_until_ms`:
    until when who handled it can take that back; `by` is None when a machine raised it;
    `leads_to`: the incident that it most likely becomes."""

    id: str
    number: int
    what: AlertKind
    priority: Priority
    leads_to: IncidentType
    site: str
    camera: str
    text: str
    caller: str
    at_ms: int
    by: Person | None
    state: State
    handled_ms: int = 0
    handled_by: Person | None = None
    undo_until_ms: int = 0
    incident: str = ""
    ended_ms: int = 0

    @property
    def place(self) -> str:
        """The camera, or the site for what concerns all of it."""
        return self.camera or self.site


class Alerts:
    """All that wait, and what was handled in the last ALERTS_REMEMBERED_S."""

    def __init__(self) -> None:
        self._known: dict[str, Alert] = {}

    def apply(self, step: Step) -> None:
        body = step.body
        if isinstance(body, Raised):
            self._raise(step, body)
            return
        alert = self._known.get(step.subject)
        if alert is None:
            return  # long handled, and let go of
        match body:
            case Acknowledged() | Dismissed() | Escalated():
                alert.state = "dismissed" if isinstance(body, Dismissed) else "acknowledged"
                alert.handled_ms, alert.handled_by = step.at_ms, step.by
                alert.undo_until_ms = step.at_ms + int(UNDO_S * 1000)
                if isinstance(body, Escalated):
                    alert.state, alert.incident = "escalated", body.incident
                    alert.undo_until_ms = 0
            case Undone():
                alert.state = "waiting"
                alert.handled_ms, alert.handled_by, alert.undo_until_ms = 0, None, 0
            case Ended():
                alert.ended_ms = step.at_ms

    def _raise(self, step: Step, body: Raised) -> None:
        self._known[step.subject] = Alert(
            id=step.subject,
            number=step.number,
            at_ms=step.at_ms,
            by=step.by,
            leads_to=RULES[body.what].leads_to,
            state="shelved" if body.shelved else "waiting",
            **body.model_dump(exclude={"kind", "shelved"}),
        )

    def knows(self, alert: str) -> bool:
        """Whether there is an alert of this name, or was lately."""
        return alert in self._known

    def find(self, alert: str) -> Alert:
        found = self._known.get(alert)
        if found is None:
            raise SerambiError(
                Kind.NOT_FOUND, "there is no such alert, or it is long over", where=alert[:64]
            )
        return found

    def waiting(self) -> list[Alert]:
        """The most urgent first, among those the oldest."""
        found = [alert for alert in self._known.values() if alert.state == "waiting"]
        return sorted(found, key=lambda alert: (alert.priority, alert.number))

    def is_full(self) -> bool:
        """Whether so many wait that no person can look at more."""
        return sum(one.state == "waiting" for one in self._known.values()) >= ALERTS_WAITING_MAX

    def others(self) -> list[Alert]:
        """What was handled or shelved, the newest first."""
        found = [alert for alert in self._known.values() if alert.state != "waiting"]
        return sorted(found, key=lambda alert: (-max(alert.handled_ms, alert.at_ms), -alert.number))

    def all(self) -> Iterable[Alert]:
        return self._known.values()

    def standing(self, what: AlertKind, place: str) -> Alert | None:
        """The newest alert of a condition that lasts still."""
        for alert in reversed(self._known.values()):
            if alert.what is what and alert.place == place and not alert.ended_ms:
                return alert
        return None

    def forget(self, now_ms: int) -> None:
        """Let go of what was handled long ago and does not last."""
        oldest_ms = now_ms - int(ALERTS_REMEMBERED_S * 1000)
        for alert in list(self._known.values()):
            lasts = RULES[alert.what].lasts and not alert.ended_ms
            handled = alert.state != "waiting" and max(alert.handled_ms, alert.at_ms) < oldest_ms
            if handled and not lasts:
                del self._known[alert.id]


def raised(body: Raised, subject: str = "") -> Draft:
    """A new alert, by this name where it has one."""
    return Draft("alert", subject or new_id(), body, open=not body.shelved)


def answered(
    alerts: Alerts, ids: Sequence[str], answer: Answer, by: Person, now_ms: int
) -> list[Draft]:
    """What an answer to several alerts at once does: those that are past it are left alone.

    Raises `NOT_FOUND`, and `CONFLICT` when it does nothing at all.
    """
    wanted = [alerts.find(alert) for alert in dict.fromkeys(ids)]
    if answer == "undo":
        late_ms = now_ms - int(UNDO_SLACK_S * 1000)
        able = [a for a in wanted if a.handled_by == by and a.undo_until_ms > late_ms]
        why = f"only who handled an alert can undo it, within {UNDO_S:g} s"
    else:
        able = [alert for alert in wanted if alert.state == "waiting"]
        why = "handled already" + _who(wanted)
    if not able:
        raise SerambiError(Kind.CONFLICT, why, where="alerts")
    body: Body = {"acknowledge": Acknowledged, "dismiss": Dismissed, "undo": Undone}[answer]()
    return [Draft("alert", alert.id, body, open=answer == "undo") for alert in able]


def _who(alerts: Sequence[Alert]) -> str:
    names = {alert.handled_by.name for alert in alerts if alert.handled_by is not None}
    return f" by {', '.join(sorted(names))}" if names else ""
