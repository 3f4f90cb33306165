"""Recorded files play in Chromium as they lie on the disk, also the one that a kill cut short: no
conversion, no server of ours."""

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from serambi.recording.index import Index, Segment
from tests.crash.killing import Aftermath

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PLAY = """async () => {
    const video = document.querySelector('video');
    const failed = () => `error ${video.error && video.error.message}`;
    const until = (ready, what) => new Promise((done, fail) => {
        const end = performance.now() + 20000;
        const look = () => {
            if (video.error) fail(new Error(failed()));
            else if (ready()) done();
            else if (performance.now() > end) fail(new Error(`not in time: ${what}`));
            else setTimeout(look, 20);
        };
        look();
    });
    await until(() => video.readyState >= 2, 'first picture');
    const duration = video.duration;
    await video.play();
    await until(() => video.currentTime > 0.3, 'playing');
    const played = video.currentTime;
    video.pause();
    video.currentTime = duration / 2;
    await until(() => !video.seeking && video.readyState >= 2, 'seeking');
    const sought = video.currentTime;
    return {duration, played, sought, width: video.videoWidth, height: video.videoHeight};
}"""


@pytest.fixture
def recorded(aftermath: Aftermath) -> tuple[Path, Segment]:
    """What the killed keeper was writing: repaired at its next start."""
    index = Index(aftermath.keeper / "index.db")
    try:
        gap = next(g for g in index.gaps(aftermath.town.shared[0]) if g.cause == "restart")
        segments = index.segments(aftermath.town.shared[0])
    finally:
        index.close()
    (segment,) = [one for one in segments if one.end_us == gap.from_us]
    return aftermath.keeper / "recordings" / segment.path, segment


class _OneFile(BaseHTTPRequestHandler):
    """A page with the video, and the video, in the parts that the browser asks for."""

    content: bytes

    def do_GET(self) -> None:
        if self.path == "/":
            self._send(200, b"<!doctype html><video muted src=/video.mp4></video>", "text/html")
        elif self.path != "/video.mp4":
            self._send(404, b"", "text/plain")
        else:
            asked = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")
            first, last = int(asked[0] or 0), int(asked[1] or len(self.content) - 1)
            where = f"bytes {first}-{last}/{len(self.content)}"
            self._send(206, self.content[first : last + 1], "video/mp4", where)

    def _send(self, status: int, body: bytes, kind: str, where: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if where:
            self.send_header("Content-Range", where)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def served(recorded: tuple[Path, Segment]) -> Iterator[str]:
    handler = type("_Handler", (_OneFile,), {"content": recorded[0].read_bytes()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.browser
def test_chromium_plays_and_seeks_a_recorded_file(
    served: str, recorded: tuple[Path, Segment]
) -> None:
    chromium = os.environ.get("SERAMBI_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.skip("no Chromium: set SERAMBI_CHROMIUM to its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        try:
            page = browser.new_page()
            page.goto(served)
            seen = page.evaluate(_PLAY)
        finally:
            browser.close()
    segment = recorded[1]
    lasts_s = (segment.end_us - segment.start_us) / 1e6
    # The index knows when pictures arrived, the file when they were taken.
    assert seen["duration"] == pytest.approx(lasts_s, abs=1.0)
    assert 0.3 < seen["played"] <= seen["duration"]
    assert seen["sought"] == pytest.approx(seen["duration"] / 2, abs=0.05)
    assert (seen["width"], seen["height"]) == (segment.width, segment.height)
