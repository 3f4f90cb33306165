"""A real center in a thread of its own, with gateways that sign and show no pictures."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from serambi.base.clock import SystemClock
from serambi.center.accounts import Role
from serambi.web.pages import BUILT
from tests.fakes.center_town import Town
from tests.fakes.running import PASSWORD, Running, running
from tests.fakes.tiles import one_tile

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


class _Hook(BaseHTTPRequestHandler):
    """Takes what is posted to `/taken`, refuses anything else."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204 if self.path == "/taken" else 410)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _hook() -> Iterator[int]:
    """A system that is told of incidents; its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Hook) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(START_S)


def _on_call(path: Path, port: int) -> Path:
    """The list of one institution: one way takes every message, the other refuses."""
    ways = "".join(
        f'[[institution.way]]\nname = "{name}"\nsecret = "{"0" * 32}"\n'
        f'webhook = "http://127.0.0.1:{port}/{answer}"\n'
        for name, answer in (("papan", "taken"), ("telepon lama", "refused"))
    )
    head = 'format = 1\nurl = "http://127.0.0.1:1"\n[[institution]]\nparty = "transport"\n'
    path.write_text(head + ways)
    path.chmod(0o600)
    return path


@contextmanager
def desk_town(
    folder: Path, prepare: Callable[[Town], None] = lambda town: None
) -> Iterator[DeskTown]:
    """Start it, and end it with its thread. Its map lies on tiles, and one institution is told.
    `prepare` changes the town before it speaks."""
    town = Town(folder, SystemClock())
    prepare(town)
    archive = folder / "town.pmtiles"
    archive.write_bytes(one_tile())
    with _hook() as port:
        on_call = _on_call(folder / "on-call.toml", port)
        drawn = replace(town.config.map, pmtiles=archive)
        town.config = replace(town.config, on_call=on_call, map=drawn)
        yield from _asked(town)


def _asked(town: Town) -> Iterator[DeskTown]:
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
