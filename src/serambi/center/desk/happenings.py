"""The steps of an incident: what each says, and which of them a person may write."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, TypeAdapter

from serambi.base.limits import DESK_LINE_MAX_CHARACTERS, DESK_TEXT_MAX_CHARACTERS
from serambi.center.desk.kinds import AlertKind, IncidentType, Priority
from serambi.center.desk.steps import Body, Person

Line = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=DESK_LINE_MAX_CHARACTERS, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
FullLine = Annotated[Line, StringConstraints(min_length=1)]
Paragraph = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=DESK_TEXT_MAX_CHARACTERS),
]
Ref = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""An item, task or participant, named by whoever made it."""

ParticipantState = Literal[
    "called", "reached", "unreachable", "on_way", "on_site", "needs_help", "left"
]
OWN_STATES: frozenset[ParticipantState] = frozenset(
    {"reached", "on_way", "on_site", "needs_help", "left"}
)
"""What a participant says of themselves; the others are the desk's to say."""
Outcome = Literal["resolved", "false_alarm", "handed_over", "unresolved"]


class Opened(Body):
    kind: Literal["opened"] = "opened"
    type: IncidentType
    title: Line
    priority: Priority
    site: str = ""
    camera: str = ""
    place: Line = ""


class AlertAdded(Body):
    """An alert that belongs to this; `at_ms` is when it was raised, `noticed_ms` when somebody had
    answered it before, 0 when this is the answer."""

    kind: Literal["alert_added"] = "alert_added"
    alert: str
    what: AlertKind
    priority: Priority
    camera: str
    text: str
    at_ms: int
    noticed_ms: int = 0


class Noted(Body):
    kind: Literal["noted"] = "noted"
    text: Paragraph


class Attached(Body):
    """A picture or a PDF; `file` is the SHA-256 of its bytes."""

    kind: Literal["attached"] = "attached"
    file: str
    name: FullLine
    type: Literal["image/png", "image/jpeg", "application/pdf"]
    size_bytes: int


class ItemAdded(Body):
    """A further step of the checklist, in words of its own."""

    kind: Literal["item_added"] = "item_added"
    item: Ref
    text: FullLine


class ItemSet(Body):
    """`skipped`: it does not apply here."""

    kind: Literal["item_set"] = "item_set"
    item: Ref
    state: Literal["open", "done", "skipped"]


class TaskAdded(Body):
    """`party` and `who` are to do it until `due_ms`."""

    kind: Literal["task_added"] = "task_added"
    task: Ref
    text: FullLine
    party: Line = ""
    who: Line = ""
    due_ms: Annotated[int, Field(ge=0, le=2**53 - 1)]


class TaskSet(Body):
    kind: Literal["task_set"] = "task_set"
    task: Ref
    state: Literal["open", "done"]


class TaskLate(Body):
    kind: Literal["task_late"] = "task_late"
    task: str


class Joined(Body):
    """Somebody of an institution is asked to take part; `contact`: how they are reached."""

    kind: Literal["joined"] = "joined"
    participant: Ref
    party: FullLine
    who: FullLine
    contact: Line = ""
    state: ParticipantState = "called"


class ParticipantSet(Body):
    kind: Literal["participant_set"] = "participant_set"
    participant: Ref
    state: ParticipantState


class ReachAsked(Body):
    """A participant is to be told, on every way of their institution's list."""

    kind: Literal["reach_asked"] = "reach_asked"
    participant: Ref


class ReachHeld(Body):
    """It waits for the end of the institution's quiet hours; `asked` is the step that asked."""

    kind: Literal["reach_held"] = "reach_held"
    participant: str
    asked: int
    until_ms: int


class Told(Body):
    """How one way ended: `why` is empty where the other side has taken the message."""

    kind: Literal["told"] = "told"
    participant: str
    asked: int
    way: str
    why: Literal["", "refused", "unreachable", "failed"] = ""


class CameraTurned(Body):
    """A camera of the incident's site opened or closed; `state` as in `GET /api/cameras`, or
    `offline`."""

    kind: Literal["camera_turned"] = "camera_turned"
    camera: str
    state: str


class ViewOpened(Body):
    """Somebody looks at a camera of the incident's site, for the purpose `incident`."""

    kind: Literal["view_opened"] = "view_opened"
    camera: str
    person: Person


class Closed(Body):
    kind: Literal["closed"] = "closed"
    outcome: Outcome
    text: Annotated[str, StringConstraints(max_length=DESK_TEXT_MAX_CHARACTERS)] = ""


class Reopened(Body):
    kind: Literal["reopened"] = "reopened"


Written = Annotated[
    Noted
    | ItemAdded
    | ItemSet
    | TaskAdded
    | TaskSet
    | Joined
    | ParticipantSet
    | ReachAsked
    | Closed
    | Reopened,
    Field(discriminator="kind"),
]
"""What a person may add to an incident."""

Happening = Annotated[
    Opened
    | AlertAdded
    | Noted
    | Attached
    | ItemAdded
    | ItemSet
    | TaskAdded
    | TaskSet
    | TaskLate
    | Joined
    | ParticipantSet
    | ReachAsked
    | ReachHeld
    | Told
    | CameraTurned
    | ViewOpened
    | Closed
    | Reopened,
    Field(discriminator="kind"),
]

BODIES: TypeAdapter[Body] = TypeAdapter(Happening)
