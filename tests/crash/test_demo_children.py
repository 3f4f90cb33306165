"""The demo's processes: started again when killed, never left behind; one demo to a folder."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.cli import children
from serambi.cli.children import Child
from serambi.cli.layout import sole_use
from tests.crash.small_town import alive, wait_until

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}


@contextmanager
def _parent(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.demo_parent", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, [int(pid) for pid in process.stdout.readline().split()]
        finally:
            process.kill()


def test_a_demo_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    with _parent(tmp_path) as (process, pids):
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        process.kill()
        process.wait()
        wait_until(lambda: not any(alive(pid) for pid in pids), "the children are gone")


@asynccontextmanager
async def _kept(child: Child) -> AsyncIterator[asyncio.Task[None]]:
    keeping = asyncio.create_task(child.keep_alive())
    try:
        yield keeping
    finally:
        await child.end()
        async with asyncio.timeout(20):
            await keeping


async def _new_pid(child: Child, old: set[int]) -> int:
    async with asyncio.timeout(20):
        while child.process is None or child.process.pid in old:  # noqa: ASYNC110 (a process)
            await asyncio.sleep(0.01)
    return child.process.pid


def _sleeper(tmp_path: Path) -> Child:
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return Child("sleeper", command, tmp_path / "sleeper.log")


async def test_a_process_that_is_killed_again_and_again_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_RESTART_S", 0.01)
    child = _sleeper(tmp_path)
    pids: set[int] = set()
    async with _kept(child):
        for _ in range(4):
            pid = await _new_pid(child, pids)
            pids.add(pid)
            os.kill(pid, signal.SIGKILL)
        last = await _new_pid(child, pids)
        assert child.starts == 5
    assert not any(alive(pid) for pid in (*pids, last))
    said = child.log.read_text("utf-8").splitlines()
    assert [line.partition(" ")[2] for line in said] == [
        "sleeper ended (SIGKILL) and is started again"
    ] * 4, "and not that it was told to end"


async def test_it_ends_while_it_waits_to_start_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A wait that the test would not survive.
    monkeypatch.setattr(children, "_RESTART_S", 600.0)
    monkeypatch.setattr(children, "_RESTART_MAX_S", 600.0)
    child = Child("short", [sys.executable, "-c", ""], tmp_path / "short.log")
    async with _kept(child):
        await _new_pid(child, set())
        assert child.process is not None
        await child.process.wait()
    assert child.starts == 1


async def test_it_ends_while_it_is_being_started(tmp_path: Path) -> None:
    child = _sleeper(tmp_path)
    async with _kept(child):
        await asyncio.sleep(0)  # now it is being started
        assert child.process is None
    assert child.process is not None
    assert child.process.returncode == -signal.SIGTERM


async def test_one_that_does_not_want_to_end_is_made_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "_END_S", 0.05)
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    log = tmp_path / "stubborn.log"
    child = Child("stubborn", [sys.executable, "-c", f"{stubborn}; time.sleep(600)"], log)
    async with _kept(child):
        await _new_pid(child, set())
        async with asyncio.timeout(20):
            while not log.read_bytes():  # noqa: ASYNC110 (another process writes it)
                await asyncio.sleep(0.01)
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL


def test_a_folder_is_for_one_demo_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "town"
    with sole_use(folder):
        with pytest.raises(SerambiError) as refused, sole_use(folder):
            pass
        assert refused.value.kind is Kind.CONFLICT
        assert refused.value.where == str(folder)
    with sole_use(folder):
        assert list(folder.iterdir()) == []


def test_the_command_refuses_a_folder_in_use_in_one_sentence(tmp_path: Path) -> None:
    with sole_use(tmp_path):
        done = subprocess.run(
            [sys.executable, "-m", "serambi", "demo", "--no-browser", "--data", str(tmp_path)],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("serambi: ")
    assert "another demo runs in this folder" in done.stderr
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_killed_demo_lets_go_of_its_folder(tmp_path: Path) -> None:
    holder = (
        "import pathlib, sys, time\n"
        "from serambi.cli.layout import sole_use\n"
        "with sole_use(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], stdout=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            with pytest.raises(SerambiError), sole_use(tmp_path):
                pass
        finally:
            process.kill()
    with sole_use(tmp_path):
        pass
