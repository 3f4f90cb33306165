"""A process full of cameras: configuration in, one line with the port out, then serving.

With `--control` commands come as JSON lines on standard input: `{"cmd": C, "camera": ID}`, C one
of freeze, thaw, drop, refuse, accept, count, or `{"cmd": "fault", "camera": ID, "faults": {...}}`,
which takes the place of the camera's faults (`faults.Faults`; `{}` mends them all). Each is
answered by one line, `count` with what was sent, left out by a fault, and not taken by slow
clients; the end of input ends the process.
"""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.sim import loop_file
from serambi.sim.digest import Challenge
from serambi.sim.faults import NONE, Faults
from serambi.sim.hostile import hostile
from serambi.sim.limits import CAMERAS_MAX, CONFIG_MAX_BYTES
from serambi.sim.loop_file import Loop
from serambi.sim.rtsp import Server, listen
from serambi.sim.stream import Camera, Manner


class CameraConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One camera. `canary`: 32 hexadecimal digits, no zero byte. Files as `encode` writes; one
    file may serve many cameras. `changed` and `changed_sub` are what the streams show under that
    fault. `auth`, `audio`, `phase_s` and `hostile` as in `Manner`."""

    id: str
    user: str
    password: str
    canary: str
    main: str
    sub: str
    changed: str = ""
    changed_sub: str = ""
    faults: Faults = NONE
    auth: str = "digest"
    audio: bool = False
    phase_s: float = 0.0
    hostile: str = ""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole process. Port 0 = any free one."""

    cameras: list[CameraConfig]
    host: str = "127.0.0.1"
    port: int = 0


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cmd: str
    camera: str
    faults: Faults = NONE


_COMMANDS: dict[str, Callable[[Camera, _Command], None]] = {
    "freeze": lambda camera, _: camera.freeze(),
    "thaw": lambda camera, _: camera.freeze(False),
    "drop": lambda camera, _: camera.drop(),
    "refuse": lambda camera, _: camera.refuse(),
    "accept": lambda camera, _: camera.refuse(False),
    "fault": lambda camera, command: camera.apply(command.faults),
    "count": lambda camera, _: None,
}


def read_config(path: Path) -> Config:
    """Raises `SerambiError` saying which file and what is wrong with it."""
    try:
        raw = path.read_bytes()
        config = msgspec.json.decode(raw, type=Config, strict=True)
    except OSError as error:
        raise SerambiError(
            Kind.NOT_FOUND, f"cannot be read: {error.strerror}", where=str(path)
        ) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SerambiError(Kind.BAD_INPUT, str(error), where=str(path)) from error
    ids = [camera.id for camera in config.cameras]
    if len(raw) > CONFIG_MAX_BYTES or len(ids) > CAMERAS_MAX or len(set(ids)) < len(ids):
        raise SerambiError(Kind.BAD_INPUT, "too many cameras or one id twice", where=str(path))
    if not 0 <= config.port <= 65535:
        raise SerambiError(Kind.BAD_INPUT, f"port {config.port} is no port", where=str(path))
    return config


def open_camera(config: CameraConfig, clock: SystemClock, loops: dict[str, Loop]) -> Camera:
    """Make a camera; its loops are read into `loops`, by file name, unless they are there.
    `SerambiError` when they or the settings are unusable."""
    check_id(config.id, "camera")
    try:
        canary = bytes.fromhex(config.canary)
    except ValueError as error:
        raise SerambiError(Kind.BAD_INPUT, "canary is not hexadecimal", where=config.id) from error
    Challenge(config.auth)
    hostile(config.hostile)
    files = {"main": config.main, "sub": config.sub}
    files |= {"changed:main": config.changed, "changed:sub": config.changed_sub}
    for file in files.values():
        if file and file not in loops:
            loops[file] = loop_file.read(Path(file))
    own = {name: loops[file] for name, file in files.items() if file}
    manner = Manner(config.auth, config.audio, config.phase_s, config.hostile)
    return Camera(
        *(config.id, config.user, config.password, canary, own, clock), config.faults, manner
    )


def obey(server: Server, line: bytes) -> dict[str, Any]:
    """Carry out one control line; what to answer."""
    try:
        command = msgspec.json.decode(line, type=_Command, strict=True)
        act, camera = _COMMANDS.get(command.cmd), server.cameras.get(command.camera)
        if act is None or camera is None:
            return {"error": "unknown command or camera"}
        act(camera, command)
    except (msgspec.DecodeError, UnicodeError, SerambiError) as error:
        return {"error": str(error)}
    done = {"done": command.cmd, "camera": command.camera}
    return done | asdict(camera.counts) if command.cmd == "count" else done


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(message).decode() + "\n")
    sys.stdout.flush()


async def _control(server: Server, ended: asyncio.Event) -> None:
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        raise SerambiError(Kind.BAD_INPUT, "--control needs a pipe as standard input")
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        while line := await reader.readline():
            _say(obey(server, line))
    except ValueError:  # a line beyond the reader's limit: whoever writes this is lost
        _say({"error": "line too long"})
    finally:
        transport.close()
        ended.set()


async def serve(config: Config, *, control: bool = False) -> None:
    """Serve until SIGTERM, SIGINT or, with `control`, the end of standard input."""
    clock = SystemClock()
    loops: dict[str, Loop] = {}
    cameras = [open_camera(camera, clock, loops) for camera in config.cameras]
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        async with listen(cameras, clock, config.host, config.port) as server:
            _say({"port": server.port})
            async with asyncio.TaskGroup() as group:
                task = group.create_task(_control(server, ended)) if control else None
                await ended.wait()
                if task is not None:
                    task.cancel()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
