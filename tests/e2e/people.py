"""The persons of the parties, each in front of its own desk in a browser profile of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, Error, Page, Request, async_playwright, expect

from tests.e2e.conftest import ARGUMENTS, CHROMIUM, PATIENCE_MS
from tests.fakes.signing_town import ACCOUNT, passphrase_of, password_of


@dataclass
class Person:
    """One party's person in front of its desk."""

    party: str
    url: str
    page: Page
    troubles: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def say(self, error: Error) -> None:
        self.troubles.append(str(error))

    def asks(self, request: Request) -> None:
        self.hosts.add(request.url)

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.url}/?lang=en")
        await self.page.get_by_label("Account").fill(ACCOUNT)
        await self.page.get_by_label("Password").fill(password_of(self.party))
        await self.page.get_by_role("button", name="Sign in").click()
        await expect(self.page.get_by_role("heading", name="Papers")).to_be_visible()

    async def open(self, title: str) -> None:
        await self.page.goto(self.url)
        await self.page.get_by_role("link", name=title).click()

    async def stands(self, text: str) -> None:
        await expect(self.page.get_by_role("status")).to_contain_text(text)

    async def sign(self, passphrase: str = "") -> None:
        form = self.page.locator("form[action$='/sign']")
        await form.get_by_role("checkbox").check()
        await form.get_by_label("Passphrase").fill(passphrase or passphrase_of(self.party))
        await form.get_by_role("button").click()

    async def act(self, what: str, text: str = "") -> None:
        """Through one of the other forms of the page."""
        form = self.page.locator(f"form[action$='/{what}']")
        fold = self.page.locator("details").filter(has=form)
        if await fold.count():
            await fold.locator("summary").click()
        if text:
            await form.locator("textarea").fill(text)
        await form.get_by_label("Passphrase").fill(passphrase_of(self.party))
        await form.get_by_role("button").click()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: set SERAMBI_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def people(desks: dict[str, str], browser: Browser) -> AsyncIterator[dict[str, Person]]:
    """Everybody signed in; `desks`: addresses by party. Afterwards no page must have had trouble
    or talked to anybody else."""
    expect.set_options(timeout=PATIENCE_MS)
    found = {}
    async with AsyncExitStack() as stack:
        for party, url in desks.items():
            context = await browser.new_context(viewport={"width": 1280, "height": 900})
            context.set_default_timeout(PATIENCE_MS)
            stack.push_async_callback(context.close)
            person = Person(party, url, await context.new_page())
            person.page.on("pageerror", person.say)
            person.page.on("request", person.asks)
            found[party] = person
        async with asyncio.TaskGroup() as group:
            for person in found.values():
                group.create_task(person.sign_in())
        yield found
        for person in found.values():
            assert person.troubles == []
            assert all(asked.startswith(f"{person.url}/") for asked in person.hosts)
