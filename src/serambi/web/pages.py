"""The built web app: its hashed files for ever, its page for every other address."""

import html
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from serambi.base.errors import Kind, SerambiError
from serambi.web.words import Words, choose_language

BUILT = Path(__file__).parent / "built"

_FOR_EVER = "public, max-age=31536000, immutable"
_NOT_BUILT = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""

# Given a page that is about to be sent: returns it, perhaps with a cookie, or another answer.
PageHook = Callable[[Request, Response], Response]


def install_pages(app: FastAPI, words: Words, hook: PageHook, built: Path = BUILT) -> None:
    """Serve the app on every address that nothing else answers. Call it after all other routes.

    Files need no login, the page is passed to `hook`. Without a built app the page says so (503).
    """
    root = built.resolve()

    async def page(request: Request) -> Response:
        path = request.path_params["path"]
        if path == "api" or path.startswith("api/"):
            raise _nothing_at(path)
        if path and path != "index.html":
            found = _file(root, path)
            if found is not None:
                hashed = path.startswith("assets/")
                caching = _FOR_EVER if hashed else "no-cache"
                # Python 3.11 does not know what a web manifest is.
                kind = "application/manifest+json" if found.suffix == ".webmanifest" else None
                return FileResponse(found, media_type=kind, headers={"Cache-Control": caching})
            if "." in path.rsplit("/", 1)[-1]:
                raise _nothing_at(path)
        index = root / "index.html"
        if not index.is_file():
            return _not_built(request, words)
        return hook(request, FileResponse(index))

    app.add_api_route(
        "/{path:path}", page, methods=["GET", "HEAD"], include_in_schema=False, response_model=None
    )


def _file(root: Path, path: str) -> Path | None:
    if "\0" in path:
        return None
    wanted = (root / path).resolve()
    return wanted if wanted.is_relative_to(root) and wanted.is_file() else None


def _nothing_at(path: str) -> SerambiError:
    return SerambiError(
        Kind.NOT_FOUND,
        "there is nothing at this address",
        where="/" + path[:200],
        hint="/openapi.json lists the addresses",
    )


def _not_built(request: Request, words: Words) -> Response:
    language = choose_language(request)
    page = _NOT_BUILT.format(
        lang=language,
        title=html.escape(words.text(language, "server.not_built.title")),
        text=html.escape(words.text(language, "server.not_built.text")),
    )
    return HTMLResponse(page, status_code=503)
