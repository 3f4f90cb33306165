"""A real center in a thread of its own, with gateways that sign and show no pictures."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from serambi.base.clock import SystemClock
from serambi.center.accounts import Role
from serambi.web.pages import BUILT
from tests.fakes.center_town import Town
from tests.fakes.running import PASSWORD, Running, running

START_S = 30.0
SPEAK_EVERY_S = 1.0


@dataclass
class DeskTown:
    """`clients` ask as each role."""

    url: str
    clients: dict[Role, httpx.Client]

    def login(self, role: Role) -> dict[str, str]:
        return {"account": role.value, "password": PASSWORD}

    def post(self, path: str, body: object, role: Role = Role.OPERATOR) -> Any:
        answer = self.clients[role].post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def get(self, path: str, role: Role = Role.OPERATOR) -> Any:
        return self.clients[role].get(path).raise_for_status().json()

    def alert(self, text: str, **more: object) -> Any:
        return self.post("/api/alerts", {"text": text, "site": "terminal", **more})

    def clear(self) -> None:
        """Nothing waits."""
        while waiting := self.get("/api/alerts")["waiting"]:
            ids = [alert["id"] for alert in waiting]
            self.post("/api/alerts/answers", {"alerts": ids, "answer": "dismiss"})


@contextmanager
def served(town: Town) -> Iterator[Running]:
    """The center of `town` with the built app, ended with its thread."""
    started: dict[str, Running] = {}
    ready, leave = threading.Event(), threading.Event()

    async def serve() -> None:
        async with running(town, BUILT) as center:
            started["center"] = center
            ready.set()
            while not leave.is_set():
                town.speak()
                await asyncio.to_thread(leave.wait, SPEAK_EVERY_S)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(START_S), "the center does not start"
        yield started["center"]
    finally:
        leave.set()
        thread.join(START_S)
    assert not thread.is_alive()


@contextmanager
def desk_town(
    folder: Path, prepare: Callable[[Town], None] = lambda town: None
) -> Iterator[DeskTown]:
    """Start it, and end it with its thread. `prepare` changes the town before it speaks."""
    town = Town(folder, SystemClock())
    prepare(town)
    with served(town) as center:
        clients = {
            role: httpx.Client(
                base_url=center.base,
                headers={"Authorization": f"Bearer {token}"},
                timeout=20.0,
                trust_env=False,
            )
            for role, token in center.tokens.items()
        }
        yield DeskTown(center.base, clients)
        for client in clients.values():
            client.close()
