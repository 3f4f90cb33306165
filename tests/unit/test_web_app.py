"""Errors, headers, body limit and pages over HTTP, without a socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BODY_MAX_BYTES
from serambi.web.app import App, new_app
from serambi.web.errors import STATUS, ReasonedError
from serambi.web.pages import install_pages
from serambi.web.words import Words


class Sum(BaseModel):
    number: int


def small_app(built: Path) -> App:
    app = new_app("Test", "1")

    @app.post("/api/sum")
    async def add(body: Sum) -> Sum:
        return body

    @app.post("/api/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.get("/api/kind/{kind}")
    async def fail(kind: Kind) -> None:
        raise SerambiError(kind, "it failed", where="camera 7", hint="look at the cable")

    @app.get("/api/reason")
    async def refuse() -> None:
        raise ReasonedError(Kind.DENIED, "not now", "out_of_hours")

    @app.get("/api/crash")
    async def crash() -> None:
        raise ZeroDivisionError("secret detail")

    def hook(request: Request, response: Response) -> Response:
        if request.url.path == "/private":
            return RedirectResponse("/login", 303)
        return response

    install_pages(app, Words.load(), hook, built)
    return app


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>app</title>")
    (folder / "assets" / "app-1a2b.js").write_text("export {}")
    (folder / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
async def client(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(small_app(built), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
        yield client


@pytest.mark.parametrize("kind", list(Kind))
async def test_each_kind_has_one_status_and_the_one_shape(
    client: httpx.AsyncClient, kind: Kind
) -> None:
    answer = await client.get(f"/api/kind/{kind}")
    assert answer.status_code == STATUS[kind]
    assert answer.json() == {
        "error": {
            "kind": kind,
            "what": "it failed",
            "where": "camera 7",
            "hint": "look at the cable",
            "reason": "",
        }
    }


async def test_a_refusal_carries_its_reason(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/reason")
    assert answer.status_code == 403
    assert answer.json()["error"]["reason"] == "out_of_hours"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/none", 404), ("GET", "/api", 404), ("DELETE", "/api/sum", 405)],
)
async def test_unknown_addresses_and_methods(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"kind", "what", "where", "hint", "reason"}


async def test_a_wrong_body_is_explained_without_its_values(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/sum", json={"number": "hunter2"})
    assert answer.status_code == 422
    assert "body.number" in answer.json()["error"]["what"]
    assert "hunter2" not in answer.text


async def test_a_crash_tells_nothing_and_still_has_the_headers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/crash")
    assert answer.status_code == 500
    assert answer.json()["error"]["kind"] == "internal"
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


async def test_a_large_body_is_refused_by_its_length(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/raw", content=b"x" * (BODY_MAX_BYTES + 1))
    assert answer.status_code == 413
    assert answer.json()["error"]["kind"] == "limit"
    assert (await client.post("/api/raw", content=b"x" * BODY_MAX_BYTES)).status_code == 200


async def test_a_large_body_is_refused_when_no_length_is_told(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * (BODY_MAX_BYTES // 4)

    answer = await client.post("/api/raw", content=pieces())
    assert answer.status_code == 413


async def test_every_answer_has_the_headers(client: httpx.AsyncClient) -> None:
    for path in ("/", "/api/none", "/assets/app-1a2b.js", "/openapi.json"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


async def test_pages_are_not_stored_and_hashed_files_are_kept(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).headers["cache-control"] == "no-store"
    assert "immutable" in (await client.get("/assets/app-1a2b.js")).headers["cache-control"]
    assert (await client.get("/icon.svg")).headers["cache-control"] == "no-cache"


async def test_the_app_answers_its_own_addresses(client: httpx.AsyncClient) -> None:
    assert "app" in (await client.get("/wall/4")).text
    assert (await client.get("/wall/old-file.js")).status_code == 404
    answer = await client.get("/private")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/a%00.js"]
)
async def test_no_way_out_of_the_folder(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert "secret" not in answer.text.replace("secret.txt", "")
    assert answer.status_code == 404


async def test_without_a_built_app_the_page_says_so(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(small_app(tmp_path / "nothing"))
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
        indonesian = await client.get("/")
        english = await client.get("/?lang=en")
    assert indonesian.status_code == english.status_code == 503
    assert "Halaman belum dibuat" in indonesian.text
    assert "not built yet" in english.text
