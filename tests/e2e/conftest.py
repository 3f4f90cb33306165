"""The demo town and the browser that the end-to-end tests share."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from serambi.center.accounts import Role
from serambi.cli.children import free_ports
from serambi.web.pages import BUILT
from tests.e2e.desk import DeskTown, desk_town, on_call, told, way
from tests.e2e.screen import Screen, new_screen
from tests.e2e.town import Town, running_town

CHROMIUM = shutil.which(os.environ.get("SERAMBI_CHROMIUM") or "chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_MS = 20_000
ROOM: ViewportSize = {"width": 1366, "height": 768}
"""A small control room's screen: Chromium paints without a graphics card here."""

DESK_ROOM: ViewportSize = {"width": 1600, "height": 900}

OpenWall = Callable[..., Screen]
Open = Callable[..., Screen]

DEMO = [
    pytest.mark.browser,
    # One town for all of them, also when several processes run the tests.
    pytest.mark.xdist_group("demo"),
    # The first one may have to wait until every picture of the town is painted.
    pytest.mark.timeout(300),
]
"""Marks of a module whose tests use the shared demo."""


@pytest.fixture(scope="package")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One demo for all tests of this folder; whoever changes it changes it back. It tells KPU."""
    folder = tmp_path_factory.mktemp("demo")
    (port,) = free_ports(1)
    with told() as server:
        ways = ("sign_in = true\n", way("papan KPU", server.server_address[1], "taken"))
        file = on_call(folder / "on-call.toml", f"http://localhost:{port}", "kpu", *ways)
        arguments = ("--port", str(port), "--on-call", str(file))
        with running_town(folder / "town", *arguments) as town:
            town.told_kpu = server.posts
            yield town


# One browser per module: between modules no event loop of Playwright's may be left running.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: set SERAMBI_CHROMIUM")
    if not (BUILT / "index.html").is_file():
        pytest.skip("the web app is not built: python3 dev.py test builds it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_wall(browser: Browser) -> Iterator[OpenWall]:
    """`open_wall(town)`: a page of somebody who is signed in, nobody for the role "". Afterwards
    it must have had no trouble, and talked to nobody but this machine."""
    screens: list[Screen] = []
    expect.set_options(timeout=PATIENCE_MS)

    def open_one(
        town: Town,
        language: str = "id",
        theme: str = "dark",
        room: ViewportSize = ROOM,
        role: str = "operator",
        path: str = "",
    ) -> Screen:
        context = browser.new_context(viewport=room, timezone_id="Asia/Jakarta", locale="id-ID")
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(
            f"localStorage['serambi.language'] = '{language}';"
            f"localStorage['serambi.theme'] = '{theme}'"
        )
        screen = new_screen(context)
        screens.append(screen)
        if role:
            answer = context.request.post(f"{town.url}/api/login", data=town.login(role))
            assert answer.ok, answer.status_text
        screen.page.goto(town.url + path)
        return screen

    yield open_one
    troubles = [trouble for screen in screens for trouble in screen.troubles]
    hosts = set().union(*(screen.hosts for screen in screens))
    for screen in screens:
        screen.page.context.close()
    assert troubles == []
    assert hosts <= {"localhost"}


@pytest.fixture
def wall(town: Town, open_wall: OpenWall) -> Screen:
    """The wall of the shared demo."""
    return open_wall(town)


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskTown]:
    """A center with gateways that show no pictures, for all tests of the group `desk`."""
    with desk_town(tmp_path_factory.mktemp("desk")) as town:
        yield town


@pytest.fixture
def opened(desk: DeskTown, browser: Browser) -> Iterator[Open]:
    """`opened(path, role)`: a page of somebody who is signed in. It must have had no trouble."""
    desk.clear()
    screens: list[Screen] = []
    expect.set_options(timeout=PATIENCE_MS)

    def open_one(
        path: str,
        role: Role = Role.OPERATOR,
        language: str = "id",
        theme: str = "dark",
        room: ViewportSize = DESK_ROOM,
    ) -> Screen:
        context = browser.new_context(
            viewport=room,
            timezone_id="Asia/Jakarta",
            locale="id-ID",
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(
            f"localStorage['serambi.language'] = '{language}';"
            f"localStorage['serambi.theme'] = '{theme}'"
        )
        screen = new_screen(context)
        screens.append(screen)
        assert context.request.post(f"{desk.url}/api/login", data=desk.login(role)).ok
        screen.page.goto(desk.url + path)
        return screen

    yield open_one
    troubles = [trouble for screen in screens for trouble in screen.troubles]
    hosts = set().union(*(screen.hosts for screen in screens))
    for screen in screens:
        screen.page.context.close()
    assert troubles == []
    assert hosts <= {"127.0.0.1"}
