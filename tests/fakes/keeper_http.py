"""A keeper behind its own pages and API, without cameras or network."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from serambi.base.canonical import decode
from serambi.base.clock import ManualClock
from serambi.base.ids import new_id
from serambi.fabric.messages import Reply
from serambi.identity import dsse
from serambi.keeper.keeper import Keeper
from serambi.keeper.main import keeper_app
from tests.builders import NOW, make_request
from tests.fakes.keeper_site import TOKEN, FakeCameras, Site


@dataclass
class Box:
    site: Site
    keeper: Keeper
    clock: ManualClock
    cameras: FakeCameras
    http: httpx.AsyncClient
    """A browser that nobody has signed in with."""

    async def ask(self, camera: str = "cam-1", **changes: Any) -> Reply:
        changes.setdefault("session", new_id())
        raw = make_request(self.site.town, camera, now=self.clock.now(), **changes)
        answer = dsse.load(await self.keeper._on_command(raw))
        return decode(Reply, answer.payload, what="reply", max_bytes=1 << 20)

    async def sign_in(self) -> None:
        answer = await self.http.post("/login", data={"token": TOKEN})
        assert answer.status_code == 303, answer.text

    async def page(self, path: str = "/", **query: str) -> str:
        answer = await self.http.get(path, params=query or None)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def press(self, page: str, action: str, origin: str = "http://box") -> httpx.Response:
        """Send the form of `page` that goes to `action`, as a browser without scripts does."""
        forms = re.findall(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', page, re.S)
        (inner,) = [inner for goes_to, inner in forms if goes_to == action][:1]
        fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', inner))
        return await self.http.post(action, data=fields, headers={"Origin": origin})


BEARER = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def box(site: Site, clock: ManualClock | None = None) -> AsyncIterator[Box]:
    clock = clock or ManualClock(NOW)
    cameras = FakeCameras()
    keeper = site.keeper(clock, cameras)
    try:
        app = keeper_app(keeper, site.config, clock)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://box") as http:
            yield Box(site, keeper, clock, cameras, http)
    finally:
        keeper.close()
