"""What a shift of hours does to the wall's page.

The demo town, its wall in one Chromium, and the events of HOURS one after the other instead of one
every minute and a half: layouts and pages turned, cameras enlarged and back, streams cut by their
owners and given again, views ended at the center and opened anew by the page, alerts raised and
answered. What an event leaves behind it leaves whether the next comes at once or a minute later.
Pictures are appended and trimmed at the speed of life all the time, twenty seconds of them kept a
tile: what that leaves behind is seen over the minutes that the run takes, not over eight hours.

After every SAMPLE_EVERY events, and after the garbage collector was made to run: the page's heap,
its nodes and listeners (DevTools protocol), memory of all of the browser's processes (/proc), each
tile's badge beside the lag that the number in its picture tells. Memory is flat if a line through
what came after the first third rises by less than FLAT in all.
"""

import os
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from playwright.sync_api import CDPSession, expect, sync_playwright

from benches._processes import pss_mib
from benches._report import Row, percentile, say
from tests.e2e.conftest import ARGUMENTS, CHROMIUM, PATIENCE_MS, ROOM
from tests.e2e.screen import Screen, new_screen
from tests.e2e.town import Town, descendants, running_town, until

SHIFT_H = 8
KINDS = 5
EVENTS_AN_HOUR = 40
SAMPLE_EVERY = 10
"""A multiple of the kinds, so that samples are of the same state."""
FLAT = {"heap_mib": 1.5, "nodes": 300, "listeners": 200, "processes_mib": 60.0}
_BADGES = """() => Object.fromEntries([...document.querySelectorAll('.wall article')].map((one) =>
  [one.querySelector('.num').textContent,
   one.querySelector('.st.live, .st.late')?.textContent.match(/([0-9.]+) s/)?.[1]]))"""


