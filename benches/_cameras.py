"""A process that simulates cameras for a benchmark: `python -m benches._cameras COUNT LOOP`.

Prints its port; answers each line on standard input with its packet counts; ends with its input.
Shared by benchmarks, not one itself.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serambi.base.clock import SystemClock
from serambi.sim import loop_file
from serambi.sim.packetize import new_canary
from serambi.sim.rtsp import listen
from serambi.sim.stream import Camera, Manner

USER, PASSWORD = "bench", "bench"
_GOP_S = 2.0


class Cameras:
    """Simulated cameras in a process of their own."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self._port = port
        self.pid = process.pid

    def url(self, number: int, login: str = "") -> str:
        """Where camera `number` is; `login` is USER:PASSWORD@ for those who want it inside."""
        return f"rtsp://{login}127.0.0.1:{self._port}/{_name(number)}/main"

    def lost(self) -> int:
        """RTP packets that the cameras themselves left out, or could not get rid of."""
        if self._process.stdin is None or self._process.stdout is None:
            return 0
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        counts = json.loads(self._process.stdout.readline())
        return int(counts["left_out"]) + int(counts["not_taken"])


@contextmanager
def cameras(count: int, loop: Path) -> Iterator[Cameras]:
    """`count` cameras, the same loop for all, their pictures spread over time."""
    command = [sys.executable, "-m", "benches._cameras", str(count), str(loop)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the cameras have no output")
        yield Cameras(process, int(process.stdout.readline()))
    finally:
        process.communicate()


def _name(number: int) -> str:
    return f"c{number}"


async def _serve(count: int, loop: Path) -> None:
    film = loop_file.read(loop)
    clock = SystemClock()
    made = [
        Camera(
            _name(number),
            USER,
            PASSWORD,
            new_canary(),
            {"main": film},
            clock,
            manner=Manner(phase_s=number * _GOP_S / count),
        )
        for number in range(count)
    ]
    async with listen(made, clock) as server:
        print(server.port, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            total = {
                name: sum(getattr(camera.counts, name) for camera in made)
                for name in ("sent", "left_out", "not_taken")
            }
            print(json.dumps(total), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
