"""The texts of all screens, Indonesian and English, shared by Python and the web app.

One JSON file per language with nested namespaces and the same names in both; `{name}` marks a
value to fill in.
"""

import json
from pathlib import Path
from typing import Literal, get_args

from starlette.requests import HTTPConnection
from starlette.responses import Response

from serambi.base.errors import Kind, SerambiError

Language = Literal["id", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "id"
COOKIE = "serambi_lang"
_COOKIE_MAX_AGE_S = 365 * 24 * 3600

FOLDER = Path(__file__).parent / "words"
PRINTED = FOLDER / "printed"
"""Texts of documents to print, which no screen needs."""


class Words:
    """All texts. Both languages have the same names, or loading raises `CORRUPT`."""

    def __init__(self, texts: dict[Language, dict[str, str]]) -> None:
        missing = texts["id"].keys() ^ texts["en"].keys()
        if missing:
            raise SerambiError(
                Kind.CORRUPT,
                f"texts exist in one language only: {', '.join(sorted(missing)[:10])}",
                where="web/words",
                hint="write each text in both languages",
            )
        self._texts = texts

    @classmethod
    def load(cls, folder: Path = FOLDER) -> "Words":
        """Read `id.json` and `en.json`. Raises `CORRUPT` with the file's name."""
        return cls({language: _read(folder / f"{language}.json") for language in LANGUAGES})

    def names(self) -> frozenset[str]:
        """Every name, dotted: `server.not_built.title`."""
        return frozenset(self._texts["id"])

    def text(self, language: Language, name: str, **values: object) -> str:
        """The text `name` with its values. Raises `NOT_FOUND` for an unknown name."""
        text = self._texts[language].get(name)
        if text is None:
            raise SerambiError(Kind.NOT_FOUND, f"there is no text {name!r}", where="web/words")
        for key, value in values.items():
            text = text.replace("{" + key + "}", str(value))
        return text


def _read(path: Path) -> dict[str, str]:
    flat: dict[str, str] = {}

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, str):
            flat[prefix] = value
        elif isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}.{key}" if prefix else str(key), inner)
        else:
            raise SerambiError(Kind.CORRUPT, f"{prefix} is not a text", where=path.name)

    try:
        walk("", json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise SerambiError(
            Kind.CORRUPT, f"texts cannot be read: {error}", where=path.name
        ) from error
    return flat


def choose_language(connection: HTTPConnection) -> Language:
    """`?lang=`, then the cookie, then what the browser prefers, then Indonesian."""
    for wanted in (connection.query_params.get("lang"), connection.cookies.get(COOKIE)):
        for language in LANGUAGES:
            if wanted == language:
                return language
    return _accepted(connection.headers.get("accept-language", ""))


def remember_language(response: Response, language: Language) -> None:
    """Set the cookie, so that the choice stays. The web app may read it."""
    response.set_cookie(COOKIE, language, max_age=_COOKIE_MAX_AGE_S, path="/", samesite="lax")


def _accepted(header: str) -> Language:
    best: Language = DEFAULT
    best_weight = 0.0
    for part in header[:512].split(","):
        tag, _, parameter = part.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name == "q" else 1.0
        except ValueError:
            continue
        for language in LANGUAGES:
            # `in` is the old code for Indonesian that some browsers still send.
            primary = tag.split("-")[0].lower()
            if (primary == language or (primary == "in" and language == "id")) and (
                weight > best_weight
            ):
                best, best_weight = language, weight
    return best
