"""One site with real processes, and a center, for benchmarks: cameras whose main streams are
3 Mbps, no agreement until `agree` signs one. With a network, cameras and gateway are at its site
and the center at its hub; else all of them are here.
"""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benches._hand import Hand
from serambi.agreement.model import Action, Purpose
from serambi.base.clock import SystemClock
from serambi.base.words import Words
from serambi.center.accounts import Accounts, Role
from serambi.center.database import open_database
from serambi.cli.children import free_ports
from serambi.cli.demo import town_processes
from serambi.cli.layout import Layout, Ports, lay_out
from serambi.sim.counter import Picture
from serambi.sim.encode import Streams, encode
from serambi.sim.encoder import Settings
from serambi.sim.loop_file import write
from serambi.sim.town import Town
from serambi.web.passwords import Passwords
from tests.fakes import papers
from tests.fakes.network import HUB_ADDRESS, Network, Place

SITE = "gudang"
LOGIN = {"account": "petugas", "password": "beringin-besar"}
PARTIES = ("owner", "witness", "police", "fire", "health")
_READY_S = 60.0
_LOOPBACK = "127.0.0.1"
_PURPOSE = Words(
    "Pengamanan gerbang dan halaman gudang dari pencurian",
    "Protection of the warehouse's gate and yard from theft",
)


class Noise:
    """640x360, 25 a second: nothing to predict, so that an encoder needs all its bits."""

    width, height, fps = 640, 360, 25

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)

    def render(self) -> Picture:
        picture: Picture = self._random.integers(0, 255, (45, 80, 3), np.uint8)
        return picture.repeat(8, 0).repeat(8, 1)


def noise_loops(folder: Path) -> Streams:
    """Main streams of 3 Mbps."""
    noise = Noise()
    main = Settings(noise.width, noise.height, noise.fps, 3_000_000, "high", "superfast")
    sub = Settings(320, 180, 12, 300_000, "main", "superfast")
    return looped(folder, (noise.render() for _ in range(4 * noise.fps)), main, sub)


def looped(folder: Path, pictures: Iterator[Picture], main: Settings, sub: Settings) -> Streams:
    """Both loops of what is painted, in `folder`."""
    streams = Streams(folder / "main.sim", folder / "sub.sim")
    for path, loop in zip(
        (streams.main, streams.sub), encode(pictures, main, sub, 1, ""), strict=True
    ):
        write(path, loop)
    return streams


def _words(text: str) -> dict[str, str]:
    return {"id": text, "en": text}


def _plan(cameras_wanted: int, parties_wanted: int) -> Town:
    numbers = [str(31_890_217 + number) for number in range(cameras_wanted)]
    cameras = [
        {
            "number": number,
            "scene": "gate",
            "facing": "street",
            "heading_deg": 0,
            "position": _words(number),
            "name": _words(number),
        }
        for number in numbers
    ]
    site = {"id": SITE, "owner": "owner", "witness": "witness", "name": _words("Gudang")}
    parties = [
        {"id": name} | {part: _words(name) for part in ("name", "role", "contact")}
        for name in PARTIES[:parties_wanted]
    ]
    plan = {
        "format": 1,
        "name": _words("Bench"),
        "zone": "Asia/Jakarta",
        "seed": 1,
        "party": parties,
        "center": {"party": "police", "unit": "Regu 1"},
        "account": [],
        "agreement": [],
        "site": [site | {"camera": cameras}],
    }
    return msgspec.convert(plan, Town)


