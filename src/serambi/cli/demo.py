"""`serambi demo`: the whole town on one machine, from nothing to a wall full of pictures."""

import asyncio
import contextlib
import json
import logging
import sys
import tempfile
import time
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import httpx

from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.process import start_log, until_told_to_end
from serambi.base.tasks import keep_running
from serambi.center.accounts import Accounts, Role
from serambi.center.database import open_database
from serambi.cli.children import Child, end_all, free_ports
from serambi.cli.desks import password_of
from serambi.cli.layout import Layout, Ports, lay_out, renew_couriers, rtsp_url, sole_use
from serambi.sim.encode import Job, Streams, default_cache, encode_all
from serambi.sim.town import Town, read_town

log = logging.getLogger(__name__)

_READY_S = 60.0
_POLL_S = 0.2
_CERTIFICATES_EVERY_S = 600.0
_VIDEO_ENDINGS = (".mp4", ".mkv", ".mov", ".webm", ".avi", ".ts", ".264", ".h264")


@dataclass(frozen=True, slots=True)
class Seat:
    """One account of the demo's center and the secrets for it."""

    account: str
    password: str
    token: str
    code: str


def prepare_loops(town: Town, videos: Path | None) -> dict[str, Streams]:
    """What the cameras show, encoded once and cached: camera id -> its two streams."""
    files = _videos(videos) if videos else []
    jobs = [
        Job(
            name=camera.scene,
            seed=town.seed,
            camera_tag=int(camera.number) % 256,
            label=camera.name.id,
            video=files[number % len(files)] if files else None,
            codec=camera.codec,
        )
        for number, camera in enumerate(town.cameras)
    ]
    streams = encode_all(jobs, default_cache(), lambda line: _say(f"pictures {line}"))
    return dict(zip((camera.id for camera in town.cameras), streams, strict=True))


def _videos(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in _VIDEO_ENDINGS)
    if not found:
        raise SerambiError(
            Kind.NOT_FOUND,
            "there is no video file in this folder",
            where=str(folder),
            hint="files ending in " + ", ".join(_VIDEO_ENDINGS),
        )
    return found


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def choose_ports(port: int, town: Town) -> Ports:
    """Free ports for a run; `port` is the center's, 0 for any."""
    center, rtsp, fabric, *others = free_ports(3 + len(town.site) + 2 * len(town.party))
    keepers = dict(zip((site.id for site in town.site), others, strict=False))
    names = [party.id for party in town.party]
    parties = dict(zip(names, others[len(keepers) :], strict=False))
    desks = dict(zip(names, others[len(keepers) + len(names) :], strict=True))
    return Ports(port or center, rtsp, fabric, keepers, parties, desks)


def _seats(layout: Layout) -> dict[str, Seat]:
    """Accounts of the center with fresh tokens and sign-in codes, by role."""
    engine = open_database(layout.center / "center.db")
    accounts = Accounts(engine, SystemClock())
    seats = {}
    kept = layout.center / "demo-passwords.json"
    passwords = json.loads(kept.read_text()) if kept.exists() else {}
    try:
        for wanted in layout.town.account:
            if wanted.account not in passwords:
                passwords[wanted.account] = f"{wanted.account}-demo"
                accounts.create_account(
                    wanted.account,
                    wanted.name,
                    Role(wanted.role),
                    wanted.unit or layout.town.center.unit,
                    passwords[wanted.account],
                )
            seats[wanted.role] = Seat(
                wanted.account,
                passwords[wanted.account],
                accounts.create_token(wanted.account, "demo"),
                accounts.create_code(wanted.account),
            )
    finally:
        engine.dispose()
    write_atomically(kept, json.dumps(passwords).encode(), mode=0o600)
    return seats


def town_processes(layout: Layout) -> list[Child]:
    """All processes of a town that is laid out, not yet started."""
    logs = layout.folder / "logs"
    logs.mkdir(exist_ok=True)
    python = sys.executable

    def process(name: str, kind: str, config: Path) -> Child:
        command = [python, "-m", "serambi", kind, "--config", str(config)]
        return Child(name, command, logs / f"{name}.log")

    simulator = [python, "-m", "serambi.sim", "--config", str(layout.folder / "sim.json")]
    children = [
        Child(
            "cameras", simulator, logs / "cameras.log", control=layout.folder / "cameras.control"
        ),
        process("center", "center", layout.center / "center.toml"),
    ]
    for site in layout.town.site:
        keeper, courier = layout.keeper(site.id), layout.courier(site.id)
        children.append(process(f"{site.id}-keeper", "keeper", keeper / "keeper.toml"))
        children.append(process(f"{site.id}-courier", "courier", courier / "courier.toml"))
    for party in layout.ports.parties:
        children.append(process(f"{party}-party", "party", layout.party(party) / "party.toml"))
    return children


