"""A real center in a thread of its own, with gateways that sign and show no pictures."""

import asyncio
import json
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
    """`clients` ask as each role; `told` is what the institution `transport` is told by."""

    url: str
    clients: dict[Role, httpx.Client]
    told: "Told"

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


class Told(ThreadingHTTPServer):
    """A system that is told of incidents: takes what is posted to `/taken`, refuses anything else.
    `posts`: what it has taken."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Hook)


class _Hook(BaseHTTPRequestHandler):
    server: Told

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/taken":
            self.server.posts.append(said)
        self.send_response(204 if self.path == "/taken" else 410)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def told() -> Iterator[Told]:
    """It runs."""
    with Told() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(START_S)


def way(name: str, port: int, answer: str) -> str:
    """A way of an institution's list; `answer` is where it posts, `taken` or `refused`."""
    return (
        f'[[institution.way]]\nname = "{name}"\nsecret = "{"0" * 32}"\n'
        f'webhook = "http://127.0.0.1:{port}/{answer}"\n'
    )


def on_call(path: Path, url: str, party: str, *more: str) -> Path:
    """The file with the list of one institution."""
    head = f'format = 1\nurl = "{url}"\n[[institution]]\nparty = "{party}"\n'
    path.write_text(head + "".join(more))
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
    with told() as server:
        port = server.server_address[1]
        ways = (way("papan", port, "taken"), way("telepon lama", port, "refused"))
        file = on_call(folder / "on-call.toml", "http://127.0.0.1:1", "transport", *ways)
        drawn = replace(town.config.map, pmtiles=archive)
        town.config = replace(town.config, on_call=file, map=drawn)
        yield from _asked(town, server)


def _asked(town: Town, told: Told) -> Iterator[DeskTown]:
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
        yield DeskTown(center.base, clients, told)
        for client in clients.values():
            client.close()