@dataclass
class BenchTown:
    """The running town: `hub` asks the center and holds the viewers, `site` asks the keeper."""

    layout: Layout
    token: str
    hub: Hand
    site: Hand
    processes: dict[str, "subprocess.Popen[bytes]"]
    trust: str | None = None
    numbered: int = 0

    @property
    def cameras(self) -> list[str]:
        return [camera.id for camera in self.layout.town.cameras]

    def center(self, method: str, path: str, body: Any = None) -> Any:
        scheme = "http" if self.trust is None else "https"
        url = f"{scheme}://{_LOOPBACK}:{self.layout.ports.center}{path}"
        return self.hub.http(method, url, self.token, body, self.trust)

    def keeper(self, method: str, path: str, body: Any = None) -> Any:
        url = f"http://{_LOOPBACK}:{self.layout.ports.keepers[SITE]}{path}"
        return self.site.http(method, url, self.layout.owner_tokens[SITE], body)

    def agree(
        self, until: float, actions: tuple[Action, ...] = ("live",), since: float | None = None
    ) -> bytes:
        """Sign a new agreement on both cameras, and return when they are open."""
        self.numbered += 1
        raw = papers.agree(
            self.layout,
            f"bench-{self.numbered}",
            SITE,
            self.cameras,
            until=until,
            title=Words("Bench", "Bench"),
            legal_basis=Words("Kesepakatan", "Agreement"),
            parties=("owner", "witness", "police"),
            purposes=(Purpose("routine_watch", _PURPOSE),),
            actions=actions,
            since=since,
        )
        self.keeper("POST", "/api/documents", raw.decode())
        self.until_open()
        return raw

    def revocation(self, agreement: bytes) -> str:
        """The witness's revocation, signed and ready to be handed in."""
        return papers.revoke(self.layout, agreement, "witness").decode()

    def until_open(self) -> None:
        """Return when the center sees all cameras open."""
        self._until(self._all_open, "the cameras never opened")

    def _all_open(self) -> bool:
        shown = self.center("GET", "/api/cameras")
        return [c["state"] for c in shown if c["online"]] == ["open"] * len(self.cameras)

    def until_up(self) -> None:
        """Return when keeper and center answer."""
        self._until(lambda: self.keeper("GET", "/api/health"), "the keeper never answered")
        self._until(lambda: self.center("GET", "/api/health"), "the center never answered")

    def _until(self, condition: Callable[[], object], otherwise: str) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError):
                if condition():
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{otherwise}; see {self.layout.folder / 'logs'}")

    def watch(self, kinds: Sequence[str], cameras: int = 0) -> None:
        """More viewers, by kind, of the main streams of all or so many cameras in turn."""
        chosen = self.cameras[: cameras or len(self.cameras)]
        wish = {"action": "live", "purpose": "routine_watch", "stream": "main"}
        viewers = [
            (
                self.center(
                    "POST", "/api/sessions", wish | {"camera": chosen[number % len(chosen)]}
                )["id"],
                kind,
            )
            for number, kind in enumerate(kinds)
        ]
        self.hub.ask(
            do="join",
            port=self.layout.ports.center,
            token=self.token,
            viewers=viewers,
            trust=self.trust,
        )


def _move(layout: Layout) -> None:
    """The fabric's address is the hub's; the center renews its certificate to say so."""
    port = layout.ports.fabric
    for path in (layout.center / "center.toml", layout.courier(SITE) / "courier.toml"):
        text = path.read_text()
        for old in (_LOOPBACK, "localhost"):
            text = text.replace(f"{old}:{port}", f"{HUB_ADDRESS}:{port}")
        path.write_text(text.replace(f'"{_LOOPBACK}"]', f'"{_LOOPBACK}", "{HUB_ADDRESS}"]'))


def _secure(layout: Layout) -> str:
    """The center's pages over TLS, with the fabric's own certificate. -> whom to trust"""
    path = layout.center / "center.toml"
    path.write_text(
        path.read_text() + 'web_certificate = "tls/cert.pem"\nweb_key = "tls/key.pem"\n'
    )
    return str(layout.center / "tls" / "ca.pem")


def _operator(layout: Layout) -> str:
    engine = open_database(layout.center / "center.db")
    accounts = Accounts(engine, SystemClock(), Passwords())
    try:
        accounts.create_account("petugas", "Petugas", Role.OPERATOR, "Regu 1", LOGIN["password"])
        return accounts.create_token("petugas", "bench")
    finally:
        engine.dispose()


@contextmanager
def bench_town(
    folder: Path,
    net: Network | None = None,
    before: Callable[[Layout], None] = lambda layout: None,
    *,
    cameras: int = 2,
    tls: bool = False,
    witnessed: bool = False,
    loops: Callable[[Path], Streams] = noise_loops,
) -> Iterator[BenchTown]:
    """Lay it out, start it, and end it with everything it started. `before` may change what was
    laid out; `tls` is between browsers and center; `witnessed`: with five parties' processes."""
    center, rtsp, fabric, keeper, *others = free_ports(4 + len(PARTIES) * witnessed)
    streams = loops(folder)
    plan = _plan(cameras, len(PARTIES) if witnessed else 3)
    parties = dict(zip(PARTIES, others, strict=True)) if witnessed else {}
    ports = Ports(center, rtsp, fabric, {SITE: keeper}, parties)
    shown = {camera.id: streams for camera in plan.cameras}
    layout = lay_out(folder / "town", plan, ports, shown, time.time())
    before(layout)
    if net is not None:
        _move(layout)
    trust = _secure(layout) if tls else None

    def at(name: str) -> Place:
        return "hub" if name == "center" else "site"

    def command(place: Place, argv: Any) -> list[str]:
        return list(argv) if net is None else net.command(place, argv)

    with contextlib.ExitStack() as opened:
        processes = {}
        for child in town_processes(layout):
            log = opened.enter_context(child.log.open("ab"))
            process = subprocess.Popen(
                command(at(child.name), child.command), stdout=log, stderr=log
            )
            opened.callback(_end, process)
            processes[child.name] = process
        hub = opened.enter_context(Hand.started(lambda argv: command("hub", argv)))
        site = opened.enter_context(Hand.started(lambda argv: command("site", argv)))
        town = BenchTown(layout, _operator(layout), hub, site, processes, trust)
        town.until_up()
        yield town


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
