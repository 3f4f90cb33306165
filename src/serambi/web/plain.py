"""Plain pages, made on the server and needing no script, in their reader's language and theme."""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from serambi.base.clock import Clock
from serambi.base.words import Language
from serambi.web.times import Times
from serambi.web.words import Words, choose_language, remember_language

Text = Callable[..., str]
"""A text of the words by its name, with what it names."""

_THEME_COOKIE = "serambi_theme"
_THEMES = ("light", "dark")
_YEAR_S = 365 * 24 * 3600


class PlainPages:
    """Renders the templates of one folder, with the clocks of `zone`."""

    def __init__(self, templates: Path, words: Words, clock: Clock, zone: str) -> None:
        self._words = words
        self._clock = clock
        self._zone = zone
        self._templates = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )

    def text(self, language: Language) -> Text:
        """The texts in one language."""
        return lambda name, **values: self._words.text(language, name, **values)

    def render(self, request: Request, name: str, status: int, **values: object) -> Response:
        """The page; what the address asks for (`?lang=`, `?theme=`) is remembered. A template has
        `language`, `theme`, `t`, `clock`, `date` and `values`."""
        language = choose_language(request)
        asked = request.query_params.get("theme", "")
        theme = asked if asked in _THEMES else request.cookies.get(_THEME_COOKIE)
        theme = theme if theme in _THEMES else _THEMES[0]
        times, now = Times(self._zone, language), self._clock.now()
        page = self._templates.get_template(name).render(
            language=language,
            theme=theme,
            t=self.text(language),
            clock=times.second(now),
            date=times.day(now),
            **values,
        )
        response = HTMLResponse(page, status_code=status)
        if "lang" in request.query_params:
            remember_language(response, language)
        if asked:
            response.set_cookie(_THEME_COOKIE, theme, max_age=_YEAR_S, samesite="lax")
        return response
