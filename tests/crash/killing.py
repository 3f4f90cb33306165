"""Killing each process of a running town once, and what is to be seen of it afterwards."""

import asyncio
import contextlib
import json
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from serambi.ledger.entry import Entry
from serambi.ledger.reader import READ_MAX_ENTRIES, newest_entries
from tests.crash.small_town import DEADLINE_S, TALL, SmallTown, see_pictures, wait_until

KEEPER, COURIER = f"{TALL}-keeper", f"{TALL}-courier"
IN_TURN = ("cameras", COURIER, KEEPER, "center")
MARGIN_S = 2.0
"""How late a picture's arrival and our looking may be on a busy machine."""


@dataclass
class Incident:
    """One kill: when, when pictures were recorded again, and what became of the open view."""

    process: str
    session: str
    killed: float = 0.0
    recording_again: float = 0.0
    view: str = ""
    entries: list[Entry] = field(default_factory=list)


@dataclass
class Aftermath:
    town: SmallTown
    incidents: dict[str, Incident]
    sessions: list[str]
    hanging_end: int
    """Exit code of a keeper that was told to end while its cameras hung."""

    @property
    def keeper(self) -> Path:
        return self.town.layout.keeper(TALL)


def entries_of(folder: Path) -> list[Entry]:
    """All that is durable, published or not yet."""
    _, first, entries = newest_entries(folder, READ_MAX_ENTRIES)
    assert first == 0
    return entries


def recording(town: SmallTown) -> bool:
    """Whether the keeper has a live main stream of every camera."""
    try:
        health = town.owner(TALL, "GET", "/api/health").json()
    except (httpx.HTTPError, ValueError):
        return False
    cameras = health.get("cameras", [])  # none while it is starting
    return bool(cameras) and all(c["streams"]["main"]["state"] == "live" for c in cameras)


async def _fate(socket: ClientConnection, canary: bytes, killed: float) -> str:
    """`went on` when a picture taken after the kill comes, else the reason it ended with."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                message = await socket.recv()
                if isinstance(message, str) and "ended" in json.loads(message):
                    return str(json.loads(message)["ended"])
                if isinstance(message, bytes) and message[:1] == b"\x02":
                    assert canary in message
                    if int.from_bytes(message[22:30], "big") > (killed + MARGIN_S) * 1e6:
                        return "went on"
    except ConnectionClosed:
        return "cut off"


async def kill_one(town: SmallTown, process: str) -> Incident:
    camera = town.shared[0]
    incident = Incident(process, await asyncio.to_thread(town.open_view, camera))
    async with town.watching(incident.session) as socket:
        await see_pictures(socket, town.canary(camera), 3)
        incident.entries = entries_of(town.layout.keeper(TALL) / "ledger")
        incident.killed = await asyncio.to_thread(town.kill, process)
        fate = asyncio.create_task(_fate(socket, town.canary(camera), incident.killed))
        if process in ("cameras", KEEPER):
            # Until the dead connections are noticed, the keeper still calls them live.
            with contextlib.suppress(AssertionError):
                await asyncio.to_thread(wait_until, lambda: not recording(town), "noticed", 5)
        await asyncio.to_thread(wait_until, lambda: recording(town), "recording again")
        incident.recording_again = time.time()
        incident.view = await fate
    await town.see(camera)
    return incident


def delivered(town: SmallTown) -> bool:
    """Whether the center holds all that the keeper has written so far."""
    newest = town.ask("GET", "/api/history", params={"site": TALL}).json()[:1]
    written = len(entries_of(town.layout.keeper(TALL) / "ledger"))
    return [entry["seq"] + 1 for entry in newest] == [written]


def end_while_cameras_hang(town: SmallTown, process: str) -> int:
    """Stop all cameras where they are, tell `process` to end; its exit code."""
    town.pid(process)
    ending = town.children[process].process
    assert ending is not None
    town.signal("cameras", signal.SIGSTOP)
    try:
        ending.send_signal(signal.SIGTERM)
        wait_until(lambda: ending.returncode is not None, f"{process} has ended")
    finally:
        town.signal("cameras", signal.SIGCONT)
    assert ending.returncode is not None
    return ending.returncode
