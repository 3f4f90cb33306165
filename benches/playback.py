"""`dev.py bench playback`: from the click on the timeline to the exact picture, and a long range
over a thin link beside a live view.

Click: the demo town and one Chromium without a graphics card, on this machine; the gate's recording
stands still, the slider is moved to a moment drawn at random, and in every animation frame the page
reads the number that is burned into what is on the screen: the time of the last change is the
click's. Recorded pictures are dated when they reached the owner's box, a little after they were on
air, so a number may lie behind the moment's by that much; it is right if that is what it is at all
other clicks, give or take one picture. Request, ledger, both hops, decoding and drawing are in it;
where the moment lies outside of the open session's range, the new session too.

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

from playwright.sync_api import Page, sync_playwright

from benches._report import Row, options, percentile, report, say
from benches._town import SITE, bench_town
from serambi.base.clock import ManualClock
from serambi.cli.layout import Layout
from serambi.media.access_unit import AccessUnit
from serambi.recording.index import Index
from serambi.recording.recorder import Recorder
from serambi.recording.syncer import Syncer
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
_PROBE = (Path(__file__).parent / "_probe.js").read_text("utf-8")
_CANVAS = ".hero .playback canvas"
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
  return found === undefined ? null : [found[1], found[2] - movedAt];
}"""


@dataclass(frozen=True, slots=True)
class Click:
    """Milliseconds from the move of the slider to its picture, and by how many pictures that lies
    behind the one that was on air at the moment."""

    took_ms: float
    behind: int


def clicks(count: int, settle_s: float) -> list[Click]:
    """Moves of the slider in the demo's recording of the gate."""
    if CHROMIUM is None:
        raise SystemExit("no Chromium on this machine: set SERAMBI_CHROMIUM")
    say("starting the demo town")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running_town(Path(folder) / "town") as town,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1366, "height": 768}, bypass_csp=True)
        context.set_default_timeout(_PATIENCE_MS)
        context.add_init_script(_PROBE)
        if not context.request.post(f"{town.url}/api/login", data=town.login()).ok:
            raise SystemExit("the town does not let us in")
        say(f"recording for {settle_s:g} s")
        time.sleep(settle_s)
        found = _click(context.new_page(), town, count)
        browser.close()
    return found


def _click(page: Page, town: Town, count: int) -> list[Click]:
    camera = next(one for one in town.shared if one.number == GATE)
    page.goto(town.url)
    exact = page.locator(f'.num:text-is("{GATE}")')
    page.locator(".wall article").filter(has=exact).locator("header").dblclick()
    page.keyboard.press("r")
    page.locator(".hero .says").wait_for()
    page.wait_for_function(f"document.querySelector('{_CANVAS}').width > 0")
    page.keyboard.press("k")
    page.wait_for_timeout(500)
    rng = random.Random(4)
    spans = _spans(town, camera)
    begin_ms, end_ms = spans[-1]["from_ms"] + 4000, spans[-1]["to_ms"] - 4000
    found = []
    for _ in range(count):
        page.wait_for_timeout(rng.uniform(150, 400))
        at_ms = page.evaluate(_MOVE, rng.randint(begin_ms, end_ms))
        page.wait_for_function(_FOUND, polling="raf")
        page.wait_for_timeout(_SETTLED_MS)
        frame, took_ms = page.evaluate(_FOUND)
        behind = int(at_ms / 1000 * camera.fps - frame) % camera.frames
        found.append(Click(float(took_ms), behind))
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


def rows_of(found: list[Click]) -> list[Row]:
    more = {"clicks": len(found)}
    usual = sorted(click.behind for click in found)[len(found) // 2]
    right = sum(abs(click.behind - usual) <= 1 for click in found)
    took = [click.took_ms for click in found]
    return [
        Row("click to exact picture p50", percentile(took, 0.5), "ms", more=more),
        Row("click to exact picture p95", percentile(took, 0.95), "ms", "target", 150, more),
        Row("the right picture, within one", right, "clicks", "of", len(found)),
        Row("pictures behind what was on air", usual, "pictures"),
    ]


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
    rows = rows_of(clicks(200 if asked.full else 40, 60.0 if asked.full else 25.0))
    if reason := missing():
        say(f"the thin link is left out: {reason}")
    else:
        rows += link_rows(*thin_link(RANGE_BYTES))
    report("playback", rows, as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
