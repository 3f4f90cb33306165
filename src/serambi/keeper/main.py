"""`serambi keeper`: the owner's process, from its settings file to its last breath."""

import asyncio
import contextlib
import logging
from pathlib import Path

from starlette.staticfiles import StaticFiles

from serambi import __version__
from serambi.base.clock import Clock, SystemClock
from serambi.base.process import until_told_to_end
from serambi.keeper.api import keeper_router
from serambi.keeper.config import KeeperConfig, read_config
from serambi.keeper.keeper import Keeper
from serambi.keeper.own_key import open_ledger
from serambi.keeper.owner.routes import OwnerPages, owner_router
from serambi.web.app import App, new_app
from serambi.web.front import Front
from serambi.web.login import Gate, MemoryLogins, OneToken, cookie_name
from serambi.web.passwords import FailureLimit
from serambi.web.serve import HttpServer
from serambi.web.words import Words

log = logging.getLogger(__name__)

_STATIC = Path(__file__).parents[1] / "web" / "static"


def keeper_app(keeper: Keeper, config: KeeperConfig, clock: Clock) -> App:
    """The keeper's pages and API."""
    app = new_app("Serambi keeper", __version__)
    gate = Gate(
        cookie_name(f"keeper_{config.site}", config.port),
        MemoryLogins(),
        OneToken("owner", config.owner_token_sha256),
        clock,
    )
    pages = OwnerPages(keeper, gate, Words.load(), FailureLimit(clock))
    app.include_router(keeper_router(keeper, gate))
    app.include_router(owner_router(pages))
    app.mount("/static", StaticFiles(directory=_STATIC))
    return app


async def run(path: Path) -> None:
    """Run the keeper of `path` (keeper.toml) until SIGTERM or SIGINT. It answers at once; what
    may take long on a slow or full disk, opening the ledger, comes after that."""
    config = read_config(path)
    clock = SystemClock()
    front = Front("Serambi keeper", __version__, config.site)
    with contextlib.ExitStack() as closing:
        async with asyncio.TaskGroup() as group:
            server = HttpServer(front, config.host, config.port)
            await server.start(group)
            log.info("keeper of %s at http://%s:%d", config.site, config.host, server.port)
            store = await asyncio.to_thread(open_ledger, config, clock)
            closing.callback(store.close)
            keeper = Keeper(config, clock, store=store)
            closing.callback(keeper.close)
            front.app = keeper_app(keeper, config, clock)
            work = group.create_task(keeper.run())
            await until_told_to_end()
            work.cancel()
            await server.stop()
