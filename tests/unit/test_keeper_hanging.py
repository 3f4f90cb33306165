"""Many cameras that hang are ended together."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.words import Words
from serambi.camera.source import Emit
from serambi.keeper import watch
from serambi.keeper.config import Camera, KeeperConfig
from serambi.keeper.hub import Hub

CAMERAS = 20


class Hanging:
    """A camera that neither sends nor lets go, whatever it is told."""

    engine = "hanging"
    lost_packets = 0
    let_go = threading.Event()
    running = 0

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url

    def run(self, emit: Emit, stop: threading.Event) -> None:
        Hanging.running += 1
        self.let_go.wait()


def _config(folder: Path) -> KeeperConfig:
    words = Words(id="Gudang", en="Warehouse")
    cameras = tuple(
        Camera(f"cam-{n}", str(n), words, "street", "rtsp://a/main", "rtsp://a/sub")
        for n in range(CAMERAS)
    )
    return KeeperConfig(
        folder=folder,
        site="gudang",
        owner="owner",
        name=words,
        contact=words,
        zone="Asia/Jakarta",
        host="127.0.0.1",
        port=0,
        roster=folder / "roster.json",
        genesis="0" * 64,
        owner_token_sha256="0" * 64,
        keep_s=3600,
        keep_bytes=1_000_000,
        check_views=False,
        analysis_cores=0.5,
        cameras=cameras,
    )


async def test_hanging_cameras_are_waited_for_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_CLOSE_S", 0.2)
    hub = Hub(asyncio.get_running_loop(), lambda *_: None, lambda *_: False)
    cameras = watch.CameraWatch(_config(tmp_path), hub, ManualClock(1.0), Hanging)
    cameras.start()
    try:
        async with asyncio.timeout(20):
            while Hanging.running < 2 * CAMERAS:  # noqa: ASYNC110 (other threads count)
                await asyncio.sleep(0.01)
        began = time.monotonic()
        await asyncio.to_thread(cameras.close)
        lasted_s = time.monotonic() - began
    finally:
        Hanging.let_go.set()
    # One after the other they would take a second each.
    assert lasted_s < 10
    for thread in threading.enumerate():
        if thread.name.startswith("camera cam-"):
            thread.join(10)
            assert not thread.is_alive()