def describe(
    layout: Layout, seats: dict[str, Seat], children: Sequence[Child]
) -> dict[str, object]:
    """The content of `demo.json`: where everything is, and the secrets of this run."""
    return {
        "center": {
            "url": f"http://localhost:{layout.ports.center}",
            "tokens": {role: seat.token for role, seat in seats.items()},
            "logins": {
                role: {"account": seat.account, "password": seat.password}
                for role, seat in seats.items()
            },
        },
        "gateways": [
            {
                "site": site.id,
                "url": f"http://localhost:{layout.ports.keepers[site.id]}",
                "tokens": {"owner": layout.owner_tokens[site.id]},
                "cameras": [
                    {
                        "id": camera.id,
                        "number": camera.number,
                        "facing": camera.facing,
                        "rtsp": rtsp_url(layout, camera),
                        "shared": layout.town.shared(site, camera),
                        "canary": layout.canaries[camera.id],
                        "tag": int(camera.number) % 256,
                    }
                    for camera in site.camera
                ],
            }
            for site in layout.town.site
        ],
        "parties": [
            {
                "party": party,
                "url": f"http://127.0.0.1:{port}",
                "desk": {
                    "url": f"http://localhost:{layout.ports.desks[party]}",
                    "account": party,
                    "password": password_of(party),
                },
            }
            for party, port in layout.ports.parties.items()
        ],
        "trust": str((layout.folder / "roster.json").resolve()),
        "pids": {child.name: child.process.pid for child in children if child.process},
    }


async def until_ready(layout: Layout, token: str) -> None:
    """Return when every shared camera can be opened; raises `UNAVAILABLE` after a minute."""
    town = layout.town
    shared = {c.id for site in town.site for c in site.camera if town.shared(site, c)}
    waiting = {s.id for s in town.site} - {
        site.id for site in town.site for c in site.camera if town.shared(site, c)
    }
    url = f"http://localhost:{layout.ports.center}"
    deadline = time.monotonic() + _READY_S
    missing: set[str] = shared
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    ) as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
                cameras = (await client.get("/api/cameras")).json()
                sites = (await client.get("/api/sites")).json()
                open_now = {c["id"] for c in cameras if c["state"] == "open" and c["online"]}
                told = {s["id"] for s in sites if s["online"] and s["waiting"]}
                missing = (shared - open_now) | (waiting - told)
                if not missing:
                    return
            await asyncio.sleep(_POLL_S)
    raise SerambiError(
        Kind.UNAVAILABLE,
        f"not ready after {_READY_S:g} s: {', '.join(sorted(missing))}",
        hint=f"the reason stands in {layout.folder / 'logs'}",
    )


async def keep_certificates(layout: Layout) -> None:
    """A courier has no authority of its own; the center renews its certificate by itself."""
    while True:
        await asyncio.sleep(_CERTIFICATES_EVERY_S)
        await asyncio.to_thread(renew_couriers, layout.folder, layout.town, time.time())


async def _run(
    folder: Path, port: int, videos: Path | None, on_call: Path | None, browser: bool
) -> None:
    town = read_town()
    loops = await asyncio.to_thread(prepare_loops, town, videos)
    ports = choose_ports(port, town)
    layout = lay_out(
        folder, town, ports, loops, time.time(), scenes=videos is None, on_call=on_call
    )
    seats = _seats(layout)
    children = town_processes(layout)
    async with asyncio.TaskGroup() as group:
        for child in children:
            group.create_task(child.keep_alive())
        told = group.create_task(until_told_to_end())
        keeping = group.create_task(
            keep_running("certificates", partial(keep_certificates, layout))
        )
        ready = group.create_task(until_ready(layout, seats["operator"].token))
        try:
            await asyncio.wait({told, ready}, return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                await ready
                _announce(layout, seats, children, browser)
                await told
        finally:
            ready.cancel()
            await end_all(children)
            for task in (keeping, told):
                task.cancel()


def _announce(
    layout: Layout, seats: dict[str, Seat], children: Sequence[Child], browser: bool
) -> None:
    content = json.dumps(describe(layout, seats, children), indent=2).encode()
    write_atomically(layout.folder / "demo.json", content, mode=0o600)
    url = f"http://localhost:{layout.ports.center}"
    for role, seat in seats.items():
        _say(f"{role}: {url}/signin?code={seat.code}")
    for site in layout.town.site:
        owner = f"http://localhost:{layout.ports.keepers[site.id]}"
        _say(f"owner of {site.id}: {owner}/signin?code={layout.owner_tokens[site.id]}")
    for party, port in layout.ports.desks.items():
        desk = f"http://localhost:{port}"
        _say(f"signing desk of {party}: {desk} ({party}, {password_of(party)})")
    _say("here a password is enough to sign in; a real center requires passkeys")
    _say(f"data: {layout.folder}")
    _say(f"ready {url}")
    if browser:
        webbrowser.open(f"{url}/signin?code={seats['operator'].code}")


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the center.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to keep everything in; a new temporary one by default.",
)
@click.option(
    "--videos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Show the video files of this folder instead of the painted scenes.",
)
@click.option(
    "--on-call",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File of whom the center tells at the institutions; nobody by default.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def demo(
    port: int, data: Path | None, videos: Path | None, on_call: Path | None, no_browser: bool
) -> None:
    """Run the demo town until Ctrl-C."""
    start_log("demo")
    folder = (data or Path(tempfile.mkdtemp(prefix="serambi-demo-"))).resolve()
    try:
        with sole_use(folder):
            asyncio.run(_run(folder, port, videos, on_call, not no_browser))
    except* SerambiError as group:
        raise group.exceptions[0] from None
