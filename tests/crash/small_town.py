"""A town small enough for tests, of real processes: two sites, four cameras, a center.

The processes are started and kept alive as `serambi demo` does it, in a thread of their own, so
that a test can kill one, keep it down, and look at what the others do.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
from argon2 import PasswordHasher
from websockets.asyncio.client import ClientConnection, connect

from serambi.base.clock import SystemClock
from serambi.center.accounts import Accounts, Role
from serambi.center.database import open_database
from serambi.cli.children import Child, end_all, free_ports
from serambi.cli.demo import town_processes, until_ready
from serambi.cli.layout import Layout, Ports, lay_out
from serambi.sim.encode import Streams, encode
from serambi.sim.encoder import Settings
from serambi.sim.loop_file import write
from serambi.sim.town import Town
from serambi.web.passwords import Passwords
from tests.simulation.sim_town import Painted

DEADLINE_S = 30.0
GOP_S = 1.0
TALL, SHUT = "gudang", "kantor"
"""The site that shares, and the site whose agreement lacks a signature."""

T = TypeVar("T")


def _words(text: str) -> dict[str, str]:
    return {"id": text, "en": f"{text} (en)"}


def _party(name: str) -> dict[str, Any]:
    return {"id": name} | {part: _words(f"{name} {part}") for part in ("name", "role", "contact")}


def _camera(number: str, scene: str, facing: str, name: str) -> dict[str, Any]:
    return {
        "number": number,
        "scene": scene,
        "facing": facing,
        "heading_deg": 10,
        "position": _words(f"tiang {number}"),
        "name": _words(name),
    }


def _agreement(number: str, site: str, signed_by: list[str]) -> dict[str, Any]:
    return {
        "number": number,
        "title": _words(f"Perjanjian {number}"),
        "legal_basis": _words("Kesepakatan tiga lembaga"),
        "sites": [site],
        "signed_by": signed_by,
        "days": 2.0,
        "purpose": [{"id": "routine_watch", "text": _words("Pengamanan gerbang dan halaman")}],
    }


def small_town() -> Town:
    """Two cameras shared, one inside, one at a site whose agreement is not signed by all."""
    return msgspec.convert(
        {
            "format": 1,
            "name": _words("Kota Kecil"),
            "zone": "Asia/Jakarta",
            "seed": 1,
            "party": [_party(name) for name in ("owner", "witness", "police")],
            "center": {"party": "police", "unit": "Regu 1"},
            "account": [],
            "agreement": [
                _agreement("k-1", TALL, ["owner", "witness", "police"]),
                _agreement("k-2", SHUT, ["owner", "police"]),
            ],
            "site": [
                {
                    "id": TALL,
                    "owner": "owner",
                    "witness": "witness",
                    "name": _words("Gudang"),
                    "camera": [
                        _camera("31890217", "gate", "street", "Gerbang besar"),
                        _camera("64550238", "yard", "yard", "Halaman luar"),
                        _camera("77105905", "store", "inside", "Ruang dalam rahasia"),
                    ],
                },
                {
                    "id": SHUT,
                    "owner": "owner",
                    "witness": "witness",
                    "name": _words("Kantor"),
                    "camera": [_camera("28437121", "lane", "street", "Depan kantor tertutup")],
                },
            ],
        },
        Town,
    )


@dataclass(frozen=True, slots=True)
class _EachSecond(Settings):
    """A key picture each second, so that tests need not wait for one."""

    @property
    def gop(self) -> int:
        return self.fps


def tiny_loops(folder: Path) -> Streams:
    """Four seconds of 320x180; the canary, not the picture, tells the cameras apart."""
    scene = Painted()
    main = _EachSecond(320, 180, 10, 150_000, "high", "superfast")
    sub = _EachSecond(320, 180, 5, 80_000, "main", "superfast")
    loops = encode((scene.render(n) for n in range(scene.frames)), main, sub, 1, "Kecil")
    streams = Streams(folder / "main.sim", folder / "sub.sim")
    write(streams.main, loops[0])
    write(streams.sub, loops[1])
    return streams


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be buried does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(condition: Callable[[], T], what: str, within_s: float = DEADLINE_S) -> T:
    """What `condition` gives once that is true; fails after the deadline."""
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.02)


@dataclass
class SmallTown:
    """A running town. `ready_s`: how long it took from the first process to open cameras."""

    layout: Layout
    token: str
    children: dict[str, Child]
    _loop: asyncio.AbstractEventLoop
    _keeping: dict[str, "Future[None]"] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    ready_s: float = 0.0

    # -- processes

    def pid(self, name: str) -> int:
        """Of the process that runs now; waits for one."""

        def running() -> int:
            process = self.children[name].process
            return process.pid if process is not None and alive(process.pid) else 0

        return wait_until(running, f"{name} runs")

    def kill(self, name: str) -> float:
        """SIGKILL; it comes back by itself. -> unix seconds at which it was dead."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid), f"{name} is dead")
        return time.time()

    def signal(self, name: str, number: signal.Signals) -> None:
        os.kill(self.pid(name), number)

    def hold(self, name: str) -> None:
        """SIGKILL, and nobody starts it again until `let_go`."""
        pid = self.pid(name)
        # Told to end, it is not started again; killed, it does not notice being told.
        ended = self.run(self.children[name].end())
        os.kill(pid, signal.SIGKILL)
        ended.result(DEADLINE_S)
        self._keeping.pop(name).result(DEADLINE_S)

    def let_go(self, name: str) -> None:
        """Start it (again)."""
        old = self.children[name]
        self.children[name] = Child(old.name, old.command, old.log)
        self._keep(name)

    def _keep(self, name: str) -> None:
        self._keeping[name] = self.run(self.children[name].keep_alive())

    def run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    # -- as people see it

    @property
    def center(self) -> str:
        return f"http://127.0.0.1:{self.layout.ports.center}"

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The center, as a commander, who may also read the history."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.request(
            method, self.center + path, headers=headers, timeout=5, trust_env=False, **more
        )

    def owner(self, site: str, method: str, path: str, **more: Any) -> httpx.Response:
        """The keeper of `site`, as its owner."""
        url = f"http://127.0.0.1:{self.layout.ports.keepers[site]}{path}"
        headers = {"Authorization": f"Bearer {self.layout.owner_tokens[site]}"}
        return httpx.request(method, url, headers=headers, timeout=5, trust_env=False, **more)

    def cameras(self) -> dict[str, Any]:
        """`/api/cameras` by id; empty while the center does not answer."""
        try:
            return {camera["id"]: camera for camera in self.ask("GET", "/api/cameras").json()}
        except (httpx.HTTPError, ValueError):
            return {}

    def camera(self, number: str) -> str:
        return next(c.id for c in self.layout.town.cameras if c.number == number)

    def canary(self, camera: str) -> bytes:
        return bytes.fromhex(self.layout.canaries[camera])

    @property
    def shared(self) -> list[str]:
        town = self.layout.town
        return [c.id for site in town.site for c in site.camera if town.shared(site, c)]

    @property
    def unshared(self) -> list[str]:
        return [c.id for c in self.layout.town.cameras if c.id not in self.shared]

    def open_view(self, camera: str, stream: str = "sub", within_s: float = DEADLINE_S) -> str:
        """Ask until the site says yes; the session's id."""
        wish = {"camera": camera, "action": "live", "purpose": "routine_watch", "stream": stream}
        said = "nothing"

        def asked() -> str:
            nonlocal said
            try:
                answer = self.ask("POST", "/api/sessions", json=wish)
            except httpx.HTTPError as error:
                said = repr(error)
                return ""
            said = answer.text
            if answer.status_code != 201:
                return ""
            session = str(answer.json()["id"])
            self.opened.append(session)
            return session

        try:
            return wait_until(asked, f"a view of {camera}", within_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; last said: {said}") from None

    @asynccontextmanager
    async def watching(self, session: str) -> Any:
        """The live WebSocket of a session."""
        url = f"ws://127.0.0.1:{self.layout.ports.center}/api/sessions/{session}/live"
        headers = {"Authorization": f"Bearer {self.token}"}
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            yield socket

    async def see(self, camera: str, pictures: int = 3) -> None:
        """Open a view, see pictures of this very camera, end it."""
        session = await asyncio.to_thread(self.open_view, camera)
        async with self.watching(session) as socket:
            await see_pictures(socket, self.canary(camera), pictures)
        await asyncio.to_thread(self.ask, "DELETE", f"/api/sessions/{session}")


async def see_pictures(socket: ClientConnection, canary: bytes, pictures: int) -> bytes:
    """Messages until `pictures` of them are pictures that carry `canary`; the last one."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            message = await socket.recv()
            if isinstance(message, bytes) and message[:1] == b"\x02":
                assert canary in message
                pictures -= 1
                if pictures <= 0:
                    return message


def _as_it_is(name: str, argv: Sequence[str]) -> Sequence[str]:
    return argv


@contextmanager
def running_town(
    folder: Path,
    before: Callable[[Layout], None] = lambda layout: None,
    *,
    wrap: Callable[[str, Sequence[str]], Sequence[str]] = _as_it_is,
    kind: Callable[..., "SmallTown"] = SmallTown,
    town: Town | None = None,
    witnesses: Sequence[str] = (),
) -> Iterator[SmallTown]:
    """Lay a small town out in `folder`, run it, and leave nothing behind. `before` may change
    what was laid out, `wrap` how a process is started, `kind` how the town is reached;
    `witnesses` are the parties that run a process."""
    town = town or small_town()
    ports = _ports(town, witnesses)
    streams = tiny_loops(folder)
    data = folder / "town"
    layout = lay_out(data, town, ports, {c.id: streams for c in town.cameras}, time.time())
    before(layout)
    children = {
        child.name: Child(child.name, wrap(child.name, child.command), child.log, child.control)
        for child in town_processes(layout)
    }
    loop = asyncio.new_event_loop()
    # Children die with the thread that started them: one thread, as long as the town.
    thread = threading.Thread(target=loop.run_forever, name="small town")
    thread.start()
    running = kind(layout, _commander(layout), children, loop)
    try:
        began = time.monotonic()
        for name in children:
            running._keep(name)
        running.run(until_ready(layout, running.token)).result()
        running.ready_s = time.monotonic() - began
        yield running
    finally:
        _end(running, thread)
    assert not _processes_of(data), "processes are left"


def _ports(town: Town, witnesses: Sequence[str]) -> Ports:
    sites = [site.id for site in town.site]
    free = iter(free_ports(3 + len(sites) + 2 * len(witnesses)))
    center, rtsp, fabric = next(free), next(free), next(free)
    keepers = {site: next(free) for site in sites}
    doors = {party: next(free) for party in witnesses}
    return Ports(center, rtsp, fabric, keepers, doors, {party: next(free) for party in witnesses})


def _commander(layout: Layout) -> str:
    engine = open_database(layout.center / "center.db")
    quick = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts = Accounts(engine, SystemClock(), quick)
    try:
        accounts.create_account("petugas", "Petugas", Role.COMMANDER, "Regu 1", "beringin")
        return accounts.create_token("petugas", "test")
    finally:
        engine.dispose()


def _end(town: SmallTown, thread: threading.Thread) -> None:
    try:
        town.run(end_all(list(town.children.values()))).result(DEADLINE_S)
        for keeping in town._keeping.values():
            keeping.result(DEADLINE_S)
    finally:
        town._loop.call_soon_threadsafe(town._loop.stop)
        thread.join()
        town._loop.close()


def _processes_of(folder: Path) -> list[str]:
    """Command lines of living processes that name `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and alive(int(entry.name)):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in line:
                found.append(line)
    return found
