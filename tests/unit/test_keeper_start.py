"""A keeper answers before its disk does."""

import asyncio
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from serambi.keeper import main
from tests.fakes.keeper_http import BEARER
from tests.fakes.keeper_site import Site

DEADLINE_S = 30


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_disk_that_is_slow_at_the_start_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    syncing, go_on, real = threading.Event(), threading.Event(), os.fsync

    def slow(file: int) -> None:
        syncing.set()
        go_on.wait(DEADLINE_S)
        real(file)

    caplog.set_level("INFO")
    monkeypatch.setattr(os, "fsync", slow)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(main.run(site.folder / "keeper.toml"))
        try:
            await _until(syncing.is_set)
            (url,) = re.findall(r"keeper of \S+ at (http://\S+)", caplog.text)
            async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
                answer = await client.get("/api/health", headers=BEARER)
                assert (answer.status_code, answer.json()["status"]) == (503, "starting")
                answer = await client.post("/api/stop", headers=BEARER, json={})
                assert (answer.status_code, answer.json()["error"]["kind"]) == (503, "unavailable")
                go_on.set()
                async with asyncio.timeout(DEADLINE_S):
                    while answer.status_code != 200:
                        answer = await client.get("/api/health", headers=BEARER)
                assert answer.json()["disk_refuses"] is False
        finally:
            go_on.set()
            await _told_to_end(running)


async def _told_to_end(running: "asyncio.Task[None]") -> None:
    """As soon as it listens to signals."""
    await _until(lambda: running.done() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL)
    if not running.done():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait({running}, timeout=DEADLINE_S)


async def test_a_ledger_that_cannot_be_opened_ends_the_start(tmp_path: Path) -> None:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    (site.folder / "ledger").mkdir()
    (site.folder / "ledger" / "format").write_text("99\n")
    with pytest.raises(ExceptionGroup) as ended:
        await main.run(site.folder / "keeper.toml")
    (error,) = ended.value.exceptions
    assert "format" in str(error)
