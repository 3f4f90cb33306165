"""`dev.py bench wall`: what a wall of moving pictures costs the machine in front of the operator.

One site with sixteen cameras, real keeper, courier and center, and one Chromium that decodes and
paints in software; main streams 1920x1080 at 20 a second, substreams 640x360 at 10, all from one
loop with a number burned into each picture.

- wall: one page of 16 substreams (MSE).
- windows: four pages as on four screens, each with one main stream enlarged (WebCodecs) beside
  four substreams: 4 and 16.

Cores are the processor time of all of the browser's processes, read from /proc, while nothing else
is asked of the page. Dropped is what the browser says it decoded too late to show
(`getVideoPlaybackQuality`); shown are pictures that came onto the screen of those that were due: a
jump to the live edge shows up here and not there. Lag is read afterwards off the burned-in numbers,
in every animation frame, for some of the tiles: from when a picture was on air to when it is seen.

Reference, in the same run on the same cameras: one `ffmpeg` that decodes the sixteen substreams
straight from the cameras and shows nothing. It neither paints nor crosses any hop.

`--soak` is another thing: what hours do to the page (benches/_wall_soak.py).
"""

import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benches._processes import cpu_s
from benches._report import Row, options, percentile, report, say
from benches._town import LOGIN, SITE, BenchTown, bench_town, looped
from benches._wall_soak import SHIFT_H, browser_processes, soak
from serambi.camera.pyav_source import with_credentials
from serambi.cli.layout import Layout
from serambi.sim.counter import Picture
from serambi.sim.encode import Streams
from serambi.sim.encoder import Settings
from tests.e2e.conftest import ARGUMENTS, CHROMIUM

CAMERAS = 16
SCREENS = 4
FPS, SUB_FPS = 20, 10
LOOP_S = 6
CORES_MAX = 0.6
_PATIENCE_MS = 60_000
_SETTLE_S = 5.0
_PROBE = (Path(__file__).parent / "_probe.js").read_text("utf-8")
_COUNT = """
globalThis.painted = 0;
const draw = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (what, ...where) {
  if (what instanceof VideoFrame) painted += 1;
  draw.call(this, what, ...where);
};
"""
_COUNTS = """() => {
  const all = [...document.querySelectorAll('video')].map((v) => v.getVideoPlaybackQuality());
  const sum = (name) => all.reduce((total, quality) => total + quality[name], 0);
  return [performance.now() / 1000, all.length, sum('totalVideoFrames'),
    sum('droppedVideoFrames'), painted];
}"""
_TILES = [f"ul[role=list] > li:nth-child({n}) video" for n in (1, 6, 11, 16)]
_LARGE = ["article.hero .layer:first-child canvas"]


@dataclass(frozen=True, slots=True)
class Cost:
    """A page or several for a while: cores of the browser, shares of pictures that were dropped and
    shown, lag in milliseconds."""

    cores: float
    dropped: float
    shown: float
    lag_ms: list[float]


