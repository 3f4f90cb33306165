"""What answers while a process begins: a slow disk at its start is then said, and not guessed."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from serambi.base.errors import Kind, SerambiError
from serambi.web.app import new_app

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Front:
    """ASGI: `app`, once that is set. Until then everything is answered with 503: `GET
    /api/health` with the status `starting`, everything else with UNAVAILABLE."""

    def __init__(self, title: str, version: str, site: str) -> None:
        self.app = _starting(title, version, site)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def _starting(title: str, version: str, site: str) -> ASGIApp:
    app = new_app(title, version)

    @app.get("/api/health")
    def health() -> JSONResponse:
        return JSONResponse({"status": "starting", "version": version, "site": site}, 503)

    @app.api_route("/{path:path}", methods=_METHODS)
    def other(path: str) -> None:
        raise SerambiError(
            Kind.UNAVAILABLE,
            f"{title} is starting: it reads its ledger, and the disk may be slow",
            where=f"/{path}",
            hint="ask again in a few seconds",
        )

    return app
