"""The center's HTTP application: routes, pages, and how a page is let through."""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from serambi import __version__
from serambi.base.errors import Kind, SerambiError
from serambi.center.api import (
    alerts,
    approvals,
    auth,
    documents,
    events,
    glass,
    ground,
    handovers,
    health,
    history,
    incidents,
    join,
    ledger,
    live,
    models,
    oidc,
    passkeys,
    places,
    playback,
    reports,
    sessions,
    walls,
)
from serambi.center.api.access import center_of
from serambi.center.public import routes as public
from serambi.web.app import new_app
from serambi.web.errors import error_response
from serambi.web.headers import with_images_from
from serambi.web.pages import BUILT, install_pages
from serambi.web.words import Words

log = logging.getLogger(__name__)

_OPEN_PAGES = frozenset({"/login", "/join"})
_STATIC = Path(__file__).parents[1] / "web" / "static"


def create_app(built: Path = BUILT) -> FastAPI:
    """The application; set `app.state.center` to a `Center` before it is asked anything."""
    app = new_app("Serambi center", __version__)
    app.state.center = None
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.include_router(public.router)
    desk = (alerts, incidents, join, handovers, walls)
    held = (documents, history, ledger, glass, approvals, reports)
    for module in (
        health,
        auth,
        passkeys,
        oidc,
        places,
        ground,
        sessions,
        live,
        playback,
        events,
        *held,
        *desk,
    ):
        app.include_router(module.router)
    install_pages(app, Words.load(), _page, built)
    app.add_exception_handler(OperationalError, _database_refuses)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The description with the messages of the WebSockets, which OpenAPI has no place for."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        _, spoken = models_json_schema(
            [(spoken, "serialization") for spoken in (models.State, models.Beat, models.Desk)],
            ref_template="#/components/schemas/{model}",
        )
        document["components"]["schemas"].update(spoken["$defs"])
    return app.openapi_schema or {}


async def _database_refuses(request: Request, error: Exception) -> Response:
    log.error("%s: the database refuses: %s", request.url.path, error.__cause__ or error)
    return error_response(
        SerambiError(
            Kind.UNAVAILABLE,
            "the center's database cannot be used now",
            hint="free space on the center's disk",
        )
    )


def _page(request: Request, page: Response) -> Response:
    """The page for whoever is signed in, else the way to the sign-in page."""
    center = center_of(request)
    gate = center.door.gate
    if center.ground.tiles:
        page.headers["Content-Security-Policy"] = with_images_from(center.ground.tiles_origin)
    login = gate.identify(request)
    if login is None:
        path = request.url.path
        if path in _OPEN_PAGES:
            return page
        return RedirectResponse("/login" if path == "/" else f"/login?next={quote(path)}", 303)
    if login.bearer and not gate.has_cookie(request):
        # A browser that was given a header sends it with pages, but not with its WebSockets.
        gate.sign_in(page, login.account)
    return page
