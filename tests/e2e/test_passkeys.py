"""Passkeys in a real browser, with an authenticator that the browser plays, by keyboard alone."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from serambi.base.clock import SystemClock
from serambi.base.words import Language, Words
from serambi.center.login_settings import LoginSettings, OidcSettings
from serambi.web.words import Words as Texts
from tests.e2e.conftest import PATIENCE_MS
from tests.e2e.desk import served
from tests.e2e.screen import AXE, Screen, new_screen
from tests.fakes.center_town import Town
from tests.fakes.running import PASSWORD, Running

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("passkeys")]

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1366, "height": 768}
TEXTS = Texts.load()
EXPECTED = re.compile(r"status of 40[01349]")
"""The browser's own line for an answer that the page puts into words."""


@pytest.fixture(scope="module")
def center(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("passkeys")
    town = Town(folder / "town", SystemClock())
    (folder / "secret").write_text("x")
    # Nobody is there: the page says so.
    oidc = OidcSettings(
        "http://127.0.0.1:1", "serambi", folder / "secret", Words("Akun Polres", "Polres"), "x", ()
    )
    town.config = replace(town.config, login=LoginSettings(oidc=oidc))
    with served(town) as center:
        yield center


@dataclass
class Seat:
    """A person at a browser; `t` gives the texts in their language."""

    screen: Screen
    url: str
    t: Callable[[str], str]
    cdp: Any
    authenticator: str

    @property
    def page(self) -> Page:
        return self.screen.page

    def type(self, *keys: str) -> None:
        """What has a name is a key, everything else is text."""
        for each in keys:
            if each in {"Tab", "Enter", "Shift+Tab", "Escape"}:
                self.page.keyboard.press(each)
            else:
                self.page.keyboard.type(each)

    def verified(self, *, yes: bool) -> None:
        """Whether the person's finger is the right one."""
        self.cdp.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self.authenticator, "isUserVerified": yes},
        )

    def inside(self) -> None:
        expect(self.page.locator("header.top h1")).to_be_visible()

    def leave(self) -> None:
        self.page.get_by_role("button", name=self.t("common.sign_out")).press("Enter")
        expect(self.page.get_by_role("button", name=self.t("login.passkey"))).to_be_focused()

    def good(self) -> None:
        """Nothing that axe objects to, and nothing beside the page."""
        assert self.screen.violations() == []
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wide) == 0


