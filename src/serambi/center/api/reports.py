"""What the law asks of whoever answers for the center, to read, print and fill in: pages without a
script, and the same as PDF."""

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from serambi.base.errors import Kind, SerambiError
from serambi.base.words import Language
from serambi.center.api.access import ReadsReports, TheCenter
from serambi.center.reports.documents import Document
from serambi.center.reports.made import LegalReports
from serambi.web.printed_page import printed_page
from serambi.web.printed_pdf import printed_pdf
from serambi.web.words import choose_language

router = APIRouter(prefix="/api/reports", include_in_schema=False)


@router.get("/{name}.pdf")
async def paper(name: str, request: Request, account: ReadsReports, center: TheCenter) -> Response:
    """The document on paper, in the language asked for."""
    document, language = _named(name), choose_language(request)
    printed = await center.reports.printed(document, language)
    raw = await asyncio.to_thread(printed_pdf, printed)
    named = {"Content-Disposition": f'inline; filename="{document}-{language}.pdf"'}
    return Response(raw, media_type="application/pdf", headers=named)


@router.get("/{name}")
async def page(name: str, request: Request, account: ReadsReports, center: TheCenter) -> Response:
    """The document as a page, with the way to the PDF and to the others."""
    document, language = _named(name), choose_language(request)
    printed = await center.reports.printed(document, language)
    return HTMLResponse(printed_page(printed, language, _ways(center.reports, document, language)))


def _named(name: str) -> Document:
    try:
        return Document(name)
    except ValueError:
        raise SerambiError(
            Kind.NOT_FOUND,
            "there is no such report",
            where=name[:80],
            hint=", ".join(Document),
        ) from None


def _ways(reports: LegalReports, shown: Document, language: Language) -> list[tuple[str, str]]:
    other: Language = "en" if language == "id" else "id"
    words = reports.words
    here = [
        ("/", words.text(language, "law.back")),
        (f"{shown}.pdf?lang={language}", words.text(language, "law.as_pdf")),
        (f"{shown}?lang={other}", words.text(language, "law.other_language")),
    ]
    return here + [
        (f"{document}?lang={language}", words.text(language, f"law.{document}.title"))
        for document in Document
        if document is not shown
    ]
