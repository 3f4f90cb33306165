"""What a person has in front of them: a page in Chromium, its pictures and errors."""

import base64
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, WebSocket

from serambi.sim import counter
from tests.e2e.town import Camera

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
AGREED = {"101", "102", "103", "104", "141", "147", "148", "149"}
MAX_LAG_S = 5.0
"""Generous: the bound is for a machine that runs other things beside the town."""
_WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_POLL_MS = 100

# The lowest sixteenth of every picture holds the whole counter strip.
_STRIPS = """() => {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const found = [];
  for (const tile of document.querySelectorAll('article')) {
    // The last one lies on top.
    const shown = [...tile.querySelectorAll('canvas, video')].at(-1);
    if (shown === undefined || shown.readyState < 2) continue;
    const [width, height] = [shown.videoWidth ?? shown.width, shown.videoHeight ?? shown.height];
    if (width === 0) continue;
    canvas.width = width;
    canvas.height = height;
    const now = Date.now();
    context.drawImage(shown, 0, 0);
    const top = height - Math.ceil(height / 16);
    const { data } = context.getImageData(0, top, width, height - top);
    let text = '';
    for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i + 1]);
    const number = tile.querySelector('.num').textContent;
    found.push({ number, width, height, top, now, green: btoa(text) });
  }
  return found;
}"""


@dataclass(frozen=True)
class Reading:
    """One picture on the screen: the numbers drawn into it, and when it was looked at."""

    tag: int
    frame: int
    at: float

    def lag_s(self, camera: Camera) -> float:
        """How far the picture lies behind the camera's own time, by its number in the loop."""
        behind = (self.at * camera.fps - self.frame) % camera.frames
        return behind / camera.fps


@dataclass
class Screen:
    """One page. `troubles`: console errors, exceptions and failed requests; a test that
    provokes one takes it out itself. `hosts`: everybody the page has talked to."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    received: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        page = self.page
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._say("exception", str(error)))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self._host(request.url))
        page.on("websocket", self._socket)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        url = message.location["url"]
        # A view may have been ended by its owner while the page was giving it back.
        over = re.search(r"/api/sessions/[0-9a-f]+$", url) and "404" in message.text
        # Nobody is signed in: that is how the page learns it.
        nobody = url.endswith("/api/me") and "401" in message.text
        if not over and not nobody:
            self._say(f"error {url}", message.text)

    def _failed(self, request: Request) -> None:
        # Going to another page ends what the last one was still reading.
        if request.method != "GET" or request.failure != "net::ERR_ABORTED":
            self._say(f"failed {request.failure}", f"{request.method} {request.url}")

    def _say(self, kind: str, text: str) -> None:
        self.troubles.append(f"{kind}: {text}")

    def _host(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"blob", "data"}:
            self.hosts.add(parts.hostname or url)

    def _socket(self, socket: WebSocket) -> None:
        self._host(socket.url)
        self.sockets.append(socket.url)
        if socket.url.endswith("/api/events"):
            socket.on("framereceived", lambda frame: self.received.append(str(frame)))

    def tile(self, number: str) -> Locator:
        exact = self.page.locator(f'.num:text-is("{number}")')
        return self.page.locator("article").filter(has=exact)

    def tile_named(self, name: str) -> Locator:
        return self.page.locator("article").filter(has_text=name)

    def read(self) -> dict[str, Reading]:
        """The counters of all pictures that can be read now, by the number of their tile."""
        found = {}
        for strip in self.page.evaluate(_STRIPS):
            picture = np.zeros((strip["height"], strip["width"]), np.uint8)
            green = np.frombuffer(base64.b64decode(strip["green"]), np.uint8)
            picture[strip["top"] :] = green.reshape(-1, strip["width"])
            if drawn := counter.read(picture):
                found[strip["number"]] = Reading(*drawn, strip["now"] / 1000)
        return found

    def see_moving(self, numbers: set[str], within_s: float = 20.0) -> dict[str, Reading]:
        """Return when each of these tiles has shown two different pictures from now on; the
        later reading of each."""
        deadline = time.monotonic() + within_s
        first: dict[str, Reading] = {}
        moved: dict[str, Reading] = {}
        while True:
            for number, reading in self.read().items():
                if reading.frame != first.setdefault(number, reading).frame:
                    moved.setdefault(number, reading)
            if numbers <= set(moved):
                return {number: moved[number] for number in numbers}
            still = sorted(numbers - set(moved))
            assert time.monotonic() < deadline, f"no moving picture of {still}; {self.troubles}"
            self.page.wait_for_timeout(_POLL_MS)

    def violations(self) -> list[str]:
        """What axe objects to or cannot decide, each with its place and why."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("rules => axe.run(document, {runOnly: rules})", _WCAG)
        return [
            f"{rule['id']} {json.dumps(node['target'])} {_whys(node)}"
            for rule in found["violations"] + found["incomplete"]
            for node in rule["nodes"]
        ]


def _whys(node: dict[str, Any]) -> list[str]:
    """axe's own words for what it saw."""
    checks = [check for way in ("any", "all", "none") for check in node[way]]
    keys = {c["id"]: c["data"] for c in checks if isinstance(c["data"], dict)}
    return sorted(str(data.get("messageKey") or name) for name, data in keys.items())


def check_pictures(screen: Screen, cameras: list[Camera]) -> None:
    """Each tile shows its own camera, moving, and no older than it may be."""
    by_number = {camera.number: camera for camera in cameras}
    for number, reading in screen.see_moving(set(by_number)).items():
        camera = by_number[number]
        assert reading.tag == camera.tag
        lag_s = reading.lag_s(camera)
        assert lag_s < MAX_LAG_S, f"{number} shows what was {lag_s:.1f} s ago"


def words_of(page: Page) -> dict[str, Any]:
    """All text and attributes of the page as it stands."""
    return {"html": page.content(), "text": page.locator("body").inner_text()}


def new_screen(context: BrowserContext) -> Screen:
    return Screen(context.new_page())
