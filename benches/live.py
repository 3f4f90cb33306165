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
  picture on top of the enlarged tile that is at most LIVE_S old: of the substream, which goes on
  there until the main stream takes over.
- click_to_main: the same for the main stream alone. An older picture of the group that was running
  does not count; click_to_first counts it.
- camera_to_canvas: how old each picture is when it is first seen.

References, in the same run: the same page in a browser without WebCodecs, so that the enlarged
tile falls back to MSE; and the same camera read directly over RTSP by FFmpeg and decoded. FFmpeg
knows that a picture is whole when the next one begins: its figure holds one picture's time, 50 ms.

Everything decodes in software, so the figures are those of the processor: a click decodes up to
20 pictures of 1280x720 before it has caught up. On a machine that is busy with something else
they are worth nothing; the load before the run is printed.
"""

import math
import os
import random
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benches._report import Row, options, percentile, report, say
from serambi.camera.pyav_source import with_credentials
from serambi.sim import counter
from tests.e2e.conftest import ARGUMENTS, CHROMIUM
from tests.e2e.town import Camera, Town, running_town

LIVE_S = 0.4
"""The edge that MSE holds: 0.12 to 0.3 s buffered ahead of what it shows, and the way there."""
ROOM: ViewportSize = {"width": 1920, "height": 1080}
PATIENCE_MS = 20_000
PROBE = (Path(__file__).parent / "_probe.js").read_text("utf-8")
WITHOUT = "delete globalThis.VideoDecoder"
LARGE = "article.hero canvas, article.hero .layer:first-child video"
ON_TOP = "article.hero .layer:last-child :is(canvas, video)"
SMALL = "ul[role=list] > li:first-child video"
DWELL_S = (0.2, 1.2)
"""How long the wall is left alone before a click: a click then falls anywhere in the groups of
pictures, which are 1 s long."""
LINGER_S = 7.0
"""Views that the wall had keep running for some seconds after a tile was enlarged."""


@dataclass
class Seen:
    """What one engine showed, milliseconds."""

    tops: list[float] = field(default_factory=list)
    mains: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    enlarged: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)


@contextmanager
def wall(browser: Browser, town: Town, *, webcodecs: bool) -> Iterator[Page]:
    """A signed-in page on which every shared camera moves."""
    context = browser.new_context(viewport=ROOM, bypass_csp=True)
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(PROBE if webcodecs else f"{WITHOUT};{PROBE}")
    login = context.request.post(f"{town.url}/api/login", data=town.login())
    if not login.ok:
        raise SystemExit(f"the town does not let us in: {login.status_text}")
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
    """How old picture `frame` of the loop is at `at_ms`, modulo the loop's length."""
    return (at_ms / 1000 * camera.fps - frame) % camera.frames / camera.fps * 1000


def click(page: Page, camera: Camera) -> tuple[float, float, float]:
    """Double-click a camera's tile: ms to the first live picture on top of the enlarged one, to the
    first picture of its main stream, and to the first live one of that."""
    page.evaluate("selectors => probe.start(...selectors)", [LARGE, ON_TOP])
    exact = page.locator(f'.num:text-is("{camera.number}")')
    page.locator(".wall article").filter(has=exact).locator("header").dblclick()
    found, limits = "limits => probe.found(...limits)", [camera.tag, camera.fps, camera.frames]
    live = [0, *limits, LIVE_S * 1000]
    page.wait_for_function(found, arg=live, polling="raf")
    page.evaluate("probe.stop()")
    return (
        page.evaluate(found, [1, *live[1:]]),
        page.evaluate(found, [0, *limits, math.inf]),
        page.evaluate(found, live),
    )


def watch(page: Page, selector: str, camera: Camera, count: int) -> list[float]:
    """How old each of `count` pictures of what `selector` shows is when it is first seen."""
    page.evaluate("selector => probe.start(selector)", selector)
    page.wait_for_function(
        "count => probe.seen().length > count", arg=count, timeout=PATIENCE_MS + count * 200
    )
    # The first one was there before.
    page.evaluate("probe.stop()")
    seen: list[tuple[int, int, float]] = page.evaluate("probe.seen()")[1 : count + 1]
    strangers = {tag for tag, _, _ in seen} - {camera.tag}
    if strangers:
        raise SystemExit(f"the tile of camera {camera.number} shows tags {strangers}")
    return [old_ms(camera, frame, at) for _, frame, at in seen]


