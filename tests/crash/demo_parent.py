"""Runs two processes as the demo does, says their process ids, and waits to be killed."""

import asyncio
import sys
from pathlib import Path

from serambi.cli.children import Child


async def main(folder: Path) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    children = [Child(name, sleeper, folder / f"{name}.log") for name in ("one", "two")]
    async with asyncio.TaskGroup() as group:
        for child in children:
            group.create_task(child.keep_alive())
        while not all(child.process for child in children):  # noqa: ASYNC110 (it starts elsewhere)
            await asyncio.sleep(0.01)
        print(*(child.process.pid for child in children if child.process), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
