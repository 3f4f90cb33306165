"""A center without a town, for the web app's own tests: its HTTP interface, built pages, pictures.

`python tests/e2e/fake_center.py PORT CACHE` serves until it is ended. `POST /fake` bends it:
`{"camera": id, "set": {...}}` changes a camera, `{"freeze": id}` stops its pictures without a
word, `{"end": id, "reason": r}` ends its views, `{"cut": id}` drops its WebSockets,
`{"reduce": id}` sends the substream instead of the main one, `{"silent": true}` stops all events,
and others that `FakeCenter.bend` reads.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from msgspec import structs
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from serambi.center.api.socket import while_connected
from serambi.media.access_unit import AccessUnit
from serambi.media.fmp4 import Muxer
from serambi.media.h264 import make_config
from serambi.media.wire import encode_config, encode_unit
from serambi.sim import loop_file
from serambi.sim.encode import encode, open_default, settings_for
from serambi.sim.loop_file import Loop
from serambi.web.headers import SecurityHeaders
from serambi.web.pages import BUILT
from tests.e2e.fake_town import ACCOUNT, ME, cameras, sites

FRAMES = 40


def loops(scene: str, cache: Path) -> dict[str, Loop]:
    """Two seconds of a scene of the town, as main and substream."""
    paths = {stream: cache / f"{scene}-{stream}.loop" for stream in ("main", "sub")}
    if not all(path.is_file() for path in paths.values()):
        found = open_default(scene, 0)
        main, sub = settings_for(found.width, found.height, found.fps)
        pictures = (found.render(n) for n in range(FRAMES))
        for stream, loop in zip(paths, encode(pictures, main, sub, 0, ""), strict=True):
            loop_file.write(paths[stream], loop)
    return {stream: loop_file.read(path) for stream, path in paths.items()}


class FakeCenter:
    """What the center would know, changed at will."""

    def __init__(self, pictures: dict[str, dict[str, Loop]]) -> None:
        self.pictures = pictures
        self.cameras = cameras(int(time.time() * 1000))
        self.sites = sites(int(time.time() * 1000))
        self.sessions: dict[str, dict[str, Any]] = {}
        self.opened = 0
        self.frozen: set[str] = set()
        self.late: dict[str, float] = {}
        self.refused: dict[str, str] = {}
        self.silent = False
        self.signed_in = True
        self.version = 0
        self.ended: dict[str, str] = {}
        self.cut: set[str] = set()
        self.reduced: set[str] = set()
        self.held: set[tuple[str, str]] = set()
        self.codecs: dict[tuple[str, str], str] = {}
        self.damaged: set[str] = set()

    def stream_of(self, session: dict[str, Any]) -> str:
        """What is sent for a session now."""
        return "sub" if session["camera"] in self.reduced else str(session["stream"])

    def bend(self, wish: dict[str, Any]) -> None:
        for camera in self.cameras:
            if camera["id"] == wish.get("camera"):
                camera.update(wish.get("set", {}))
        for site in self.sites:
            if site["id"] == wish.get("site"):
                site.update(wish.get("set", {}))
        if "freeze" in wish:
            self.frozen ^= {wish["freeze"]}
        if "late" in wish:
            self.late[wish["late"]] = wish["seconds"]
        if "refuse" in wish:
            self.refused[wish["refuse"]] = wish["reason"]
        if "end" in wish:
            for session in self.sessions.values():
                if session["camera"] == wish["end"]:
                    self.ended[session["id"]] = wish["reason"]
        if "cut" in wish:
            self.cut |= {s["id"] for s in self.sessions.values() if s["camera"] == wish["cut"]}
        if "reduce" in wish:
            self.reduced ^= {wish["reduce"]}
        if "hold" in wish:
            self.held ^= {(wish["hold"], wish["stream"])}
        if "codec" in wish:
            self.codecs[wish["of"], wish["stream"]] = wish["codec"]
        if "damage" in wish:
            self.damaged.add(wish["damage"])
        self.silent = wish.get("silent", self.silent)
        self.signed_in = wish.get("signed_in", self.signed_in)
        self.version += 1


def fake(request: Request | WebSocket) -> FakeCenter:
    found = request.app.state.fake
    assert isinstance(found, FakeCenter)
    return found


def error(status: int, kind: str, what: str, reason: str = "") -> JSONResponse:
    said = {"kind": kind, "what": what, "where": "", "hint": "", "reason": reason}
    return JSONResponse({"error": said}, status)


async def bend(request: Request) -> Response:
    fake(request).bend(await request.json())
    return Response(status_code=204)


async def me(request: Request) -> Response:
    if not fake(request).signed_in:
        return error(401, "unauthenticated", "nobody is signed in")
    return JSONResponse(ME)


async def login(request: Request) -> Response:
    wish = await request.json()
    if (wish["account"], wish["password"]) != ACCOUNT:
        return error(401, "unauthenticated", "account and password do not match")
    fake(request).signed_in = True
    return JSONResponse(ME)


async def ways(request: Request) -> Response:
    return JSONResponse({"passkey": "offered", "url": "", "oidc": None})


async def logout(request: Request) -> Response:
    fake(request).signed_in = False
    return Response(status_code=204)


async def open_session(request: Request) -> Response:
    center, wish = fake(request), await request.json()
    camera = next(c for c in center.cameras if c["id"] == wish["camera"])
    reason = center.refused.get(camera["id"], camera["state"])
    if reason != "open":
        return error(403, "denied", "the site refused this view", reason)
    center.opened += 1
    session = {**wish, "id": f"s{center.opened}", "agreement": camera["agreement"], "until_ms": 0}
    center.sessions[session["id"]] = session
    return JSONResponse(session, 201)


async def close_session(request: Request) -> Response:
    fake(request).sessions.pop(request.path_params["session"], None)
    return Response(status_code=204)


async def events(socket: WebSocket) -> None:
    await socket.accept()
    await while_connected(socket, _push(socket, fake(socket)))


async def _push(socket: WebSocket, center: FakeCenter) -> None:
    sent, beat = -1, 0.0
    while True:
        now_ms = int(time.time() * 1000)
        if not center.silent and sent != center.version:
            sent = center.version
            state = {"sites": center.sites, "cameras": center.cameras}
            await socket.send_json({"type": "state", "now_ms": now_ms, **state})
        if not center.silent and time.monotonic() >= beat:
            beat = time.monotonic() + 1
            views = {"type": "beat", "now_ms": now_ms, "open_views": len(center.sessions)}
            await socket.send_json(views)
        await asyncio.sleep(0.05)


def units(loop: Loop, delay_s: float) -> AsyncIterator[tuple[int, AccessUnit]]:
    """The loop for ever, beginning with a whole group of pictures at once."""

    async def run() -> AsyncIterator[tuple[int, AccessUnit]]:
        step = 90_000 // loop.fps
        behind = len(loop.units) // 2
        begin = time.time() - behind / loop.fps
        n = 0
        while True:
            due = begin + n / loop.fps
            await asyncio.sleep(max(0.0, due - time.time()))
            unit = loop.units[n % len(loop.units)]
            data = b"".join(len(nal).to_bytes(4, "big") + nal for nal in unit.nals)
            wall_us = int((due - delay_s) * 1e6)
            yield n, AccessUnit(n * step, n * step, unit.key, wall_us, data)
            n += 1

    return run()


async def live(socket: WebSocket) -> None:
    center = fake(socket)
    session = center.sessions.get(socket.path_params["session"])
    if session is None:
        await socket.close(4404)
        return
    await socket.accept()
    await while_connected(socket, _show(socket, center, session))


async def _show(socket: WebSocket, center: FakeCenter, session: dict[str, Any]) -> None:
    muxer = Muxer() if socket.query_params.get("format") == "fmp4" else None
    wanted = session["stream"]
    told = wanted
    while True:
        stream = center.stream_of(session)
        if stream != told:
            less = {"reduced": stream, "why": "link"} if stream != wanted else {"reduced": ""}
            await socket.send_json(less)
            told = stream
        await _configure(socket, center, session["camera"], stream, muxer)
        if not await _show_stream(socket, center, session, stream, muxer):
            return


async def _configure(
    socket: WebSocket, center: FakeCenter, camera: str, stream: str, muxer: Muxer | None
) -> None:
    loop = center.pictures[camera][stream]
    sps, pps = loop.parameter_sets
    config = make_config(sps, [pps])
    codec = center.codecs.get((camera, stream), config.codec)
    message = encode_config(replace(config, codec=codec))
    await socket.send_text(message[1:].decode())
    if muxer is not None:
        await socket.send_bytes(muxer.feed(encode_config(config)) or b"")


async def _show_stream(
    socket: WebSocket,
    center: FakeCenter,
    session: dict[str, Any],
    stream: str,
    muxer: Muxer | None,
) -> bool:
    """Whether to go on with another stream."""
    camera = session["camera"]
    async for n, unit in units(center.pictures[camera][stream], center.late.get(camera, 0.0)):
        reason = center.ended.pop(session["id"], None)
        if reason is not None:
            await socket.send_json({"ended": reason})
            await socket.close(4403)
            return False
        if session["id"] in center.cut:
            center.cut.discard(session["id"])
            await socket.close(1011)
            return False
        if center.stream_of(session) != stream:
            return True
        if camera in center.frozen or (camera, stream) in center.held:
            continue
        if stream == "main" and camera in center.damaged and not unit.key:
            # It calls itself a key picture and is none.
            center.damaged.discard(camera)
            unit = structs.replace(unit, key=True)
        message = encode_unit(structs.replace(unit, wall_us=unit.wall_us - 150_000), n)
        await socket.send_bytes(message if muxer is None else muxer.feed(message) or b"")
    return False


async def page(request: Request) -> Response:
    path = BUILT / request.path_params["path"]
    return FileResponse(path if path.is_file() else BUILT / "index.html")


def make_app(cache: Path, only_scene: str | None = None) -> Starlette:
    """`only_scene`: every camera shows this one, which is made in seconds."""
    pictures: dict[str, dict[str, Loop]] = {}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.fake = FakeCenter(pictures)
        yield

    for camera in cameras(0):
        pictures[camera["id"]] = loops(only_scene or camera["id"], cache)
    return Starlette(
        routes=[
            Route("/fake", bend, methods=["POST"]),
            Route("/api/me", me),
            Route("/api/login", ways),
            Route("/api/login", login, methods=["POST"]),
            Route("/api/logout", logout, methods=["POST"]),
            Route("/api/sessions", open_session, methods=["POST"]),
            Route("/api/sessions/{session}", close_session, methods=["DELETE"]),
            WebSocketRoute("/api/sessions/{session}/live", live),
            WebSocketRoute("/api/events", events),
            Route("/{path:path}", page),
        ],
        middleware=[Middleware(SecurityHeaders)],
        lifespan=lifespan,
    )


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    uvicorn.run(make_app(folder), port=int(sys.argv[1]), log_level="warning")
