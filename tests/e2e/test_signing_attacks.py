"""What an administrator of the center can do to a person who is signed in at their own desk: serve
any page under any name, know the digest, even know the passphrase. None of it signs anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from serambi.web.serve import HttpServer
from tests.e2e.conftest import ARGUMENTS, CHROMIUM, PATIENCE_MS
from tests.fakes.signing_town import ACCOUNT, OneDesk, one_desk, passphrase_of, password_of

pytestmark = [pytest.mark.browser]

EVIL = "center.example"
NAMES = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"


@asynccontextmanager
async def evil_center(pages: dict[str, str]) -> AsyncIterator[int]:
    """A server that says what `pages` hold by then; its port."""

    async def page(request: Request) -> Response:
        return HTMLResponse(pages.get(request.url.path, ""))

    app = Starlette(routes=[Route("/{name}", page)])
    server = HttpServer(app, "127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        await server.start(group)
        try:
            yield server.port
        finally:
            await server.stop()


@asynccontextmanager
async def victim(browser: Browser, desk: OneDesk) -> AsyncIterator[BrowserContext]:
    """A browser in which somebody is signed in at the desk."""
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto(f"{desk.url}/?lang=en")
    await page.get_by_label("Account").fill(ACCOUNT)
    await page.get_by_label("Password").fill(password_of(desk.party))
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Papers").wait_for()
    yield context
    await page.goto(desk.url)
    assert await page.get_by_role("heading", name="Papers").count() == 1, "still signed in"
    await context.close()


def form(action: str, fields: dict[str, str]) -> str:
    """A page that sends a form by itself, as soon as it is opened."""
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    return (
        f'<form method="post" action="{action}">{inputs}</form>'
        "<script>document.forms[0].submit()</script>"
    )


async def lands(page: Page, url: str, status: int) -> None:
    """Open a page that sends a form; what the desk answered."""
    async with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        await page.goto(url, wait_until="commit")
    assert (await sent.value).status == status
    await page.wait_for_load_state()


async def test_no_page_of_the_center_brings_a_signature_about(tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: set SERAMBI_CHROMIUM")
    pages: dict[str, str] = {}
    async with (
        one_desk(tmp_path) as desk,
        evil_center(pages) as port,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS, NAMES]
        )
        shown = desk.shown("2026-04")
        said = {"shown": shown.digest, "tag": shown.tag, "secret": passphrase_of(desk.party)}
        paper = f"{desk.url}/papers/{shown.digest}"
        force = desk.shown("2026-03")
        ended = {"shown": force.digest, "tag": force.tag, "secret": said["secret"]}
        pages |= {
            "/sign": form(f"{paper}/sign", said | {"text": "read"}),
            "/refuse": form(f"{paper}/refusal", said),
            "/revoke": form(f"{desk.url}/papers/{force.digest}/revoke", ended),
            "/login": form(
                f"{desk.url}/login", {"account": ACCOUNT, "password": password_of(desk.party)}
            ),
            "/logout": form(f"{desk.url}/logout", {}),
            "/draft": form(f"{desk.url}/draft", {"number": "1"}),
            "/fetch": "<script>window.done = Promise.allSettled(['cors', 'no-cors'].map(mode => "
            f"fetch('{paper}/sign', {{method: 'POST', mode, credentials: 'include', "
            f"body: new URLSearchParams({said | {'text': 'read'}})}})))</script>",
            "/frame": f'<iframe src="{paper}"></iframe>',
        }
        before = desk.signed("2026-04").signed_by
        async with victim(browser, desk) as context:
            page = await context.new_page()
            # Its own name, and the demo's case: another port of this machine is the same site, so
            # the browser sends the cookie along.
            every = ("/sign", "/refuse", "/revoke", "/login", "/logout", "/draft")
            for name, paths in ((EVIL, ("/sign", "/login")), ("localhost", every)):
                origin = f"http://{name}:{port}"
                for path in paths:
                    await lands(page, f"{origin}{path}", 403)
                await page.goto(f"{origin}/fetch")
                outcomes = await page.evaluate("done.then(all => all.map(one => one.status))")
                assert outcomes[0] == "rejected", "no page of another origin reads an answer"
                # Clicks cannot be stolen through a frame: the desk is shown in none.
                async with page.expect_console_message(lambda m: "frame-ancestors" in m.text):
                    await page.goto(f"{origin}/frame")
                assert await page.frames[1].locator("form").count() == 0
                # A window of the desk that a foreign page has opened is out of its reach.
                opened = await page.evaluate(
                    f"(() => {{ const w = open('{paper}'); return new Promise(done => "
                    "setTimeout(() => { try { done(String(w.document.title)) } "
                    "catch { done(w.closed ? 'gone' : 'kept out') } }, 1000)) })()"
                )
                assert opened in ("gone", "kept out")
            # Its name pointed at the desk itself: then the desk is not at home.
            answer = await page.goto(f"http://{EVIL}:{desk.port}/")
            assert answer is not None
            assert answer.status == 400
        await browser.close()
        assert desk.signed("2026-04").signed_by == before
        assert desk.hand.papers.replies(shown.digest) == []
        assert desk.hand.revocations.all() == {}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:1"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "own"}, 303),
    ],
)
async def test_the_origin_decides(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    """What a browser may say of where a form came from, without a browser."""
    async with one_desk(tmp_path) as desk:
        own = {name: desk.url if value == "own" else value for name, value in headers.items()}
        async with httpx.AsyncClient(base_url=desk.url, trust_env=False) as client:
            login = {"account": ACCOUNT, "password": password_of(desk.party)}
            first = await client.post("/login", data=login, headers={"origin": desk.url})
            assert first.status_code == 303
            shown = desk.shown("2026-04")
            said = {"shown": shown.digest, "tag": shown.tag, "text": "read"}
            said["secret"] = passphrase_of(desk.party)
            answer = await client.post(f"/papers/{shown.digest}/sign", data=said, headers=own)
            assert answer.status_code == status
            assert (desk.party in desk.signed("2026-04").signed_by) == (status == 303)
