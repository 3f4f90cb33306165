"""What the HTTP interface says, field by field. The web app's types are generated from this."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from serambi.base.limits import BREAK_GLASS_TEXT_MAX_CHARACTERS
from serambi.center.accounts import Role

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


Reasoning = Annotated[str, StringConstraints(max_length=2 * BREAK_GLASS_TEXT_MAX_CHARACTERS)]


class Text(BaseModel):
    """One text in both languages."""

    id: str
    en: str


class Party(BaseModel):
    id: str
    name: Text


class Alarm(BaseModel):
    """The ledger of `site` is not what it was: entry `seq` of `epoch` came in two versions."""

    kind: Literal["history_differs"] = "history_differs"
    site: str
    epoch: str
    seq: int
    at_ms: int


class Health(BaseModel):
    """`status` is `ok`, or `degraded` while the disk refuses to take what must be written down: no
    view can be opened then. `sites` says which sites are heard."""

    status: Literal["ok", "degraded"]
    version: str
    sites: dict[str, bool]
    alarms: list[Alarm]


class SignIn(BaseModel):
    account: Annotated[str, StringConstraints(max_length=64)]
    password: Annotated[str, StringConstraints(max_length=1024)]


class Me(BaseModel):
    account: str
    name: str
    role: Role
    unit: str
    party: Party


class Place(BaseModel):
    """A point on the ground, WGS 84."""

    latitude_deg: float
    longitude_deg: float


class Sector(Place):
    """Where a camera stands and what it faces; heading clockwise from north."""

    heading_deg: int
    fov_deg: int


class Waiting(BaseModel):
    """An agreement that names the site and is not signed by all."""

    agreement: str
    missing: list[Party]
    parties: int


class Site(BaseModel):
    """`since_ms`: online or offline since when, unix milliseconds. `place` is where the center's
    map says that the site is."""

    id: str
    name: Text
    owner: str
    owner_name: Text
    contact: Text
    online: bool
    since_ms: int
    waiting: list[Waiting]
    cameras: int
    place: Place | None


class Purpose(BaseModel):
    id: str
    text: Text


class Shape(BaseModel):
    width: int
    height: int
    fps: int


class Streams(BaseModel):
    main: Shape
    sub: Shape


class Camera(BaseModel):
    """`state` is `open` or why not; `opens_ms` 0 when not known; `online`: pictures reach the site
    and the site is heard; no `sector` where the attestation names no place. `incident_needed`,
    `four_eyes`, `break_glass`: what the agreement says of a view."""

    id: str
    number: str
    name: Text
    site: str
    site_name: Text
    owner: str
    owner_name: Text
    contact: Text
    facing: str
    agreement: str
    until_ms: int
    actions: list[str]
    purposes: list[Purpose]
    incident_needed: bool
    four_eyes: bool
    break_glass: bool
    state: str
    since_ms: int
    opens_ms: int
    online: bool
    offline_since_ms: int
    trouble: str
    streams: Streams
    sector: Sector | None


class Wish(BaseModel):
    """A view that somebody wants; of recordings (`playback`) the main stream, with a range of the
    past, an hour at most, in unix milliseconds. `incident` is the id of an open incident it is for.
    `break_glass` is the reason for passing over hours and conditions in an emergency, where the
    agreement gives that: the owner is alarmed, and the same person has to justify it. With
    `under_act` it is one more view under an act of theirs that runs at this camera."""

    camera: Name
    action: Name
    purpose: Name
    stream: Literal["main", "sub"] = "sub"
    from_ms: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    to_ms: Annotated[int, Field(ge=0, le=2**53 - 1)] = 0
    incident: Annotated[str, StringConstraints(max_length=64)] = ""
    break_glass: Reasoning = ""
    under_act: bool = False


class Session(BaseModel):
    """An open view; `until_ms` is when the grant ends unless the center renews it. `incident` is
    the number of the one it is for, `act` the breaking of the glass that opened it."""

    id: str
    camera: str
    stream: Literal["main", "sub"]
    action: str
    purpose: str
    agreement: str
    until_ms: int
    incident: str
    act: str


class BreakGlass(BaseModel):
    """One breaking of the glass. It runs until `ends_ms` and is to be justified by `due_ms`;
    `justified_ms` is 0 until then, `said` is that justification."""

    act: str
    account: str
    name: str
    unit: str
    site: str
    camera: str
    purpose: str
    agreement: str
    why: str
    at_ms: int
    ends_ms: int
    due_ms: int
    justified_ms: int
    justified_by: str
    said: str


class Justification(BaseModel):
    text: Reasoning


class Answer(BaseModel):
    """What one site said to a document."""

    allowed: bool
    reason: str


class HistoryEntry(BaseModel):
    """One entry of a site's ledger: `seq` is its index there, `received_ms` when it came. `camera`
    is a commitment where no agreement names it; `person` is empty once the name is erased."""

    id: int
    epoch: str
    seq: int
    received_ms: int
    kind: str
    at_ms: int
    site: str
    session: str
    camera: str
    person: str
    unit: str
    party: str
    purpose: str
    agreement: str
    reason: str
    detail: str


class Ground(BaseModel):
    """What the map is drawn on. `drawing`: there is a drawing at `/api/map/drawing`, GeoJSON;
    `tiles`: addresses of tiles with `{z}`, `{x}`, `{y}`, empty when there are none; `archive`:
    there is a PMTiles archive at `/api/map/archive`. `credit` is what their licence asks to show;
    `trouble`: why the drawing cannot be used, in plain words."""

    drawing: bool
    archive: bool
    tiles: str
    credit: str
    trouble: str


class State(BaseModel):
    """Pushed over `/api/events` at connect and at every change."""

    type: Literal["state"] = "state"
    now_ms: int
    sites: list[Site]
    cameras: list[Camera]


class Beat(BaseModel):
    """Pushed over `/api/events` every second."""

    type: Literal["beat"] = "beat"
    now_ms: int
    open_views: int


class Desk(BaseModel):
    """Pushed over `/api/events` at connect and whenever something happens at the desk: the number
    of the newest step of each kind, so that whoever shows them can ask for them anew."""

    type: Literal["desk"] = "desk"
    alerts: int
    incidents: int
    handovers: int
    walls: int
    waiting: int
    urgent: int
    open_incidents: int
