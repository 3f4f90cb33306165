"""What hostile input must lead to: the messages that docs/reference/errors.md promises, from a
keeper that really runs, and a center behind its socket that gets nothing."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner

from serambi.base.clock import Clock
from serambi.cli.main import main
from serambi.keeper.keeper import Keeper
from serambi.keeper.main import keeper_app
from serambi.web.serve import HttpServer
from tests.docs.pages import page, section
from tests.fakes.keeper_courier import Courier, connected
from tests.fakes.keeper_site import TOKEN, FakeCameras, Site

_SECRETS = (TOKEN, "secret-of-", "PRIVATE KEY")


def promised(heading: str) -> dict[str, str]:
    """The rows below a heading of the page: input -> the message; `…` stands for anything."""
    rows = re.findall(
        r"^\| ([^|]+?) \| `([^`]+)` \| [^|]+ \|$",
        section(page("docs/reference/errors.md"), f"## {heading}"),
        re.M,
    )
    assert rows, heading
    assert len({message for _, message in rows}) == len(rows), "one message for two troubles"
    return dict(rows)


def check_said(said: str, message: str) -> None:
    """`said` is what was promised, says nothing secret and is one sentence for a person."""
    pattern = ".*".join(re.escape(part) for part in message.split("…"))
    assert re.search(pattern, said, re.S), f"promised {message!r}, said {said!r}"
    assert not any(secret in said for secret in _SECRETS), said
    assert len(said) < 600
    assert "Traceback" not in said


@dataclass
class AtWork:
    """A running keeper, reached as its owner and as the center reach it."""

    site: Site
    keeper: Keeper
    http: httpx.AsyncClient
    courier: Courier

    async def health(self) -> dict[str, Any]:
        """Answers, whatever came before."""
        answer = await self.http.get("/api/health", headers=OWNER)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def check_nothing_shared(self) -> None:
        """It lives, nobody watches, and no picture has left."""
        assert (await self.health())["site"] == self.keeper.config.site
        assert self.keeper.sessions.all() == ()
        assert self.courier.live == []


OWNER = {"Authorization": f"Bearer {TOKEN}"}


@asynccontextmanager
async def at_work(
    site: Site, clock: Clock, cameras: FakeCameras | None = None
) -> AsyncIterator[AtWork]:
    """The keeper of `site` with its HTTP side and a courier; its own readers unless `cameras`."""
    keeper = Keeper(site.config, clock, cameras)
    server = HttpServer(keeper_app(keeper, site.config, clock), "127.0.0.1", 0)
    try:
        async with asyncio.TaskGroup() as group:
            work = group.create_task(keeper.run())
            await server.start(group)
            await keeper.uplink.ready()
            url = f"http://127.0.0.1:{server.port}"
            async with connected(site) as courier, httpx.AsyncClient(base_url=url) as http:
                yield AtWork(site, keeper, http, courier)
            work.cancel()
            await server.stop()
    finally:
        keeper.close()


def cli(*arguments: str | Path) -> tuple[int, str]:
    """`serambi ...` in this process: exit code and everything that it said."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.output
