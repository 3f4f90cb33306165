"""A process that reads and records cameras as the keeper does, for `benches.ingest`.

`python -m benches._recorder SETTINGS` (JSON: urls, engine, transport, folder, hub). Prints a line
when every camera is live; at the end of its input it stops and prints what it counted.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benches._cameras import PASSWORD, USER
from serambi.base.clock import SystemClock
from serambi.camera.engines import Engines, Reader
from serambi.camera.pyav_source import PyAVSource
from serambi.keeper.hub import Hub
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.recording.index import Index
from serambi.recording.recorder import Recorder

Item = VideoConfig | AccessUnit | None


async def _record(settings: dict[str, Any]) -> None:
    clock = SystemClock()
    folder = Path(settings["folder"])
    index = Index(folder / "index.db")
    engines = Engines(clock, PyAVSource if settings["engine"] == "pyav" else None)
    loop = asyncio.get_running_loop()
    hub = Hub(loop, lambda *_: None, lambda *_: False) if settings["hub"] else None
    recorders, readers = [], list[Reader]()
    for number, url in enumerate(settings["urls"]):
        recorder = Recorder(folder, f"c{number}", index, clock)
        take = _taker(recorder, hub, f"c{number}")
        recorders.append(recorder)
        readers.append(
            engines.reader(
                url,
                USER,
                PASSWORD,
                name=f"c{number}/main",
                on_item=take,
                transport=settings["transport"],
            )
        )
    for reader in readers:
        reader.start()
    ended = asyncio.Event()
    threading.Thread(
        target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), daemon=True
    ).start()
    ready = False
    while not ended.is_set():
        await asyncio.sleep(1.0)
        # Once a second everybody's health, as the keeper looks at it.
        healths = [reader.health() for reader in readers]
        if not ready and all(health.state == "live" for health in healths):
            ready = True
            print("ready", flush=True)
    healths = [reader.health() for reader in readers]
    for reader in readers:
        reader.stop()
    for reader in readers:
        await asyncio.to_thread(reader.join, 5.0)
    engines.close()
    for recorder in recorders:
        recorder.close()
    index.close()
    found = {
        "lost": sum(health.lost_packets for health in healths),
        "engines": sorted({health.engine for health in healths}),
        "connections": sum(health.connections for health in healths),
        "fps": sum(health.fps for health in healths) / len(healths),
    }
    print(json.dumps(found), flush=True)


def _taker(recorder: Recorder, hub: Hub | None, camera: str) -> Callable[[Item], None]:
    def take(item: Item) -> None:
        recorder.write(item)
        if hub is None:
            return
        if item is None:
            hub.forget(camera, "main")
        else:
            hub.push(camera, "main", item)

    return take


if __name__ == "__main__":
    asyncio.run(_record(json.loads(sys.argv[1])))
