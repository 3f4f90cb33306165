"""A whole demo town as a test sees it: one process started and ended, and ways to talk to it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from serambi.ledger.entry import Entry, decode_entry
from serambi.ledger.reader import TileReader, read_checkpoint, read_pending
from serambi.sim import loop_file

START_S = 200.0
"""Enough for painting and encoding every picture the first time on a slow machine."""
END_S = 5.0
_POLL_S = 0.05

T = TypeVar("T")


def until(what: str, look: Callable[[], T], within_s: float = 20.0) -> T:
    """The first true answer of `look`; fails saying what never came."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(_POLL_S)


@dataclass(frozen=True)
class Camera:
    """A camera as demo.json tells of it; `frames`: length of its loop, `fps`: of its numbers."""

    id: str
    number: str
    site: str
    facing: str
    shared: bool
    tag: int
    canary: bytes
    frames: int
    fps: int


class Town:
    """A running demo. `opened`: numbers of waiting cameras that tests have since agreed on;
    `codes`: what the printed links sign in with, once each, by role."""

    def __init__(self, folder: Path, printed: str) -> None:
        self.folder = folder
        self.codes = dict(re.findall(r"^(\w+): \S+/signin\?code=(\S+)$", printed, re.MULTILINE))
        self.told: dict[str, Any] = json.loads((folder / "demo.json").read_text())
        self.url: str = self.told["center"]["url"]
        self.cameras = _cameras(folder, self.told)
        self.opened: set[str] = set()
        self._clients: list[httpx.Client] = []
        self.operator = self._client(self.url, self.told["center"]["tokens"]["operator"])
        self.owners = {
            gateway["site"]: self._client(gateway["url"], gateway["tokens"]["owner"])
            for gateway in self.told["gateways"]
        }

    def _client(self, url: str, token: str) -> httpx.Client:
        client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=20.0,
            trust_env=False,
        )
        self._clients.append(client)
        return client

    @property
    def shared(self) -> list[Camera]:
        return [camera for camera in self.cameras if camera.shared]

    @property
    def inside(self) -> list[Camera]:
        return [camera for camera in self.cameras if camera.facing == "inside"]

    def camera(self, number: str) -> Camera:
        return next(camera for camera in self.cameras if camera.number == number)

    def login(self, role: str = "operator") -> dict[str, str]:
        login: dict[str, str] = self.told["center"]["logins"][role]
        return login

    def get(self, path: str) -> Any:
        return self.operator.get(path).raise_for_status().json()

    def state(self, number: str) -> str:
        """What the center says of a camera; empty when it does not know it."""
        return next((c["state"] for c in self.get("/api/cameras") if c["number"] == number), "")

    def stop(self, camera: Camera) -> None:
        self._order("/api/stop", camera)

    def resume(self, camera: Camera) -> None:
        self._order("/api/resume", camera)

    def _order(self, path: str, camera: Camera) -> None:
        self.owners[camera.site].post(path, json={"camera": camera.id}).raise_for_status()

    def turn(self, camera: Camera, *, away: bool) -> None:
        """Have the simulator turn a camera to another place, or back."""
        command = {"cmd": "fault", "camera": camera.id, "faults": {"changed": away}}
        (self.folder / "cameras.control").write_text(json.dumps(command) + "\n")

    def viewers(self, camera: Camera) -> list[dict[str, Any]]:
        """Who sees this camera, as its owner is told."""
        answer = self.owners[camera.site].get("/api/viewers").raise_for_status().json()
        return [viewer for viewer in answer if viewer["camera"] == camera.id]

    def lamp(self, site: str) -> str:
        lamp: str = self.owners[site].get("/api/health").raise_for_status().json()["lamp"]
        return lamp

    def send(self, document: bytes) -> dict[str, Any]:
        """Pass a signed document on through the center: what each site said."""
        answer = self.operator.post("/api/documents", content=document).raise_for_status()
        return dict(answer.json())

    def hand_to_owner(self, site: str, document: bytes) -> None:
        self.owners[site].post("/api/documents", content=document).raise_for_status()

    def ledger(self, site: str) -> list[Entry]:
        """What a keeper has written down, oldest first, in tiles or not yet."""
        folder = self.folder / "sites" / site / "keeper" / "ledger"
        while True:
            before, _ = read_checkpoint(folder)
            pending = read_pending(folder, before.size)
            found = TileReader(folder, before.size).entries(0, before.size)
            # What moves into tiles between two looks would be in neither.
            if read_checkpoint(folder)[0].size == before.size:
                return found + [decode_entry(leaf) for one in pending for leaf in one.leaves]

    def close(self) -> None:
        for client in self._clients:
            client.close()


def _cameras(folder: Path, told: dict[str, Any]) -> list[Camera]:
    simulated = json.loads((folder / "sim.json").read_text())["cameras"]
    loops = {camera["id"]: Path(camera["main"]) for camera in simulated}
    found = []
    for gateway in told["gateways"]:
        for camera in gateway["cameras"]:
            loop = loop_file.read(loops[camera["id"]])
            found.append(
                Camera(
                    id=camera["id"],
                    number=camera["number"],
                    site=gateway["site"],
                    facing=camera["facing"],
                    shared=camera["shared"],
                    tag=camera["tag"],
                    canary=bytes.fromhex(camera["canary"]),
                    frames=len(loop.units),
                    fps=loop.fps,
                )
            )
    return found


@contextmanager
def running_town(folder: Path, *arguments: str) -> Iterator[Town]:
    """A demo in `folder` from start to end; afterwards nothing of it may be left."""
    process, printed = _start(folder, arguments)
    try:
        town = Town(folder, printed)
        assert printed.rstrip().endswith(f"ready {town.url}")
        yield town
        town.close()
        _end(process, set(town.told["pids"].values()))
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _start(folder: Path, arguments: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], str]:
    command = [sys.executable, "-m", "serambi", "demo", "--no-browser", "--data", str(folder)]
    output = folder.with_name(folder.name + ".log")
    with output.open("wb") as log:
        process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def told_ready() -> str:
        text = output.read_text("utf-8")
        assert process.poll() is None, f"the demo ended by itself:\n{text}"
        return text if re.search(r"^ready \S+$", text, re.MULTILINE) else ""

    try:
        return process, until(f"`ready` in {output}", told_ready, START_S)
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(2 * END_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def _end(process: subprocess.Popen[bytes], named: set[int]) -> None:
    """Ctrl-C: the demo ends with 0 and every process below it is gone within `END_S`."""
    below = {pid: birth for pid in descendants(process.pid) if (birth := _birth(pid))}
    assert named <= set(below), "demo.json names a process that is not the demo's"
    process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + END_S
    code = process.wait(END_S)
    left = deadline - time.monotonic()
    until(
        f"all of {sorted(below)} gone",
        lambda: all(_birth(pid) != birth for pid, birth in below.items()),
        max(0.0, left),
    )
    assert code == 0


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on, empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _birth(pid: int) -> str:
    """Tells a living process from a later one of the same number; empty when it has ended."""
    fields = _stat(pid)
    # One that has ended is a zombie until its new parent looks at it.
    return fields[19] if fields and fields[0] not in "ZX" else ""


def descendants(pid: int) -> set[int]:
    """The processes below one, as they are now."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            parents[int(entry)] = int(fields[1])
    found: set[int] = set()
    grew = True
    while grew:
        more = {child for child, parent in parents.items() if parent == pid or parent in found}
        grew = bool(more - found)
        found |= more
    return found
