"""The simulator as a process: `python -m serambi.sim`."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from serambi.base.clock import SystemClock
from serambi.base.errors import SerambiError
from serambi.sim import loop_file
from serambi.sim.cameras import open_camera, read_config
from serambi.sim.loop_file import Loop
from serambi.sim.packetize import new_canary
from tests.simulation.sim_town import connected, small_loops

Process = asyncio.subprocess.Process


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("loops")
    for name, loop in small_loops().items():
        loop_file.write(folder / f"{name}.sim", loop)
    return {name: str(folder / f"{name}.sim") for name in ("main", "sub")}


@pytest.fixture
def config(files: dict[str, str], tmp_path: Path) -> Path:
    login = {"user": "viewer", "password": "p:ss word"}
    cameras = [
        {"id": name, "canary": new_canary().hex(), **login, **files} for name in ("gate-1", "hall")
    ]
    path = tmp_path / "sim.json"
    path.write_text(json.dumps({"cameras": cameras}))
    return path


@asynccontextmanager
async def started(config: Path, *options: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serambi.sim", "--config", str(config), *options),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )
    try:
        async with asyncio.timeout(20):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line(process: Process) -> dict[str, Any]:
    assert process.stdout
    found = json.loads(await process.stdout.readline())
    assert isinstance(found, dict)
    return found


async def command(process: Process, raw: str) -> dict[str, Any]:
    assert process.stdin
    process.stdin.write(raw.encode() + b"\n")
    return await line(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serves_until_told_to_end(config: Path, number: signal.Signals) -> None:
    async with started(config) as process:
        port = (await line(process))["port"]
        async with connected(port, "hall/sub") as client:
            assert (await client.play()).status == 200
            await client.picture()
            process.send_signal(number)
            assert await process.wait() == 0
        assert process.stderr
        assert await process.stderr.read() == b""


async def test_control_lines(config: Path) -> None:
    async with started(config, "--control") as process:
        port = (await line(process))["port"]
        async with connected(port) as client:
            await client.play()
            await client.picture()
            done = await command(process, '{"cmd": "freeze", "camera": "gate-1"}')
            assert done == {"done": "freeze", "camera": "gate-1"}
            assert "done" in await command(process, '{"cmd": "thaw", "camera": "gate-1"}')
            loss = '{"cmd": "fault", "camera": "gate-1", "faults": {"loss_percent": 100}}'
            assert "done" in await command(process, loss)
            counted: dict[str, Any] = {}
            while not counted.get("left_out"):
                counted = await command(process, '{"cmd": "count", "camera": "gate-1"}')
            assert counted["sent"] > 0
            assert "done" in await command(process, '{"cmd": "drop", "camera": "gate-1"}')
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.watch()
        assert "done" in await command(process, '{"cmd": "refuse", "camera": "gate-1"}')
        async with connected(port) as client:
            client.send("DESCRIBE")
            with pytest.raises(ConnectionResetError):
                await client.reader.readexactly(1)
        async with connected(port, "hall/main") as client:
            assert (await client.login()).status == 200
        for wrong in (
            "no",
            "{}",
            '{"cmd": "x", "camera": "hall"}',
            '{"cmd": "drop", "camera": "x"}',
            '{"cmd": "fault", "camera": "hall", "faults": {"loss_percent": 101}}',
            '{"cmd": "fault", "camera": "hall", "faults": {"mood": "bad"}}',
            '{"cmd": "fault", "camera": "hall", "faults": {"changed": true}}',
        ):
            assert "error" in await command(process, wrong)
        assert "error" in await command(process, "x" * 200_000)
        assert await process.wait() == 0


async def test_end_of_input_ends_it(config: Path) -> None:
    async with started(config, "--control") as process:
        await line(process)
        assert process.stdin
        process.stdin.close()
        assert await process.wait() == 0


async def test_missing_loop_is_said_plainly(config: Path, tmp_path: Path) -> None:
    raw = json.loads(config.read_text())
    raw["cameras"][0]["main"] = str(tmp_path / "gone.sim")
    config.write_text(json.dumps(raw))
    async with started(config) as process:
        out, errors = await process.communicate()
        assert process.returncode == 2
        assert out == b""
        assert b"gone.sim: cannot read loop" in errors
        assert b"Traceback" not in errors


@pytest.mark.parametrize(
    "raw", ["", "[]", '{"cameras": [], "extra": 1}', '{"cameras": [], "port": 70000}', "\xff"]
)
def test_bad_config(tmp_path: Path, raw: str) -> None:
    path = tmp_path / "sim.json"
    path.write_bytes(raw.encode("latin-1"))
    with pytest.raises(SerambiError) as caught:
        read_config(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"auth": "handshake"}, "no login is called 'handshake'"),
        ({"hostile": "politely"}, "no camera misbehaves like 'politely'"),
        ({"faults": {"jitter_s": 99}}, "jitter_s must lie in 0 to 2"),
        ({"faults": {"changed": True}}, "gate-1: no changed loop is configured"),
        ({"canary": "00" * 16}, "none of them zero"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_settings_of_a_camera(config: Path, setting: dict[str, Any], said: str) -> None:
    raw = json.loads(config.read_text())
    raw["cameras"][0] |= setting
    config.write_text(json.dumps(raw))
    with pytest.raises(SerambiError, match=said):
        open_camera(read_config(config).cameras[0], SystemClock(), {})


def test_one_file_is_read_once_for_all_its_cameras(config: Path, files: dict[str, str]) -> None:
    raw = json.loads(config.read_text())
    raw["cameras"][1] |= {"changed": files["main"], "phase_s": 0.5, "audio": True}
    config.write_text(json.dumps(raw))
    loops: dict[str, Loop] = {}
    clock = SystemClock()
    cameras = [open_camera(each, clock, loops) for each in read_config(config).cameras]
    assert set(loops) == set(files.values())
    first, second = (each.streams["main"] for each in cameras)
    assert first.loop is second.loop
    assert first.template(3, framed=True) is second.template(3, framed=True)
    assert first.media_s() - second.media_s() == pytest.approx(0.5, abs=0.1)
    assert (first.can_change, second.can_change) == (False, True)


def test_same_camera_twice(config: Path) -> None:
    raw = json.loads(config.read_text())
    raw["cameras"][1]["id"] = "gate-1"
    config.write_text(json.dumps(raw))
    with pytest.raises(SerambiError, match="one id twice"):
        read_config(config)