def measure(browser: Browser, town: Town, *, webcodecs: bool, clicks: int, frames: int) -> Seen:
    """One engine: clicks on all cameras in turn, then pictures of one."""
    seen = Seen()
    rng = random.Random(4)
    with wall(browser, town, webcodecs=webcodecs) as page:
        for n in range(clicks):
            camera = town.shared[n % len(town.shared)]
            page.wait_for_timeout(rng.uniform(*DWELL_S) * 1000)
            top, first, live = click(page, camera)
            seen.tops.append(top)
            seen.firsts.append(first)
            seen.mains.append(live)
            say(f"click on {camera.number}: live {top:.0f} ms, its main stream {live:.0f} ms")
            page.keyboard.press("Escape")
            settle(page, town)
        camera = town.shared[0]
        say(f"{frames // 2} pictures of a tile, {frames} of the enlarged one")
        seen.wall = watch(page, SMALL, camera, frames // 2)
        click(page, camera)
        page.wait_for_timeout(LINGER_S * 1000)
        seen.enlarged = watch(page, LARGE, camera, frames)
    return seen


def direct(url: str, camera: Camera, count: int) -> list[float]:
    """How old each picture is when FFmpeg has it decoded, straight from the camera, ms."""
    found: list[float] = []
    options_ = {"rtsp_transport": "tcp", "analyzeduration": "200000"}
    with av.open(url, options=options_) as source:
        source.streams.video[0].thread_type = "NONE"
        for number, frame in enumerate(source.decode(video=0)):
            at_ms = time.time() * 1000
            drawn = counter.read(frame.to_ndarray(format="gray"))
            # It reads ahead while it looks at the stream.
            if drawn is not None and number > 2 * camera.fps:
                found.append(old_ms(camera, drawn[1], at_ms))
            if len(found) >= count:
                break
    return found


def rows_of(ours: Seen, mse: Seen, straight: list[float]) -> list[Row]:
    """The table."""
    rows = [
        Row(
            f"{case} p{share * 100:.0f}",
            percentile(values, share),
            "ms",
            "the same with MSE",
            percentile(theirs, share),
            {"engine": "webcodecs", "clicks": len(values)},
        )
        for case, values, theirs in (
            ("click_to_live", ours.tops, mse.tops),
            ("click_to_main", ours.mains, mse.mains),
            ("click_to_first", ours.firsts, mse.firsts),
        )
        for share in (0.5, 0.95)
    ]
    sides = (
        ("enlarged", "webcodecs", ours.enlarged, "the same with MSE", mse.enlarged),
        ("enlarged", "webcodecs", ours.enlarged, "FFmpeg at the camera", straight),
        ("wall tile", "mse", ours.wall, "FFmpeg at the camera", straight),
    )
    for share in (0.5, 0.99):
        for place, engine, delays, reference, theirs in sides:
            rows.append(
                Row(
                    f"camera_to_canvas p{share * 100:.0f}, {place}",
                    percentile(delays, share),
                    "ms",
                    reference,
                    percentile(theirs, share),
                    {"engine": engine, "pictures": len(delays)},
                )
            )
    return rows


def main() -> None:
    parser = options("From the click to the live picture, from the camera to the canvas.")
    parser.add_argument("--clicks", type=int, help="clicks with each engine")
    chosen = parser.parse_args()
    clicks = chosen.clicks or (100 if chosen.full else 30)
    frames = 1200 if chosen.full else 200
    if CHROMIUM is None:
        raise SystemExit("no Chromium on this machine: set SERAMBI_CHROMIUM")
    load = os.getloadavg()[0]
    say(f"starting the demo town; load average {load:.1f}")
    with (
        tempfile.TemporaryDirectory(prefix="serambi-bench-") as folder,
        running_town(Path(folder) / "town") as town,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        say("WebCodecs")
        ours = measure(browser, town, webcodecs=True, clicks=clicks, frames=frames)
        say("MSE")
        mse = measure(browser, town, webcodecs=False, clicks=max(1, clicks // 5), frames=frames)
        browser.close()
        camera = town.shared[0]
        say(f"{frames} pictures straight from the camera")
        straight = direct(rtsp_of(town, camera), camera, frames)
        cameras = len(town.cameras)
    sys.stdout.write(
        f"the demo town with {cameras} cameras (all recorded, {len(town.shared)} on the wall), "
        f"one Chromium without a graphics card; load average before: {load:.1f}\n"
    )
    report("live", rows_of(ours, mse, straight), as_json=chosen.json)


def rtsp_of(town: Town, camera: Camera) -> str:
    """The camera's own address with its login: nothing of Serambi is on this way."""
    told = town.folder / "sites" / camera.site / "keeper" / "cameras.toml"
    cameras = tomllib.loads(told.read_text("utf-8"))["camera"]
    found = next(one for one in cameras if one["id"] == camera.id)
    return with_credentials(found["main"], found["user"], found["password"])


if __name__ == "__main__":
    main()
