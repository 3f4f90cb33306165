"""The far end of `benches/playback.py`: watches one camera live, and pulls recordings beside it.

`PORT TOKEN LIVE_SESSION PLAYBACK_SESSION FROM_US BYTES` prints one JSON line: how old live
pictures were when they came, before and during the pull, and how long so many bytes took.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable

from websockets.asyncio.client import connect

from benches._report import percentile
from serambi.fabric.windows import decode_window
from serambi.media.access_unit import AccessUnit
from serambi.media.wire import decode

_ALONE_S = 6.0
_MAX_BYTES = 8 * 1024 * 1024


async def pull(
    port: str, token: str, live: str, playback: str, from_us: str, wanted_bytes: str
) -> None:
    def socket(path: str) -> connect:
        return connect(
            f"ws://127.0.0.1:{port}/api/sessions/{path}",
            additional_headers={"Authorization": f"Bearer {token}"},
            proxy=None,
            max_size=_MAX_BYTES,
            compression=None,
        )

    ages: list[float] = []
    async with socket(f"{live}/live") as pictures, socket(f"{playback}/windows") as windows:
        watching = asyncio.create_task(_watch(pictures.recv, ages))
        await asyncio.sleep(2.0)
        ages.clear()
        await asyncio.sleep(_ALONE_S)
        alone = list(ages)
        ages.clear()
        began = time.monotonic()
        got, at_us, step = 0, int(from_us), "seek"
        while at_us and got < int(wanted_bytes):
            await windows.send(json.dumps({"at_us": at_us, "step": step}))
            raw = await windows.recv()
            assert isinstance(raw, bytes), raw
            got += len(raw)
            at_us, step = decode_window(raw)[0], "go"
        took_s = time.monotonic() - began
        beside = list(ages)
        watching.cancel()
    seen = {"bytes": got, "seconds": took_s}
    for name, found, lasted_s in (("alone", alone, _ALONE_S), ("beside", beside, took_s)):
        seen |= {
            f"{name}_p50_ms": percentile(found, 0.5),
            f"{name}_p95_ms": percentile(found, 0.95),
            f"{name}_fps": len(found) / lasted_s,
        }
    print(json.dumps(seen), flush=True)


async def _watch(receive: Callable[[], object], ages: list[float]) -> None:
    while True:
        raw = await receive()  # type: ignore[misc]
        if isinstance(raw, bytes):
            unit = decode(raw)
            if isinstance(unit, AccessUnit):
                ages.append(time.time() * 1000 - unit.wall_us / 1000)


if __name__ == "__main__":
    asyncio.run(pull(*sys.argv[1:]))
