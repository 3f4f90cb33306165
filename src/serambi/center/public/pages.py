"""The public pages as HTML in one language: rendered from the document, shown again for a while."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from serambi.agreement.page import rows, title
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PUBLIC_PAGES_KEPT, RECOUNT_EVERY_S
from serambi.base.words import Language
from serambi.center.public.document import Document
from serambi.center.public.limit import RequestLimit
from serambi.center.public.page import PageBuilder
from serambi.center.public.papers import Paper
from serambi.center.public.shown import Shown
from serambi.center.public.years import Years
from serambi.identity import dsse
from serambi.web.numbers import Numbers
from serambi.web.times import Times
from serambi.web.words import Words, choose_language

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; font-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": f"public, max-age={RECOUNT_EVERY_S:.0f}",
    "Vary": "Accept-Language, Cookie",
}
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}\Z")
_THEMES = ("light", "dark")


class PublicPages:
    """Renders; a page that was rendered lately is shown again."""

    def __init__(self, shown: Shown, clock: Clock, words: Words) -> None:
        self.shown = shown
        self.years = Years(shown.books, clock, shown.zone, shown.known, words)
        self._clock = clock
        self._words = words
        self._limit = RequestLimit(clock)
        self._kept: OrderedDict[tuple[str, ...], tuple[float, str]] = OrderedDict()
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )

    def take(self, request: Request) -> None:
        """Count the request; raises `LIMIT`."""
        self._limit.take(request.client.host if request.client else "unknown")

    def month(self, request: Request) -> str:
        """The month that is asked for, this one by default. Raises `NOT_FOUND`."""
        month = request.query_params.get("month") or self.shown.counting.this_month()
        self.shown.counting.period(month)
        return month

    async def transparency(self, request: Request) -> Response:
        language, theme = choose_language(request), _theme(request)
        month, address = self.month(request), _address(request)
        key = (month, language, theme, address)
        at_s, page = self._kept.pop(key, (float("-inf"), ""))
        now_s = self._clock.monotonic()
        if now_s - at_s >= RECOUNT_EVERY_S:
            document = await asyncio.to_thread(self.shown.document, month)
            at_s, page = now_s, self._page(document, language, theme, address)
        self._kept[key] = (at_s, page)
        while len(self._kept) > PUBLIC_PAGES_KEPT:
            self._kept.popitem(last=False)
        return HTMLResponse(page, headers=HEADERS)

    def _page(self, document: Document, language: Language, theme: str, address: str) -> str:
        builder = PageBuilder(document, self._text(language), language)
        before, after = self._months(document)
        return self._render(
            "transparency.html", language, theme,
            month=document.month,
            document=document,
            view=builder.view(),
            n=Numbers(language).whole,
            center=builder.party(document.center),
            today=Times(document.zone, language).short(document.counted_ms / 1000),
            before=before,
            after=after,
            address=address,
        )  # fmt: skip

    def _months(self, document: Document) -> tuple[str, str]:
        """The months before and after that can be shown, or empty."""
        year, month = map(int, document.month.split("-"))
        found = []
        for step in (-1, 1):
            at = year * 12 + month - 1 + step
            other = f"{at // 12}-{at % 12 + 1:02d}"
            try:
                self.shown.counting.period(other)
            except SerambiError:
                other = ""
            found.append(other)
        # Before the first entry there is nothing to show.
        began = any(ledger.figures.entries < ledger.upto for ledger in document.ledgers)
        return found[0] if began else "", found[1]

    def agreement(self, request: Request, digest: str) -> Response:
        """The text of an agreement and who signed it. Raises `NOT_FOUND`."""
        paper = self._paper(digest)
        language = choose_language(request)
        page = self._render(
            "agreement.html", language, _theme(request),
            title=title(paper.signed, language),
            rows=rows(paper.signed, self.shown.roster, language),
            signatures=self._signatures(paper, language),
            digest=digest,
        )  # fmt: skip
        return HTMLResponse(page, headers=HEADERS)

    def agreement_file(self, digest: str) -> Response:
        """The signed agreement itself. Raises `NOT_FOUND`."""
        return Response(self._paper(digest).raw, media_type="application/json", headers=HEADERS)

    def _paper(self, digest: str) -> Paper:
        self.shown.papers.refresh()
        paper = self.shown.papers.find(digest)
        if paper is None:
            raise SerambiError(
                Kind.NOT_FOUND,
                "there is no such agreement here",
                where=digest[:64],
                hint="/transparency lists the agreements",
            )
        return paper

    def _signatures(self, paper: Paper, language: Language) -> list[tuple[str, str]]:
        roster = self.shown.roster
        keys = dsse.verified_by(dsse.load(paper.raw), roster.keys_for(use="sign"))
        entries = [entry for key in sorted(keys) if (entry := roster.entry(key)) is not None]
        named = [(roster.party(e.party).name.in_language(language), e.key_id) for e in entries]
        return sorted(named)

    def _render(
        self, name: str, language: Language, theme: str, *, month: str = "", **values: object
    ) -> str:
        here = {"lang": language, "theme": theme, "month": month}
        template = self._templates.get_template(name)
        return template.render(
            language=language,
            theme=theme,
            town=self.shown.roster.document.name.in_language(language),
            t=self._text(language),
            link=partial(_link, "/transparency", here),
            paper=lambda digest: _link(f"/transparency/agreements/{digest}", here, month=""),
            **values,
        )

    def _text(self, language: Language) -> Callable[..., str]:
        known = self._words.names()

        def text(name: str, **values: object) -> str:
            # A reason that a later version gave is said to be one, and breaks no page.
            other = "reason.unknown" if name.startswith("reason.") else name
            return self._words.text(language, name if name in known else other, **values)

        return text


def _link(path: str, here: dict[str, str], **changes: str) -> str:
    wanted = {name: value for name, value in (here | changes).items() if value}
    if wanted.get("theme") == _THEMES[0]:
        del wanted["theme"]
    return f"{path}?{urlencode(wanted)}" if wanted else path


def _theme(request: Request) -> str:
    asked = request.query_params.get("theme", "")
    return asked if asked in _THEMES else _THEMES[0]


def _address(request: Request) -> str:
    """This page's address as whoever reads it typed it."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host if _HOST.match(host) else 'localhost'}/transparency"
