"""Processes that the demo runs: started, started again when they die, ended together."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_RESTART_S = 0.5
# A process that somebody kills again and again must still be back within seconds.
_RESTART_MAX_S = 4.0
_END_S = 3.0


def free_ports(count: int) -> list[int]:
    """`count` ports that are free for TCP and UDP on 127.0.0.1 at this moment."""
    held: list[socket.socket] = []
    ports: list[int] = []
    while len(ports) < count:
        tcp = socket.create_server(("127.0.0.1", 0))
        port = int(tcp.getsockname()[1])
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held += [tcp, udp]
        with contextlib.suppress(OSError):
            udp.bind(("127.0.0.1", port))
            ports.append(port)
    for each in held:
        each.close()
    return ports


def _die_with_parent() -> None:
    # A demo that is killed outright must not leave a town behind.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process to keep alive; its output goes to `log`. What is written into the pipe
    `control`, where there is one, is its input, and `--control` tells it so."""

    name: str
    command: Sequence[str]
    log: Path
    control: Path | None = None
    process: asyncio.subprocess.Process | None = field(default=None, init=False)
    starts: int = field(default=0, init=False)
    _told: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def keep_alive(self) -> None:
        """Run until `end`; a process that dies is started again, soon."""
        loop = asyncio.get_running_loop()
        wait_s = _RESTART_S
        while not self._told.is_set():
            began = loop.time()
            process = self.process = await self._start()
            if self._told.is_set():
                await self.end()  # told while it was being started
                return
            code = await process.wait()
            if not self._told.is_set():
                self._say(f"{self.name} ended ({_ending(code)}) and is started again")
            wait_s = min(wait_s * 2, _RESTART_MAX_S) if loop.time() - began < 5 else _RESTART_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), wait_s)

    async def _start(self) -> asyncio.subprocess.Process:
        with self.log.open("ab") as output, self._input() as source:
            process = await asyncio.create_subprocess_exec(
                *self.command,
                *(() if self.control is None else ("--control",)),
                stdin=source,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.starts += 1
        return process

    def _say(self, line: str) -> None:
        """Into its log: what a kernel ends says nothing itself."""
        with contextlib.suppress(OSError), self.log.open("a", encoding="utf-8") as output:
            output.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")

    @contextlib.contextmanager
    def _input(self) -> Iterator[int]:
        if self.control is None:
            yield asyncio.subprocess.DEVNULL
            return
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self.control, 0o600)
        # For reading and writing: so it has no end while nobody writes.
        opened = os.open(self.control, os.O_RDWR | os.O_CLOEXEC)
        try:
            yield opened
        finally:
            os.close(opened)

    async def end(self) -> None:
        """Ask it to end, and after three seconds make it; `keep_alive` then returns."""
        self._told.set()
        process = self.process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _ending(code: int) -> str:
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name


async def end_all(children: Sequence[Child]) -> None:
    """End all of them at the same time."""
    await asyncio.gather(*(child.end() for child in children))
