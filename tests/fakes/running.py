"""A center that really serves HTTP on a free port, over a fabric without network."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from sqlalchemy import Engine
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from serambi.base.clock import Clock, SystemClock
from serambi.center.accounts import Accounts, Role
from serambi.center.database import open_database
from serambi.center.main import serve
from serambi.web.passwords import Passwords
from tests.fakes.center_town import Town

PASSWORD = "beringin"
_WAIT_S = 20.0


def quick_passwords() -> Passwords:
    """The real hash with parameters that cost no time."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


def people(engine: Engine, clock: Clock) -> dict[Role, str]:
    """One account for each role, named after it, the participant of `transport`; their tokens."""
    accounts = Accounts(engine, clock, quick_passwords())
    tokens = {}
    for role in Role:
        if accounts.find(role.value) is None:
            unit = "transport" if role is Role.PARTICIPANT else "Unit 1"
            accounts.create_account(role.value, role.value.title(), role, unit, PASSWORD)
        tokens[role] = accounts.create_token(role.value, "test")
    return tokens


async def eventually(condition: Callable[[], object]) -> None:
    """Return when `condition` holds; fail after a deadline."""
    async with asyncio.timeout(_WAIT_S):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds)
            await asyncio.sleep(0.005)


@dataclass
class Running:
    """A running center and who may ask it."""

    town: Town
    port: int
    tokens: dict[Role, str]
    task: "asyncio.Task[None]"
    stop: asyncio.Event

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, role: Role | None = Role.OPERATOR) -> httpx.AsyncClient:
        headers = {} if role is None else {"Authorization": f"Bearer {self.tokens[role]}"}
        return httpx.AsyncClient(base_url=self.base, headers=headers, timeout=_WAIT_S)

    def socket(self, path: str, role: Role = Role.OPERATOR) -> connect:
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            additional_headers={"Authorization": f"Bearer {self.tokens[role]}"},
            proxy=None,
        )


@asynccontextmanager
async def running(town: Town, built: Path | None = None) -> AsyncIterator[Running]:
    """Start the center of `town`, end it afterwards; fails when it does not end. `built`: the web
    app that it serves, none when it is left out."""
    engine = open_database(town.config.database)
    tokens = people(engine, town.clock)
    engine.dispose()
    stop = asyncio.Event()
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(60 if built is None else None), asyncio.TaskGroup() as group:
        task = group.create_task(
            serve(
                town.config,
                lambda config, sites: town.link,
                town.clock,
                stop.wait(),
                port.set_result,
                built=built or town.folder / "built",
            )
        )
        waits: set[asyncio.Future[Any]] = {task, port}
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        try:
            yield Running(town, port.result(), tokens, task, stop)
        finally:
            stop.set()


@asynccontextmanager
async def running_town(folder: Path, clock: Clock | None = None) -> AsyncIterator[Running]:
    """A new town whose sites have spoken, and its center."""
    town = Town(folder, clock or SystemClock())
    async with running(town) as center:
        town.speak()
        yield center


async def messages(socket: ClientConnection, count: int) -> list[str | bytes]:
    async with asyncio.timeout(_WAIT_S):
        return [await socket.recv() for _ in range(count)]


async def closed_with(socket: ClientConnection) -> tuple[list[str | bytes], int]:
    """Everything up to the end, and the close code."""
    got: list[str | bytes] = []
    try:
        async with asyncio.timeout(_WAIT_S):
            while True:
                got.append(await socket.recv())
    except ConnectionClosed as closed:
        return got, closed.rcvd.code if closed.rcvd else 0