@dataclass
class Shift:
    """An operator's page in English, and what happens on it and to it."""

    town: Town
    screen: Screen
    rng: random.Random = field(default_factory=lambda: random.Random(8))
    events: dict[str, int] = field(default_factory=dict)
    apart_s: list[float] = field(default_factory=list)
    samples: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.devtools: CDPSession = self.screen.page.context.new_cdp_session(self.screen.page)
        self.devtools.send("Performance.enable")

    def work(self, events: int, sample_every: int = SAMPLE_EVERY) -> None:
        """So many events, each kind in turn, and samples between them."""
        kinds: list[Callable[[], None]] = [
            self.layouts, self.enlarged, self.cut, self.opened_anew, self.alerted,
        ]  # fmt: skip
        self.settle()
        for number in range(events):
            kind = kinds[number % len(kinds)]
            kind()
            self.settle()
            name = kind.__name__
            self.events[name] = self.events.get(name, 0) + 1
            if (number + 1) % sample_every == 0:
                self.sample()

    def settle(self) -> None:
        """Return when all shared cameras have a picture again; on a busy machine a late one."""
        seen = self.screen.page.locator(".wall article :is(.st.live, .st.late)")
        expect(seen).to_have_count(len(self.town.shared), timeout=PATIENCE_MS)

    def layouts(self) -> None:
        page = self.screen.page
        for name in ("1", "4", "9"):
            page.get_by_role("group", name="Number of tiles").get_by_text(name, exact=True).click()
        page.keyboard.press("PageDown")
        page.keyboard.press("PageUp")
        page.get_by_role("group", name="Number of tiles").get_by_text("16", exact=True).click()

    def enlarged(self) -> None:
        camera = self.rng.choice(self.town.shared)
        self.screen.tile(camera.number).locator("header").dblclick()
        self.screen.page.locator(".hero .layer:only-child :is(canvas, video)").wait_for()
        self.screen.page.keyboard.press("Escape")

    def cut(self) -> None:
        camera = self.rng.choice(self.town.shared)
        self.town.stop(camera)
        try:
            expect(self.screen.tile(camera.number).locator("video")).to_have_count(0)
        finally:
            self.town.resume(camera)

    def opened_anew(self) -> None:
        """The view ends at the center; the page asks for it again by itself."""
        mine = {one["id"]: one["camera"] for one in self.town.get("/api/sessions")}
        gone = self.rng.choice(sorted(mine))
        self.town.operator.delete(f"/api/sessions/{gone}").raise_for_status()

        def again() -> bool:
            now = self.town.get("/api/sessions")
            return any(one["camera"] == mine[gone] and one["id"] != gone for one in now)

        until("the view is opened anew", again)

    def alerted(self) -> None:
        camera = self.rng.choice(self.town.shared)
        wish = {"text": "Soak", "site": camera.site, "camera": camera.id}
        raised = self.town.operator.post("/api/alerts", json=wish).raise_for_status().json()
        tile = self.screen.tile(camera.number)
        expect(tile.locator(".what")).not_to_have_count(0)
        answers = {"alerts": [raised["id"]], "answer": "dismiss"}
        self.town.operator.post("/api/alerts/answers", json=answers).raise_for_status()

    def sample(self) -> None:
        """Memory as it is when nothing is left to be collected, and how far badges are off."""
        for _ in range(2):
            self.devtools.send("HeapProfiler.collectGarbage")
        told = self.devtools.send("Performance.getMetrics")["metrics"]
        known = {one["name"]: float(one["value"]) for one in told}
        self.samples.append(
            {
                "heap_mib": known["JSHeapUsedSize"] / 2**20,
                "nodes": known["Nodes"],
                "listeners": known["JSEventListeners"],
                "processes_mib": pss_mib(browser_processes()),
            }
        )
        by_number = {camera.number: camera for camera in self.town.shared}
        badges = self.screen.page.evaluate(_BADGES)
        for number, reading in self.screen.read().items():
            if number in by_number and badges.get(number):
                true_s = reading.lag_s(by_number[number])
                self.apart_s.append(abs(float(badges[number]) - true_s))

    def rises(self, what: str) -> float:
        """By how much a line through what came after the first third rises in all."""
        values = [one[what] for one in self.samples][len(self.samples) // 3 :]
        if len(values) < 3:
            return values[-1] - values[0]
        slope, _ = np.polyfit(range(len(values)), values, 1)
        return float(slope) * (len(values) - 1)


def browser_processes() -> list[int]:
    """The Chromiums below this process."""
    found = []
    for pid in descendants(os.getpid()):
        try:
            if "chrom" in Path(f"/proc/{pid}/comm").read_text():
                found.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def soak(hours: float) -> list[Row]:
    """The rows of the report; says what is not flat."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running_town(Path(folder) / "town") as town,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(viewport=ROOM)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(
            "localStorage['serambi.language'] = 'en'; localStorage['serambi.layout'] = '16'"
        )
        if not context.request.post(f"{town.url}/api/login", data=town.login()).ok:
            raise SystemExit("the town does not let us in")
        shift = Shift(town, new_screen(context))
        shift.screen.page.goto(town.url)
        began_s = time.monotonic()
        shift.work(round(hours * EVENTS_AN_HOUR))
        lasted_min = (time.monotonic() - began_s) / 60
        browser.close()
    return rows_of(shift, lasted_min)


def rows_of(shift: Shift, lasted_min: float) -> list[Row]:
    events = sum(shift.events.values())
    rows = [
        Row("events of a shift", events, "events", "in eight hours", SHIFT_H * EVENTS_AN_HOUR),
        Row("pictures at the speed of life", lasted_min, "minutes"),
    ]
    flat = True
    for what, most in FLAT.items():
        rise = shift.rises(what)
        flat = flat and rise < most
        name, _, unit = what.partition("_")
        more = {
            "first": round(shift.samples[0][what], 1),
            "last": round(shift.samples[-1][what], 1),
        }
        rows.append(Row(f"{name}, rise", rise, unit or name, "flat below", most, more))
    say("memory is flat" if flat else "memory is NOT flat")
    for share in (0.5, 0.99):
        apart_ms = percentile(shift.apart_s, share) * 1000
        case = f"badge and burned-in number apart p{share * 100:.0f}"
        rows.append(Row(case, apart_ms, "ms", more={"readings": len(shift.apart_s)}))
    return rows
