"""The two ends of a thin link, each a process of its own: pictures of 4 Mbps upward, commands back.

`center PORT FOLDER DURATION_S` asks a command every 100 ms and prints what it saw as one JSON
line; `site PORT FOLDER CARRIER` is keeper's socket and courier in one, and sends until killed.
CARRIER: `quic`, `tls` (two links) or `one` (a single TLS link: the reference, not the product's).
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benches._report import percentile
from serambi.base.errors import SerambiError
from serambi.center.tally import Tally
from serambi.courier.main import Courier
from serambi.fabric import profile
from serambi.fabric.port import TlsFiles
from serambi.fabric.uplink import UplinkServer
from serambi.fabric.uplink_client import UplinkClient
from serambi.fabric.zenoh_center import ZenohCenter
from serambi.fabric.zenoh_site import ZenohSite
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.wire import MessageBuilder, again
from tests.fakes.network import HUB_ADDRESS

SITE = "site-a"
CAMERA = ("cam", "main")
FPS = 25
GOP = 50
KEY_BYTES = 100_000
OTHER_BYTES = (4_000_000 * GOP // FPS // 8 - KEY_BYTES) // (GOP - 1)
_COMMAND_EVERY_S = 0.1
_COMMAND_LIMIT_S = 3.0
_WARM_UP_S = 3.0


def files(folder: Path) -> TlsFiles:
    return TlsFiles(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")


async def center(port: str, folder: str, duration_s: str) -> None:
    listen = (f"quic/{HUB_ADDRESS}:{port}", f"tls/{HUB_ADDRESS}:{port}")
    link = ZenohCenter(listen, files(Path(folder)), frozenset({SITE}))
    here = asyncio.Event()
    link.on_presence(lambda site, online: here.set() if online else None)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(link.run())
        await link.ready()
        print("ready", flush=True)
        await asyncio.wait_for(here.wait(), 60)
        tally = Tally()
        watching = group.create_task(_count(link, tally))
        await asyncio.sleep(_WARM_UP_S)
        seen = await _ask(link, float(duration_s), tally)
        print(json.dumps(seen), flush=True)
        watching.cancel()
        running.cancel()


async def _count(link: ZenohCenter, tally: Tally) -> None:
    async for message in link.watch(SITE, *CAMERA):
        tally.note(message)


async def _ask(link: ZenohCenter, duration_s: float, tally: Tally) -> dict[str, Any]:
    """Commands one after the other, as `duration_s` allows; a lost one counts with its limit."""
    took: list[float] = []
    lost = 0
    got, missing = tally.got, tally.missing
    ends = time.monotonic() + duration_s
    while time.monotonic() < ends:
        began = time.monotonic()
        try:
            await link.command(SITE, b"question", _COMMAND_LIMIT_S)
        except SerambiError:
            lost += 1
        took.append(time.monotonic() - began)
        await asyncio.sleep(max(0.0, _COMMAND_EVERY_S - took[-1]))
    return {
        "p50_ms": percentile(took, 0.5) * 1000,
        "p95_ms": percentile(took, 0.95) * 1000,
        "commands": len(took),
        "lost_commands": lost,
        "pictures": tally.got - got,
        "lost_pictures": tally.missing - missing,
    }


async def site(port: str, folder: str, carrier: str) -> None:
    if carrier == "one":
        # Zenoh's ordinary way, instead of a link for control and one for pictures.
        profile.ordered = list  # type: ignore[attr-defined,assignment]
    protocol = "quic" if carrier == "quic" else "tls"
    keeper = UplinkServer(Path(folder) / "courier.sock", _answer)
    uplink = UplinkClient(Path(folder) / "courier.sock")
    link = ZenohSite(
        SITE, (f"{protocol}/{HUB_ADDRESS}:{port}",), files(Path(folder)), uplink.command
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.run())
        group.create_task(Courier(link, uplink).run())
        group.create_task(_pump(keeper))


async def _answer(raw: bytes) -> bytes:
    return raw


async def _pump(keeper: UplinkServer) -> None:
    """Pictures of a camera, the configuration said again with each, as the keeper's hub does."""
    loop = asyncio.get_running_loop()
    builder = MessageBuilder()
    config = builder.build(VideoConfig("avc1.640028", os.urandom(40), 1920, 1080))
    began = loop.time()
    number = 0
    while True:
        key = number % GOP == 0
        if key:
            keeper.offer(*CAMERA, again(config) if number else config, key=True)
        nal = os.urandom(KEY_BYTES if key else OTHER_BYTES)
        unit = AccessUnit(number * 3600, number * 3600, key, time.time_ns() // 1000, nal)
        keeper.offer(*CAMERA, builder.build(unit), key=key)
        number += 1
        await asyncio.sleep(max(0.0, began + number / FPS - loop.time()))


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    asyncio.run({"center": center, "site": site}[role](*arguments))
