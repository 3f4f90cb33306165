"""One end of the fabric in a process of its own, to be killed.

`python -m tests.simulation.fabric_host center PORT CA CERT KEY` prints a line for each event;
`... site ENDPOINT CA CERT KEY` sends a state every 50 ms.
"""

import asyncio
import sys
from pathlib import Path

from serambi.fabric.port import TlsFiles
from serambi.fabric.zenoh_center import ZenohCenter
from serambi.fabric.zenoh_site import ZenohSite
from tests.simulation.fabric_town import SITE, backwards


def say(*words: object) -> None:
    print(*words, flush=True)


async def center(port: str, tls: TlsFiles) -> None:
    listen = (f"quic/127.0.0.1:{port}", f"tls/127.0.0.1:{port}")
    link = ZenohCenter(listen, tls, frozenset({SITE}))
    link.on_state(lambda site, raw: say("state", site, raw.decode()))
    link.on_presence(lambda site, online: say("presence", site, online))
    await link.run()


async def site(endpoint: str, tls: TlsFiles) -> None:
    link = ZenohSite(SITE, (endpoint,), tls, backwards)

    async def speak() -> None:
        while True:
            await link.publish_state(b"alive")
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        group.create_task(speak())


if __name__ == "__main__":
    role, where, *files = sys.argv[1:]
    asyncio.run({"center": center, "site": site}[role](where, TlsFiles(*map(Path, files))))
