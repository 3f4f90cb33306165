"""The public addresses: pages and files without login, cookie or script."""

import asyncio

from fastapi import APIRouter, Depends
from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.center.api.access import center_of
from serambi.center.public.pages import HEADERS, PublicPages
from serambi.web.words import choose_language


def _pages(request: Request) -> PublicPages:
    pages = center_of(request).public
    pages.take(request)
    return pages


router = APIRouter(include_in_schema=False)
_PAGES = Depends(_pages)


@router.api_route("/transparency", methods=["GET", "HEAD"])
async def transparency(request: Request, pages: PublicPages = _PAGES) -> Response:
    return await pages.transparency(request)


@router.get("/transparency.json")
async def document(request: Request, pages: PublicPages = _PAGES) -> Response:
    found = await asyncio.to_thread(pages.shown.document, pages.month(request))
    return Response(encode(found), media_type="application/json", headers=HEADERS)


@router.get("/transparency.csv")
async def lines(request: Request, pages: PublicPages = _PAGES) -> Response:
    month = pages.month(request)
    named = {"Content-Disposition": f'attachment; filename="transparency-{month}.csv"'}
    return StreamingResponse(
        iterate_in_threadpool(pages.shown.lines(month)),
        media_type="text/csv; charset=utf-8",
        headers=HEADERS | named,
    )


@router.get("/transparency/{year:int}.pdf")
async def year_printed(year: int, request: Request, pages: PublicPages = _PAGES) -> Response:
    """A year's use on paper, in the language asked for."""
    language = choose_language(request)
    raw = await pages.years.made(year, language)
    named = {"Content-Disposition": f'inline; filename="serambi-{year}-{language}.pdf"'}
    return Response(raw, media_type="application/pdf", headers=HEADERS | named)


@router.get("/transparency/{year:int}.json")
async def year_document(year: int, pages: PublicPages = _PAGES) -> Response:
    raw = await pages.years.made(year, "json")
    return Response(raw, media_type="application/json", headers=HEADERS)


@router.get("/transparency/roster.json")
async def roster(pages: PublicPages = _PAGES) -> Response:
    return Response(pages.shown.roster_file, media_type="application/json", headers=HEADERS)


@router.get("/transparency/agreements/{digest}.json")
def agreement_file(digest: str, pages: PublicPages = _PAGES) -> Response:
    return pages.agreement_file(digest)


@router.get("/transparency/agreements/{digest}")
def agreement(request: Request, digest: str, pages: PublicPages = _PAGES) -> Response:
    return pages.agreement(request, digest)


@router.get("/transparency/ledger/{path:path}")
def log_file(path: str, pages: PublicPages = _PAGES) -> Response:
    """The center's own log as tlog-tiles has it: `<origin>/checkpoint`, `<origin>/tile/...`."""
    prefix = pages.shown.origin + "/"
    if path == prefix + "checkpoint":
        return Response(pages.shown.checkpoint(), media_type="text/plain", headers=HEADERS)
    if not path.startswith(prefix):
        raise SerambiError(
            Kind.NOT_FOUND,
            "only the center's own log is here",
            where=path[:200],
            hint="ask a site's owner for a copy of the site's ledger",
        )
    raw = pages.shown.tile(path.removeprefix(prefix))
    return Response(raw, media_type="application/octet-stream", headers=HEADERS)
