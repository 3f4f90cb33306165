"""Recordings: what there is, windows of an open playback over a WebSocket, and a clip as MP4.

A playback is opened and ended like any other view (`sessions.py`), with a range.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PLAYBACK_CLIPS_AT_ONCE
from serambi.center.accounts import MAY_VIEW, Account
from serambi.center.api import models
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.api.live import say_goodbye
from serambi.center.api.sessions import number_of
from serambi.center.api.socket import admit, refuse, together
from serambi.center.playback import Puller, clip
from serambi.center.service import Center
from serambi.center.session import PLAYBACK, Grounds, Session
from serambi.center.viewer import Viewer
from serambi.web.connection import connection_of

router = APIRouter(prefix="/api", tags=["playback"])

CLOSE_BAD = 4400
_PULLS_WAITING = 4

Milliseconds = Annotated[int, Query(gt=0, le=2**53 - 1)]


class Span(BaseModel):
    """Pictures were recorded from `from_ms` to `to_ms`, unix milliseconds."""

    from_ms: int
    to_ms: int


class Gap(Span):
    """Nothing was recorded, and why, in the recorder's words."""

    cause: str


class Recordings(BaseModel):
    """What a camera's owner has of a range and gives. What the agreement does not cover (before it
    began, out of its hours, while sharing was stopped or suspended) is in neither list."""

    agreement: str
    spans: list[Span]
    gaps: list[Gap]


class Pull(BaseModel):
    """A window that a reader wants, from `at_us` on, unix microseconds: `seek` from the key frame
    at or before it, `go` from the very next picture, `keys` key frames only."""

    at_us: int
    step: Literal["seek", "go", "keys"]


@router.get("/cameras/{camera}/recordings")
async def recordings(
    camera: models.Name,
    purpose: models.Name,
    from_ms: Milliseconds,
    to_ms: Milliseconds,
    account: SignedIn,
    center: TheCenter,
    incident: Annotated[str, Query(max_length=64)] = "",
) -> Recordings:
    """When there are pictures, a day and an hour at most; `incident` is the id of an open one it
    is for. 403 with `error.reason` when the site refuses."""
    may_view(account)
    by = Grounds(incident=number_of(center, incident))
    reply = await center.sessions.recorded(account, camera, purpose, (from_ms, to_ms), by)
    return Recordings(
        agreement=reply.agreement,
        spans=[Span(from_ms=s.from_ms, to_ms=s.to_ms) for s in reply.spans],
        gaps=[Gap(from_ms=g.from_ms, to_ms=g.to_ms, cause=g.cause) for g in reply.gaps],
    )


def may_view(account: Account) -> None:
    """Raises `DENIED` for a role whose work needs no pictures."""
    if account.role not in MAY_VIEW:
        raise SerambiError(
            Kind.DENIED, f"the role {account.role} sees no recordings", hint="ask an operator"
        )


@router.websocket("/sessions/{session}/windows")
async def windows(websocket: WebSocket, session: str) -> None:
    admitted = await admit(websocket)
    if admitted is None:
        return
    center, account = admitted
    try:
        found = playback_of(center, session, account)
    except SerambiError as error:
        await refuse(websocket, error)
        return
    await websocket.accept()
    connection = connection_of(websocket.scope)
    viewer = Viewer(connection, fmp4=False)
    connection.on_room(viewer.flush)
    center.sessions.watch(found, viewer)
    pulls: asyncio.Queue[Pull] = asyncio.Queue(_PULLS_WAITING)
    puller = Puller(center.asker, center.sessions, found, center.clock)
    try:
        await together(
            _hear(websocket, pulls), _serve(websocket, pulls, puller), viewer.until_ended()
        )
    finally:
        connection.on_room(None)
        center.sessions.unwatch(found, viewer)
    if viewer.ended.is_set():
        await say_goodbye(websocket, connection, viewer.reason)


async def _hear(websocket: WebSocket, pulls: asyncio.Queue[Pull]) -> None:
    """What the reader wants, in order; one that asks faster than it is answered is put out."""
    while True:
        try:
            pulls.put_nowait(Pull.model_validate_json(await websocket.receive_text()))
        except (ValidationError, KeyError, asyncio.QueueFull):
            await websocket.close(CLOSE_BAD)
            return
        except WebSocketDisconnect:
            return


async def _serve(websocket: WebSocket, pulls: asyncio.Queue[Pull], puller: Puller) -> None:
    while True:
        pull = await pulls.get()
        try:
            window = await puller.window(pull.at_us, pull.step)
        except SerambiError:
            # Over: the reason comes by itself, and ends this.
            await asyncio.Event().wait()
            return
        await websocket.send_bytes(window)


@router.get(
    "/sessions/{session}/clip",
    response_class=StreamingResponse,
    responses={200: {"content": {"video/mp4": {"schema": {"type": "string"}}}}},
)
async def as_clip(
    session: str,
    account: SignedIn,
    center: TheCenter,
    from_ms: Milliseconds | None = None,
    to_ms: Milliseconds | None = None,
) -> StreamingResponse:
    """The range of an open playback, or a part of it, as an MP4 that ordinary players play, piece
    by piece as they take it. It proves nothing: a copy for the eye. Two at a time a playback."""
    found = playback_of(center, session, account)
    if found.clips >= PLAYBACK_CLIPS_AT_ONCE:
        raise SerambiError(Kind.LIMIT, "clips of this playback are being sent already")
    begin, end = max(from_ms or 0, found.from_ms), min(to_ms or found.to_ms, found.to_ms)
    if begin >= end:
        raise SerambiError(Kind.BAD_INPUT, "the clip is not within the playback's range")
    puller = Puller(center.asker, center.sessions, found, center.clock)
    headers = {"Cache-Control": "no-store", "Content-Disposition": 'inline; filename="clip.mp4"'}
    pieces = _counted(found, clip(puller, begin, end))
    return StreamingResponse(pieces, media_type="video/mp4", headers=headers)


async def _counted(session: Session, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    session.clips += 1
    try:
        async for piece in pieces:
            yield piece
    finally:
        session.clips -= 1


def playback_of(center: Center, session: str, account: Account) -> Session:
    """The account's own open playback. Raises `NOT_FOUND`."""
    found = center.sessions.find(session, account.account)
    if found.action != PLAYBACK:
        raise SerambiError(
            Kind.NOT_FOUND,
            "this session is no playback",
            where=f"session {session[:64]}",
            hint="open one with action `playback` and a range",
        )
    return found
