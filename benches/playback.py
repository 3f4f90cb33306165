"""`dev.py bench playback`: from the click on the timeline to the exact picture, and a long range
over a thin link beside a live view.

Click: the demo town and one Chromium without a graphics card, on this machine; the gate's recording
stands still, the slider is moved to a moment drawn at random, and in every animation frame the page
reads the number that is burned into what is on the screen: the time of the last change is the
click's. Exact is the number of the picture that stands at that moment in the owner's files, which
are read and decoded here, by other code, when the clicks are over. Signed request, decision, both
hops, decoding and drawing are in it. It is told apart into the way (from the click to the window's
last byte in the browser) and the picture (decoding from the key frame on, drawing, and being seen).

Range: network namespaces site - mid - hub, as root; keeper, courier and center as they are, 20 Mbps
between them, one camera of 3 Mbps watched live. RANGE_BYTES of recordings are pulled through the
center's WebSocket. The share is the playback's own bytes over what the link has left beside the
live view; the trunk's share counts everything with its headers. Live pictures are as old as they
are when they come out of the center, before the pull and during it.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from playwright.sync_api import Page, sync_playwright

from benches._report import Row, options, percentile, report, say
from benches._town import SITE, bench_town
from serambi.base.clock import ManualClock
from serambi.cli.layout import Layout
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.wire import decode
from serambi.recording.archive import Archive, Wanted
from serambi.recording.index import Index
from serambi.recording.recorder import Recorder
from serambi.recording.syncer import Syncer
from serambi.sim import counter
from tests.clips import clip
from tests.e2e.conftest import ARGUMENTS, CHROMIUM
from tests.e2e.town import Camera, Town, running_town
from tests.fakes.network import missing, network

RATE_BPS = 20_000_000
LIVE_BPS = 3_000_000
RANGE_BYTES = 50_000_000
GATE = "101"
_PATIENCE_MS = 20_000
_SETTLED_MS = 400
_APART_MS = 200
"""Another picture, or nothing would change."""
_ALL_BYTES = 1 << 30
_PROBE = (Path(__file__).parent / "_probe.js").read_text("utf-8")
_CANVAS = ".hero .playback canvas"
_WIRE = """
globalThis.wire = { asked: 0, came: 0, now: () => performance.timeOrigin + performance.now() };
globalThis.WebSocket = class extends WebSocket {
  constructor(...wanted) {
    super(...wanted);
    this.addEventListener('message', () => {
      if (this.url.endsWith('/windows') && wire.came < wire.asked) wire.came = wire.now();
    });
  }
  send(text) {
    if (String(text).includes('"seek"')) wire.asked = wire.now();
    super.send(text);
  }
};
"""
_MOVE = """ms => {
  const slider = document.querySelector('.hero input[type=range]');
  slider.value = String(ms);
  probe.start('.hero .playback canvas');
  globalThis.movedAt = performance.timeOrigin + performance.now();
  slider.dispatchEvent(new Event('change', { bubbles: true }));
  return Number(slider.value);
}"""
_FOUND = """() => {
  const found = probe.seen().filter(([, , at]) => at > movedAt).at(-1);
  return found === undefined ? null : [found[1], found[2] - movedAt, wire.came - movedAt];
}"""


@dataclass(frozen=True, slots=True)
class Click:
    """A move of the slider to a moment (unix ms), the number of the picture it showed, and when it
    was seen and its window had come, in milliseconds after the move."""

    at_ms: int
    frame: int
    took_ms: float
    way_ms: float


def clicks(count: int, settle_s: float) -> tuple[list[Click], int]:
    """Moves of the slider in the demo's recording of the gate, and how many were exact."""
    if CHROMIUM is None:
        raise SystemExit("no Chromium on this machine: set SERAMBI_CHROMIUM")
    say("starting the demo town")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        with running_town(Path(folder) / "town") as town, sync_playwright() as playwright:
            camera = next(one for one in town.shared if one.number == GATE)
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            context = browser.new_context(viewport={"width": 1366, "height": 768}, bypass_csp=True)
            context.set_default_timeout(_PATIENCE_MS)
            context.add_init_script(_PROBE + _WIRE)
            if not context.request.post(f"{town.url}/api/login", data=town.login()).ok:
                raise SystemExit("the town does not let us in")
            say(f"recording for {settle_s:g} s")
            time.sleep(settle_s)
            span = _spans(town, camera)[-1]
            begin_ms, end_ms = span["from_ms"] + 4000, span["to_ms"] - 4000
            found = _click(context.new_page(), town, (begin_ms, end_ms), count)
            browser.close()
        # The keeper has let go of its index.
        there = recorded(town, camera, begin_ms - 3000, end_ms + 1000)
    exact = sum(click.frame == _standing(there, click.at_ms * 1000) for click in found)
    return found, exact