@contextmanager
def seat(
    browser: Browser,
    center: Running,
    language: Language = "id",
    theme: str = "dark",
    room: ViewportSize = DESK,
) -> Iterator[Seat]:
    expect.set_options(timeout=PATIENCE_MS)
    context = browser.new_context(viewport=room, timezone_id="Asia/Jakarta", locale="id-ID")
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(
        f"localStorage['serambi.language'] = '{language}';localStorage['serambi.theme'] = '{theme}'"
    )
    screen = new_screen(context)
    cdp = context.new_cdp_session(screen.page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield Seat(
        screen=screen,
        url=f"http://localhost:{center.port}",
        t=lambda name: TEXTS.text(language, name),
        cdp=cdp,
        authenticator=made["authenticatorId"],
    )
    context.close()
    assert [each for each in screen.troubles if not EXPECTED.search(each)] == []
    assert screen.hosts == {"localhost"}


def test_nobody_needs_a_mouse_or_a_password(browser: Browser, center: Running) -> None:
    with seat(browser, center) as ani:
        ani.page.goto(ani.url)
        # The first time with a password, which opens one page.
        expect(ani.page.get_by_role("button", name=ani.t("login.passkey"))).to_be_focused()
        ani.page.get_by_label(ani.t("login.account")).focus()
        ani.type("operator", "Tab", PASSWORD, "Enter")
        expect(ani.page.get_by_label(ani.t("passkeys.name"))).to_be_focused()
        ani.page.goto(f"{ani.url}/alerts")
        expect(ani.page.get_by_label(ani.t("passkeys.name"))).to_be_focused()
        ani.type("Enter")
        expect(ani.page.get_by_role("alert")).to_have_text(ani.t("passkeys.name_missing"))
        ani.type("ponsel saya", "Enter")
        ani.inside()
        ani.leave()
        # From then on by the passkey alone.
        ani.type("Enter")
        ani.inside()
        ani.leave()
        ani.verified(yes=False)
        ani.type("Enter")
        expect(ani.page.get_by_role("alert")).to_have_text(ani.t("passkeys.cancelled"))
        ani.verified(yes=True)
        ani.page.get_by_label(ani.t("login.account")).focus()
        ani.type("operator", "Tab", PASSWORD, "Enter")
        expect(ani.page.get_by_role("alert")).to_have_text(ani.t("login.use_passkey"))
        expect(ani.page.get_by_role("button", name=ani.t("login.passkey"))).to_be_focused()
        ani.type("Enter")
        ani.inside()


def test_the_list_and_a_link_for_somebody_else(browser: Browser, center: Running) -> None:
    with seat(browser, center, "en", "light") as admin, seat(browser, center, "en") as other:
        admin.page.goto(admin.url)
        admin.page.get_by_label(admin.t("login.account")).fill("coordinator")
        admin.page.get_by_label(admin.t("login.password")).fill(PASSWORD)
        admin.type("Enter")
        admin.page.get_by_label(admin.t("passkeys.name")).fill("blue key")
        admin.type("Enter")
        admin.inside()
        admin.page.locator("header.top a.seen").press("Enter")
        rows = admin.page.locator("main li")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("blue key")
        expect(rows).to_contain_text(admin.t("passkeys.never_used"))
        admin.good()
        # The last one stays, and a device has one.
        admin.page.get_by_role("button", name="Remove blue key").press("Enter")
        dialog = admin.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Remove", exact=True).press("Enter")
        expect(admin.page.get_by_role("alert")).to_have_text(admin.t("passkeys.changed"))
        admin.page.get_by_role("button", name=admin.t("passkeys.add")).press("Enter")
        admin.good()
        expect(admin.page.get_by_label(admin.t("passkeys.name"))).to_be_focused()
        admin.type("again", "Enter")
        expect(admin.page.get_by_role("alert")).to_have_text(admin.t("passkeys.known"))
        # A link for somebody who has lost theirs.
        field = admin.page.get_by_label(admin.t("login.account"), exact=True)
        field.fill("nobody")
        field.press("Enter")
        expect(admin.page.get_by_text("There is no account nobody.")).to_be_visible()
        field.fill("investigator")
        field.press("Enter")
        link = admin.page.locator("input[readonly]")
        expect(link).to_have_value(re.compile(r"/signin\?code="))
        admin.good()
        for _ in range(2):
            other.page.goto(link.input_value())
        # Used up by the first, which this browser remembers.
        other.page.goto(other.url)
        other.page.get_by_label(other.t("passkeys.name")).fill("new phone")
        other.type("Enter")
        other.inside()
        expect(other.page.locator("header.top a.seen")).to_contain_text("Investigator")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm ci in ui/")
@pytest.mark.parametrize(
    ("language", "theme", "room"),
    [("id", "dark", PHONE), ("en", "light", DESK)],
)
def test_everybody_can_sign_in(
    browser: Browser, center: Running, language: Language, theme: str, room: ViewportSize
) -> None:
    with seat(browser, center, language, theme, room) as ani:
        ani.page.goto(f"{ani.url}/login?code=used")
        expect(ani.page.get_by_text(ani.t("login.code_used_passkey"))).to_be_visible()
        ani.good()
        name = "Akun Polres" if language == "id" else "Polres"
        ani.page.get_by_role("link", name=name).press("Enter")
        expect(ani.page.get_by_role("alert").first).to_have_text(ani.t("login.oidc.unreachable"))
        ani.good()
        ani.page.get_by_label(ani.t("login.account")).fill("commander")
        ani.page.get_by_label(ani.t("login.password")).fill(PASSWORD)
        ani.type("Enter")
        expect(ani.page.get_by_label(ani.t("passkeys.name"))).to_be_visible()
        ani.good()
        ani.page.get_by_role("button", name=ani.t("passkeys.not_now")).press("Enter")
        expect(ani.page.get_by_label(ani.t("login.account"))).to_be_visible()


def test_at_another_address_the_page_says_where_passkeys_work(
    browser: Browser, center: Running
) -> None:
    with seat(browser, center) as ani:
        ani.page.goto(f"http://127.0.0.1:{center.port}/login")
        expect(ani.page.get_by_text(f"Passkey hanya berlaku di {ani.url}.")).to_be_visible()
        expect(ani.page.get_by_role("button", name=ani.t("login.passkey"))).to_have_count(0)
        expect(ani.page.get_by_label(ani.t("login.account"))).to_be_focused()
        ani.screen.hosts.discard("127.0.0.1")
        ani.page.goto(ani.url)