def street(pictures: int) -> Iterator[Picture]:
    """1920x1080: a soft background, things that move, a sensor's noise."""
    rng = np.random.default_rng(3)
    small = rng.integers(60, 200, (9, 16, 3), np.uint8)
    ground = cv2.resize(small, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    grain = rng.integers(0, 5, (4, 1080, 1920, 3), np.uint8)
    thing = rng.integers(0, 255, (160, 90, 3), np.uint8)
    for n in range(pictures):
        picture = ground + grain[n % 4]
        for row in range(6):
            x = (n * (4 + row) * 2 + row * 300) % 1800
            picture[row * 160 : row * 160 + 160, x : x + 90] = thing
        yield picture


def loops(folder: Path) -> Streams:
    """Main and substream, as large as cameras on a street send them."""
    main = Settings(1920, 1080, FPS, 4_000_000, "high", gop_s=1)
    sub = Settings(640, 360, SUB_FPS, 350_000, "main")
    return looped(folder, street(LOOP_S * FPS), main, sub)


@contextmanager
def signed_in(browser: Browser, town: BenchTown, wide: int, high: int) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": wide, "height": high}, bypass_csp=True)
    context.set_default_timeout(_PATIENCE_MS)
    context.add_init_script(_PROBE + _COUNT)
    if not context.request.post(f"{_url(town)}/api/login", data=LOGIN).ok:
        raise SystemExit("the town does not let us in")
    yield context
    context.close()


def _url(town: BenchTown) -> str:
    return f"http://127.0.0.1:{town.layout.ports.center}"


def _live(page: Page, tiles: int) -> None:
    page.wait_for_function(f"document.querySelectorAll('.st.live').length >= {tiles}")


def measure(pages: Sequence[Page], due_fps: float, selectors: Sequence[str], for_s: float) -> Cost:
    """What these pages cost; afterwards, for a third of the time, how late they are."""
    time.sleep(_SETTLE_S)
    browser = browser_processes()
    before = [page.evaluate(_COUNTS) for page in pages]
    began_s, used_s = time.monotonic(), cpu_s(browser)
    time.sleep(for_s)
    cores = (cpu_s(browser) - used_s) / (time.monotonic() - began_s)
    after = [page.evaluate(_COUNTS) for page in pages]
    lasted_s = sum(b[0] - a[0] for a, b in zip(before, after, strict=True)) / len(pages)
    total, dropped, painted = (
        sum(b[which] - a[which] for a, b in zip(before, after, strict=True)) for which in (2, 3, 4)
    )
    lag_ms = [old for page in pages for old in _lags(page, selectors, for_s / 3 / len(pages))]
    shown = (total - dropped + painted) / (due_fps * lasted_s)
    return Cost(cores, dropped / max(1, total), shown, lag_ms)


def _lags(page: Page, selectors: Sequence[str], for_s: float) -> list[float]:
    page.evaluate("selectors => probe.start(...selectors)", list(selectors))
    page.wait_for_timeout(for_s * 1000)
    page.evaluate("probe.stop()")
    found = []
    for which in range(len(selectors)):
        # The first one was there before.
        for _, frame, at_ms in page.evaluate("which => probe.seen(which)", which)[1:]:
            found.append((at_ms / 1000 * FPS - frame) % (LOOP_S * FPS) / FPS * 1000)
    if not found:
        raise SystemExit("no number could be read off the screen")
    return found


def on_the_wall(browser: Browser, town: BenchTown, for_s: float) -> Cost:
    with signed_in(browser, town, 1920, 1080) as context:
        context.add_init_script("localStorage['serambi.layout'] = '16'")
        page = context.new_page()
        page.goto(_url(town))
        _live(page, CAMERAS)
        return measure([page], CAMERAS * SUB_FPS, _TILES, for_s)


def in_windows(browser: Browser, town: BenchTown, for_s: float) -> Cost:
    with ExitStack() as opened:
        pages = []
        for camera in town.cameras[:SCREENS]:
            # A window of its own: what lies behind another tab is not painted.
            page = opened.enter_context(signed_in(browser, town, 1366, 768)).new_page()
            page.add_init_script(f"localStorage['serambi.enlarged'] = '{camera}'")
            page.goto(_url(town))
            page.locator(".hero .layer:only-child canvas").wait_for()
            _live(page, 5)
            pages.append(page)
        due_fps = SCREENS * (FPS + 4 * SUB_FPS)
        return measure(pages, due_fps, _LARGE, for_s)


def with_ffmpeg(layout: Layout, for_s: float) -> float:
    """Cores that one `ffmpeg` needs to decode all substreams."""
    told = tomllib.loads((layout.keeper(SITE) / "cameras.toml").read_text("utf-8"))["camera"]
    command = ["ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1"]
    for one in told:
        url = with_credentials(one["sub"], one["user"], one["password"])
        command += ["-threads", "1", "-rtsp_transport", "tcp", "-analyzeduration", "200000"]
        command += ["-i", url]
    for number in range(len(told)):
        command += ["-map", f"{number}:v"]
    command += ["-fps_mode", "passthrough", "-f", "null", "-"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise SystemExit("ffmpeg says nothing")
        for line in process.stdout:
            if line.startswith("frame=") and int(line.partition("=")[2]) > 0:
                break
        time.sleep(2.0)
        began_s, used_s = time.monotonic(), cpu_s([process.pid])
        time.sleep(for_s)
        return (cpu_s([process.pid]) - used_s) / (time.monotonic() - began_s)
    finally:
        process.terminate()
        process.communicate()


def rows_of(case: str, cost: Cost, ffmpeg: float | None) -> list[Row]:
    peer = ("one ffmpeg that decodes 16 substreams", ffmpeg) if ffmpeg else ("", None)
    return [
        Row(f"{case}: browser", cost.cores, "cores", *peer),
        Row(f"{case}: dropped", cost.dropped * 100, "%"),
        Row(f"{case}: shown of those due", cost.shown * 100, "%"),
        Row(f"{case}: lag p50", percentile(cost.lag_ms, 0.5), "ms"),
        Row(f"{case}: lag p99", percentile(cost.lag_ms, 0.99), "ms"),
    ]


def main() -> int:
    parser = options("What a wall costs the machine in front of the operator")
    parser.add_argument("--soak", action="store_true", help="what hours do to the page, compressed")
    asked = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit("no Chromium on this machine: set SERAMBI_CHROMIUM")
    if asked.soak:
        report("wall soak", soak(5 * SHIFT_H if asked.full else SHIFT_H), as_json=asked.json)
        return 0
    for_s = 60.0 if asked.full else 12.0
    say("starting a site with sixteen cameras")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        bench_town(Path(folder), cameras=CAMERAS, loops=loops) as town,
        sync_playwright() as playwright,
    ):
        town.agree(time.time() + 86_400)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        say("sixteen substreams on the wall")
        wall = on_the_wall(browser, town, for_s)
        say("four windows with a main stream each")
        windows = in_windows(browser, town, for_s)
        browser.close()
        say("ffmpeg, straight from the cameras")
        ffmpeg = with_ffmpeg(town.layout, for_s)
    rows = rows_of("wall of 16 substreams", wall, ffmpeg)
    rows[0].more["target_cores"] = CORES_MAX
    rows += rows_of("4 main streams 1080p and 16 substreams", windows, None)
    report("wall", rows, as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