def recorded(town: Town, camera: Camera, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
    """Moment (unix us) and number of each picture in the owner's files, in the order of showing."""
    keeper = town.folder / "sites" / camera.site / "keeper"
    index = Index(keeper / "index.db")
    span = from_ms * 1000, to_ms * 1000
    archive = Archive(keeper / "recordings", index)
    read = archive.window(camera.id, Wanted((span,), span[0], "go", _ALL_BYTES))
    index.close()
    decoder = av.CodecContext.create("h264", "r")
    frames = []
    for message in read.messages:
        item = decode(message)
        if isinstance(item, VideoConfig):
            decoder.extradata = item.record
            continue
        packet = av.Packet(item.data)
        packet.pts = item.wall_us + (item.pts - item.dts) * 100 // 9
        frames += decoder.decode(packet)
    found = []
    for frame in [*frames, *decoder.decode(None)]:
        drawn = counter.read(frame.to_ndarray(format="gray"))
        if drawn is not None and frame.pts is not None:
            found.append((frame.pts, drawn[1]))
    return sorted(found)


def _standing(there: list[tuple[int, int]], at_us: int) -> int:
    return max(one for one in there if one[0] <= at_us)[1]


def _click(page: Page, town: Town, within_ms: tuple[int, int], count: int) -> list[Click]:
    page.goto(town.url)
    exact = page.locator(f'.num:text-is("{GATE}")')
    page.locator(".wall article").filter(has=exact).locator("header").dblclick()
    page.keyboard.press("r")
    page.locator(".hero .says").wait_for()
    page.wait_for_function(f"document.querySelector('{_CANVAS}').width > 0")
    page.keyboard.press("k")
    page.wait_for_timeout(500)
    rng = random.Random(4)
    found: list[Click] = []
    while len(found) < count:
        page.wait_for_timeout(rng.uniform(150, 400))
        wanted_ms = rng.randint(*within_ms)
        if found and abs(wanted_ms - found[-1].at_ms) < _APART_MS:
            continue
        at_ms = page.evaluate(_MOVE, wanted_ms)
        page.wait_for_function(_FOUND, polling="raf")
        page.wait_for_timeout(_SETTLED_MS)
        found.append(Click(at_ms, *page.evaluate(_FOUND)))
    return found


def _spans(town: Town, camera: Camera) -> list[dict[str, int]]:
    now_ms = int(time.time() * 1000)
    query: dict[str, str | int] = {
        "purpose": "routine_watch",
        "from_ms": now_ms - 900_000,
        "to_ms": now_ms - 2000,
    }
    answer = town.operator.get(f"/api/cameras/{camera.id}/recordings", params=query)
    spans: list[dict[str, int]] = answer.raise_for_status().json()["spans"]
    return spans


def _record(layout: Layout, begin_s: float, size_bytes: int) -> None:
    """As if the first camera had been recorded an hour ago: 25 pictures a second, 8 Mbps."""
    folder = layout.keeper(SITE)
    recordings = folder / "recordings"
    recordings.mkdir(exist_ok=True)
    clock = ManualClock(begin_s)
    index = Index(folder / "index.db")
    syncer = Syncer(recordings, index, clock)
    syncer.prepare()
    camera = next(one.id for one in layout.town.cameras)
    recorder = Recorder(recordings, camera, syncer, clock)
    recorder.write(clip(10).config)
    picture = (39_996).to_bytes(4, "big") + os.urandom(39_996)
    for number in range(size_bytes // len(picture) + 200):
        wall_us = round(begin_s * 1e6) + number * 40_000
        recorder.write(AccessUnit(number * 3600, number * 3600, number % 50 == 0, wall_us, picture))
    recorder.close()
    syncer.sync()
    syncer.close()


def thin_link(size_bytes: int) -> tuple[dict[str, Any], float]:
    """What the far end saw, and bits a second on the trunk during the pull."""
    begin_s = float(int(time.time()) - 3600)
    say(f"{size_bytes / 1e6:.0f} MB over {RATE_BPS / 1e6:.0f} Mbps beside a live view")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        network() as net,
        bench_town(
            Path(folder), net, lambda layout: _record(layout, begin_s, size_bytes), cameras=1
        ) as town,
    ):
        town.agree(time.time() + 3600, ("live", "playback"), begin_s - 60)
        net.set_rate(RATE_BPS)
        wish = {"camera": town.cameras[0], "purpose": "routine_watch", "stream": "main"}
        live = town.center("POST", "/api/sessions", wish | {"action": "live"})["id"]
        span = {"from_ms": int(begin_s * 1000), "to_ms": int(begin_s * 1000) + 600_000}
        past = town.center("POST", "/api/sessions", wish | {"action": "playback"} | span)["id"]
        arguments = [str(town.layout.ports.center), town.token, live, past]
        program = [sys.executable, "-m", "benches._pull", *arguments]
        program += [str(span["from_ms"] * 1000), str(size_bytes)]
        done = subprocess.run(
            net.command("hub", program), stdout=subprocess.PIPE, text=True, timeout=300
        )
        if done.returncode:
            raise SystemExit("the far end failed")
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen, seen["bytes"] * 8 / seen["seconds"]


def rows_of(found: list[Click], exact: int) -> list[Row]:
    more = {"clicks": len(found)}
    took = [click.took_ms for click in found]
    ways = [click.way_ms for click in found]
    rest = [click.took_ms - click.way_ms for click in found]
    rows = [Row("click to picture p50", percentile(took, 0.5), "ms", more=more)]
    rows += [Row("click to picture p95", percentile(took, 0.95), "ms", "target", 150, more)]
    for share in (0.5, 0.95):
        for part, values in (("way", ways), ("picture", rest)):
            rows.append(
                Row(f"of it the {part} p{share * 100:.0f}", percentile(values, share), "ms")
            )
    return [*rows, Row("the exact picture", exact, "clicks", "of", len(found))]


def link_rows(seen: dict[str, Any], rate_bps: float) -> list[Row]:
    rows = [
        Row("range over 20 Mbps", seen["bytes"] / 1e6, "MB", more={"s": round(seen["seconds"], 1)}),
        Row(
            "range, rate",
            rate_bps / 1e6,
            "Mbps",
            "what live leaves of the link",
            (RATE_BPS - LIVE_BPS) / 1e6,
        ),
    ]
    for share in ("p50", "p95"):
        rows.append(
            Row(
                f"live beside it, age {share}",
                seen[f"beside_{share}_ms"],
                "ms",
                "live alone",
                seen[f"alone_{share}_ms"],
            )
        )
    rows.append(
        Row("live beside it", seen["beside_fps"], "pictures/s", "live alone", seen["alone_fps"])
    )
    return rows


def main() -> int:
    asked = options("Recordings: from the click to the picture, and over a thin link").parse_args()
    rows = rows_of(*clicks(200 if asked.full else 40, 60.0 if asked.full else 25.0))
    if reason := missing():
        say(f"the thin link is left out: {reason}")
    else:
        rows += link_rows(*thin_link(RANGE_BYTES))
    report("playback", rows, as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
