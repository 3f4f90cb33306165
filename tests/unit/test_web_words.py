"""Texts in both languages, and whose turn it is."""

import json
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from serambi.base.errors import SerambiError
from serambi.web.words import FOLDER, Words, choose_language, remember_language


def asking(query: str = "", cookie: str = "", accept: str = "") -> HTTPConnection:
    headers = [(b"accept-language", accept.encode()), (b"cookie", cookie.encode())]
    return HTTPConnection(
        {"type": "http", "query_string": query.encode(), "headers": headers, "path": "/"}
    )


def write(folder: Path, indonesian: object, english: object) -> Path:
    (folder / "id.json").write_text(json.dumps(indonesian))
    (folder / "en.json").write_text(json.dumps(english))
    return folder


def test_the_texts_of_the_house_are_complete() -> None:
    assert "server.not_built.title" in Words.load().names()


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    assert sorted(set(names)) == sorted(names)
    return dict(pairs)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.json")), ids=lambda path: path.name)
def test_no_text_is_written_twice(path: Path) -> None:
    """The second would silently take the place of the first."""
    assert json.loads(path.read_text("utf-8"), object_pairs_hook=once)


def test_values_are_filled_in(tmp_path: Path) -> None:
    words = Words.load(
        write(tmp_path, {"a": {"b": "Halo {who}, {who}"}}, {"a": {"b": "Hello {who}"}})
    )
    assert words.text("id", "a.b", who="Ani") == "Halo Ani, Ani"
    assert words.text("en", "a.b", who="{who}") == "Hello {who}"
    with pytest.raises(SerambiError):
        words.text("en", "a.c")


@pytest.mark.parametrize(
    ("indonesian", "english"),
    [({"a": "x"}, {}), ({"a": "x"}, {"a": 1}), ({"a": {"b": "x"}}, {"a": {"c": "x"}})],
)
def test_both_languages_say_the_same_things(
    tmp_path: Path, indonesian: object, english: object
) -> None:
    with pytest.raises(SerambiError):
        Words.load(write(tmp_path, indonesian, english))


def test_unreadable_texts_are_named(tmp_path: Path) -> None:
    with pytest.raises(SerambiError, match=r"id\.json"):
        Words.load(tmp_path)


@pytest.mark.parametrize(
    ("connection", "language"),
    [
        (asking(), "id"),
        (asking(accept="en-GB,en;q=0.9"), "en"),
        (asking(accept="fr, id;q=0.5, en;q=0.4"), "id"),
        (asking(accept="in"), "id"),
        (asking(accept="en;q=zero"), "id"),
        (asking(accept="en;q=0"), "id"),
        (asking(cookie="serambi_lang=en", accept="id"), "en"),
        (asking(cookie="serambi_lang=xx", accept="en"), "en"),
        (asking(query="lang=id", cookie="serambi_lang=en"), "id"),
    ],
)
def test_the_choice_of_language(connection: HTTPConnection, language: str) -> None:
    assert choose_language(connection) == language


def test_the_choice_is_remembered() -> None:
    response = Response()
    remember_language(response, "en")
    assert response.headers["set-cookie"].startswith("serambi_lang=en;")
