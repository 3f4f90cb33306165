"""`dev.py bench live`: from the click to the first live picture, and from the camera to the canvas.

What runs: the whole demo town (simulated cameras, keepers with recording and ledger, couriers,
the center) and one Chromium without a graphics card, all on this machine; on the page the wall of
all shared cameras, or one enlarged tile with its neighbors. Nothing is subtracted.

How it is read: every simulated picture carries its number (`sim/counter.py`), and number k is on
air at k/fps of the wall clock. In every animation frame the page copies the strip of the number
out of the element on the screen (`drawImage`, `getImageData`: only what was really drawn) and
notes numbers that it has not seen yet with the wall clock. A picture so counts from the first
animation frame in which it can be seen, up to 17 ms after it was drawn.

- click_to_live: from the double click on a tile (the browser's own time of the event) to the first
  picture of the enlarged tile that is at most LIVE_S old. An older picture of the group that was
  running does not count.
- camera_to_canvas: how old each picture is when it is first seen.

References, in the same run: the same page in a browser without WebCodecs, so that the enlarged
tile falls back to MSE; and the same camera read directly over RTSP by FFmpeg and decoded.
"""

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benches._report import Row, options, percentile, report, say
from serambi.sim import counter
from tests.e2e.conftest import ARGUMENTS, CHROMIUM
from tests.e2e.town import Camera, Town, running_town

LIVE_S = 0.4
ROOM: ViewportSize = {"width": 1920, "height": 1080}
PATIENCE_MS = 20_000
PROBE = (Path(__file__).parent / "_probe.js").read_text("utf-8")
WITHOUT = "delete globalThis.VideoDecoder"


@dataclass
class Seen:
    """What one engine showed, milliseconds."""

    clicks: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    enlarged: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


@contextmanager
def wall(browser: Browser, town: Town, *, webcodecs: bool) -> Iterator[Page]:
    """A signed-in page on which every shared camera moves."""
    context = browser.new_context(viewport=ROOM, bypass_csp=True)
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(PROBE if webcodecs else f"{WITHOUT};{PROBE}")
    assert context.request.post(f"{town.url}/api/login", data=town.login()).ok
    page = context.new_page()
    page.goto(town.url)
    settle(page, town)
    yield page
    context.close()


def settle(page: Page, town: Town) -> None:
    """Return when the wall is there and every shared camera is live on it."""
    count = "document.querySelectorAll('.wall .st.live').length"
    page.wait_for_function(f"{count} >= {len(town.shared)}")


def old_ms(camera: Camera, frame: int, at_ms: float) -> float:
    """How old picture `frame` of the loop is at `at_ms`."""
    return (at_ms / 1000 * camera.fps - frame) % camera.frames / camera.fps * 1000


def click(page: Page, camera: Camera) -> tuple[float, float]:
    """Double-click a camera's tile: ms to the first picture of the main stream, ms to a live one."""
    page.evaluate("probe.start('article.hero canvas, article.hero .layer:first-child video')")
    exact = page.locator(f'.num:text-is("{camera.number}")')
    page.locator(".wall article").filter(has=exact).locator("header").dblclick()
    live = "([fps, frames, live_ms]) => probe.live(fps, frames, live_ms)"
    page.wait_for_function(live, arg=[camera.fps, camera.frames, LIVE_S * 1000], polling="raf")
    found: dict[str, Any] = page.evaluate("probe.stop()")
    clicked = found["clicked"]
    seen = [
        (at - clicked, old_ms(camera, frame, at))
        for tag, frame, at in found["seen"]
        if tag == camera.tag
    ]
    return seen[0][0], next(after for after, old in seen if old <= LIVE_S * 1000)


def watch(page: Page, selector: str, camera: Camera, count: int) -> list[float]:
    """How old each of `count` pictures of what `selector` shows is when it is first seen."""
    page.evaluate("selector => probe.start(selector)", selector)
    page.wait_for_function(
        "count => probe.seen.length > count", arg=count, timeout=PATIENCE_MS + count * 200
    )
    seen = page.evaluate("probe.stop()")["seen"][1:]
    return [old_ms(camera, frame, at) for tag, frame, at in seen if tag == camera.tag]


def measure(browser: Browser, town: Town, *, webcodecs: bool, clicks: int, frames: int) -> Seen:
    """One engine: clicks on all cameras in turn, then pictures of one."""
    seen = Seen()
    rng = random.Random(4)
    with wall(browser, town, webcodecs=webcodecs) as page:
        for n in range(clicks):
            camera = town.shared[n % len(town.shared)]
            # Anywhere in the group of pictures that runs, not always at the same place of it.
            page.wait_for_timeout(500 + rng.random() * 2000)
            first, live = click(page, camera)
            seen.first.append(first)
            seen.clicks.append(live)
            say(
                f"  {'webcodecs' if webcodecs else 'mse'} {camera.number}: first {first:.0f} ms, live {live:.0f} ms"
            )
            page.wait_for_timeout(300)
            page.keyboard.press("Escape")
            settle(page, town)
        camera = town.shared[0]
        tile = "ul[role=list] > li:first-child video"
        seen.wall = watch(page, tile, camera, frames // 2)
        click(page, camera)
        page.wait_for_timeout(1000)
        hero = "article.hero canvas, article.hero .layer:first-child video"
        seen.enlarged = watch(page, hero, camera, frames)
    return seen


def direct(url: str, camera: Camera, count: int) -> list[float]:
    """How old each picture is when FFmpeg has it decoded, straight from the camera, ms."""
    found: list[float] = []
    with av.open(url, options={"rtsp_transport": "tcp", "flags": "low_delay"}) as source:
        source.streams.video[0].thread_type = "NONE"
        for number, frame in enumerate(source.decode(video=0)):
            at_ms = time.time() * 1000
            drawn = counter.read(frame.to_ndarray(format="gray"))
            # FFmpeg reads ahead while it looks at the stream.
            if drawn and number > count // 4:
                found.append(old_ms(camera, drawn[1], at_ms))
            if len(found) >= count:
                break
    return found
