"""The center as a process, reached over the real fabric by a gateway that signs."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from serambi.base.clock import SystemClock
from serambi.center.accounts import Role
from serambi.center.database import open_database
from serambi.fabric.zenoh_site import ZenohSite
from serambi.ledger.store import LedgerStore
from tests.fakes.center_town import CONFIG, Gateway, Town, unit
from tests.fakes.running import closed_with, messages, people
from tests.simulation.fabric_town import Authority, free_port

ROOT = Path(__file__).resolve().parents[2]
WISH = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}
DEADLINE_S = 60.0


def write_settings(town: Town, fabric_port: int) -> Path:
    path = town.config.folder / "center.toml"
    path.write_text(
        f"""
party = "{town.config.party}"
host = "127.0.0.1"
port = {free_port()}
genesis = "{town.roster.digest}"
listen = ["quic/127.0.0.1:{fabric_port}", "tls/127.0.0.1:{fabric_port}"]
"""
    )
    return path


@asynccontextmanager
async def process(settings: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`serambi center`; ended by SIGTERM, and it must end well."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, sys; from pathlib import Path; from serambi.center.main import run; "
        "asyncio.run(run(Path(sys.argv[1])))",
        str(settings),
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.send_signal(signal.SIGTERM)
        code = await started.wait()
    assert code == 0


async def speak(link: ZenohSite, gateway: Gateway) -> None:
    while True:
        await link.publish_state(gateway.sealed_state())
        await asyncio.sleep(0.1)


async def show(link: ZenohSite, gateway: Gateway) -> None:
    """Publish pictures while a session is open, a key frame every fifth."""
    number = 0
    while True:
        if gateway.sessions:
            if number % 5 == 0:
                await link.publish_live("terminal-1", "sub", CONFIG)
            await link.publish_live("terminal-1", "sub", unit(number, key=number % 5 == 0))
            number += 1
        await asyncio.sleep(0.02)


async def heard(client: httpx.AsyncClient) -> None:
    """Return when the center answers and hears the site."""
    while True:
        try:
            if (await client.get("/api/health")).json()["sites"].get("terminal"):
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)


async def test_a_view_over_the_real_fabric_and_a_clean_end(tmp_path: Path) -> None:
    town = Town(tmp_path, SystemClock())
    authority = Authority(tmp_path / "authority")
    authority.issue("center", "../center/tls")
    fabric_port = free_port()
    settings = write_settings(town, fabric_port)
    engine = open_database(town.config.database)
    token = people(engine, town.clock)[Role.OPERATOR]
    engine.dispose()
    port = int(settings.read_text().split("port = ")[1].split()[0])
    gateway = town.gateways["terminal"]

    async def answer(raw: bytes) -> bytes:
        return gateway.answer(raw)

    link = ZenohSite(
        "terminal", (f"quic/127.0.0.1:{fabric_port}",), authority.issue("terminal"), answer
    )
    headers = {"Authorization": f"Bearer {token}"}
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        async with (
            process(settings),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
        ):
            works = [
                group.create_task(work)
                for work in (link.run(), speak(link, gateway), show(link, gateway))
            ]
            await heard(client)
            view = await client.post("/api/sessions", json=WISH)
            assert view.status_code == 201
            async with connect(
                f"ws://127.0.0.1:{port}/api/sessions/{view.json()['id']}/live?format=fmp4",
                additional_headers=headers,
                proxy=None,
            ) as socket:
                got = await messages(socket, 12)
                assert json.loads(got[0])["codec"] == "avc1.42c00a"
                assert [message[4:8] for message in got[1:3] if isinstance(message, bytes)] == [
                    b"ftyp",
                    b"prft",
                ]
                gateway.sessions.clear()
                got, code = await closed_with(socket)
                assert isinstance(got[-1], str)
                assert (json.loads(got[-1]), code) == ({"ended": "closed"}, 4403)
            view = await client.post("/api/sessions", json=WISH)
            assert view.status_code == 201
        # The process has ended, and told the site before.
        assert not gateway.sessions
        for work in works:
            work.cancel()
    ledger = LedgerStore.open(
        town.config.ledger, f"{town.config.party}/center", town.center_key, town.clock
    )
    said = [(entry.kind, entry.reason) for entry in ledger.entries(0, ledger.size)]
    ledger.close()
    assert said == [
        ("started", ""),
        ("session_opened", ""),
        ("session_closed", "closed"),
        ("session_opened", ""),
        ("session_closed", "center_stopped"),
    ]
