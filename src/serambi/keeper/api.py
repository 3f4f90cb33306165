"""The keeper's programmable side: who watches, stop, resume, health, documents. For the owner."""

import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from serambi import __version__
from serambi.base.clock import unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.keeper.keeper import Keeper
from serambi.web.login import Gate, Login


class Viewer(BaseModel):
    """One open view; person, unit and the incident's number are what the center claims. `act`: the
    breaking of the glass that opened it, empty for an ordinary view."""

    session: str
    camera: str
    number: str
    stream: str
    person: str
    unit: str
    party: str
    purpose: str
    incident: str
    act: str
    agreement: str
    since_ms: int
    until_ms: int


class Which(BaseModel):
    """One camera, or without it the whole site."""

    model_config = ConfigDict(extra="forbid")
    camera: str | None = None


class StopResult(BaseModel):
    """`seconds`: from the press until the last byte had left the box or was destroyed."""

    seconds: float
    sessions: int
    people: int


class StreamHealth(BaseModel):
    """`engine`: `own` or `pyav`, and why it is not the own reader; `clock_offset_s`: how far the
    camera's clock is ahead of this box, null while it has not said."""

    state: str
    fps: float
    bitrate_bps: float
    lag_s: float
    lost_packets: int
    last_error: str
    since_ms: int
    engine: str
    engine_reason: str
    clock_offset_s: float | None


class CameraHealth(BaseModel):
    """`view`: `match`, `changed`, `undecidable`, `unseen`, empty when it is not checked;
    `view_trouble`: why the camera cannot be looked at."""

    id: str
    number: str
    online: bool
    recording: bool
    recording_trouble: str
    view: str
    view_trouble: str
    streams: dict[str, StreamHealth]


class Analysis(BaseModel):
    """What the analysis uses of a core, how often it looks at each camera, and how many pictures
    it had to leave out."""

    running: bool
    cores: float
    every_s: float
    left_out: int


class Health(BaseModel):
    """`lamp`: `on`, `none`, `stopped` or `unknown` (the center is silent while views are open).
    `disk_refuses`: something waits to be written down, and no view can be opened meanwhile.
    `clock_trouble`: why the date is not believed, and so nothing shared; empty while it is.
    `ledger_cosigned`: how many entries a quorum of the parties has cosigned; `seen_ms`: everything
    older has been seen by it, null when the roster names no witness; `ledger_alarm`: a party has
    seen another past than this ledger's."""

    status: str
    version: str
    site: str
    lamp: str
    center_linked: bool
    ledger_size: int
    ledger_cosigned: int
    ledger_alarm: str
    seen_ms: int | None
    disk_refuses: bool
    analysis: Analysis
    clock_trouble: str
    cameras: list[CameraHealth]


class Taken(BaseModel):
    """What an accepted document changed; empty when it was known already."""

    change: str
    agreement: str


def keeper_router(keeper: Keeper, gate: Gate) -> APIRouter:
    """All of `/api` of one keeper."""
    router = APIRouter(prefix="/api")

    def owner(request: Request) -> Login:
        return gate.require(request)

    only_owner = Annotated[Login, Depends(owner)]

    @router.get("/health")
    def health(request: Request) -> dict[str, Any] | Health:
        """Without a login only that the box lives; its owner also sees each camera."""
        if gate.identify(request) is None:
            return {"status": "ok", "version": __version__, "site": keeper.config.site}
        return _health(keeper)

    @router.get("/viewers")
    def viewers(login: only_owner) -> list[Viewer]:
        return _viewers(keeper)

    @router.post("/stop")
    async def stop(login: only_owner, which: Which | None = None) -> StopResult:
        """Answers when the last byte is out."""
        done = await keeper.stop(_checked(keeper, which))
        return StopResult(seconds=done.seconds, sessions=done.sessions, people=done.people)

    @router.post("/resume")
    async def resume(login: only_owner, which: Which | None = None) -> list[Viewer]:
        await keeper.resume(_checked(keeper, which))
        return _viewers(keeper)

    @router.post("/documents")
    async def documents(login: only_owner, request: Request) -> Taken:
        """The body is one signed envelope: an agreement, an attestation or a revocation."""
        accepted = await keeper.accept(await request.body())
        return Taken(change=accepted.kind or "", agreement=accepted.agreement)

    return router


def _checked(keeper: Keeper, which: Which | None) -> str | None:
    camera = which.camera if which else None
    if camera is not None and camera not in keeper.watch.cameras():
        raise SerambiError(
            Kind.NOT_FOUND,
            "this site has no such camera",
            where=keeper.config.site,
            hint="GET /api/health lists the cameras",
        )
    return camera


def _viewers(keeper: Keeper) -> list[Viewer]:
    numbers = {camera.id: camera.number for camera in keeper.config.cameras}
    return [
        Viewer(
            session=s.session,
            camera=s.camera,
            number=numbers.get(s.camera, ""),
            stream=s.stream,
            person=s.person,
            unit=s.unit,
            party=s.party,
            purpose=s.purpose,
            incident=s.incident,
            act=s.act,
            agreement=s.agreement,
            since_ms=unix_ms(s.opened),
            until_ms=unix_ms(s.ends),
        )
        for s in keeper.sessions.all()
    ]


def _health(keeper: Keeper) -> Health:
    cameras = []
    for camera in keeper.config.cameras:
        watched = keeper.watch.watched(camera.id)
        streams = {
            name: StreamHealth(
                state=h.state,
                fps=round(h.fps, 2),
                bitrate_bps=round(h.bitrate_bps),
                lag_s=round(h.lag_s, 3),
                lost_packets=h.lost_packets,
                last_error=h.last_error,
                since_ms=unix_ms(h.since),
                engine=h.engine,
                engine_reason=h.engine_reason,
                clock_offset_s=None if h.clock_offset_s is None else round(h.clock_offset_s, 3),
            )
            for name, h in watched.streams.items()
        }
        cameras.append(
            CameraHealth(
                id=camera.id,
                number=camera.number,
                online=watched.online,
                recording=watched.recording,
                recording_trouble=watched.recording_trouble,
                view=keeper.lookout.sight(camera.id) or "",
                view_trouble=keeper.lookout.trouble(camera.id),
                streams=streams,
            )
        )
    strain = keeper.lookout.strain
    clock_trouble = keeper.clock_trouble
    well = all(c.online and c.recording for c in cameras)
    well = well and not keeper.disk_refuses and not clock_trouble and not keeper.vouched.alarm
    return Health(
        status="ok" if well else "degraded",
        version=__version__,
        site=keeper.config.site,
        lamp=keeper.lamp(),
        center_linked=not keeper.center_lost,
        ledger_size=keeper.journal.store.known_size,
        ledger_cosigned=keeper.vouched.size,
        ledger_alarm=keeper.vouched.alarm,
        seen_ms=unix_ms(seen) if math.isfinite(seen := keeper.vouched.seen_at) else None,
        disk_refuses=keeper.disk_refuses,
        analysis=Analysis(
            running=strain.running,
            cores=round(strain.cores, 3),
            every_s=round(strain.every_s, 2),
            left_out=strain.left_out,
        ),
        clock_trouble=clock_trouble,
        cameras=cameras,
    )
