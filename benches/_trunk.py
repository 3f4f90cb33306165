"""What crosses the trunk for 0, 1 and 20 viewers of one camera: copies, counted in bytes."""

import time
from dataclasses import dataclass

from benches._report import Row, say
from benches._town import BenchTown
from tests.fakes.network import Network

VIEWERS = (0, 1, 20)
_SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Crossed:
    """Bytes from site to center in `duration_s`, while `viewers` watched; and what one of them
    received in that time."""

    viewers: int
    up_bytes: int
    duration_s: float
    viewer_bytes: float


def crossed(town: BenchTown, net: Network, duration_s: float = 5.0) -> list[Crossed]:
    """Measure each number of viewers in turn, on the main stream of the first camera."""
    return [_crossed(town, net, viewers, duration_s) for viewers in VIEWERS]


def _crossed(town: BenchTown, net: Network, viewers: int, duration_s: float) -> Crossed:
    say(f"{viewers} viewers of one camera")
    wish = {"camera": town.cameras[0], "action": "live", "purpose": "routine_watch"}
    opened = [
        town.center("POST", "/api/sessions", wish | {"stream": "main"})["id"]
        for _ in range(viewers)
    ]
    port = town.layout.ports.center
    if opened:
        town.hub.ask(do="join", port=port, token=town.token, viewers=[(s, "quick") for s in opened])
    time.sleep(_SETTLE_S)
    before, received = net.trunk().up_bytes, _received(town)
    began = time.monotonic()
    time.sleep(duration_s)
    after, took_s = net.trunk().up_bytes, time.monotonic() - began
    got = _received(town) - received
    for session in opened:
        town.center("DELETE", f"/api/sessions/{session}")
    town.hub.ask(do="leave")
    return Crossed(viewers, after - before, took_s, got / viewers if viewers else 0.0)


def _received(town: BenchTown) -> int:
    return sum(viewer["bytes"] for viewer in town.hub.ask(do="tell")["viewers"])


def rows(seen: list[Crossed]) -> list[Row]:
    """Copies of the stream on the trunk, beside the bytes that one viewer received."""
    idle_bps = seen[0].up_bytes / seen[0].duration_s
    one_bps = seen[1].viewer_bytes / seen[1].duration_s
    found = []
    for case in seen:
        own_bps = max(0.0, case.up_bytes / case.duration_s - idle_bps)
        more = {"viewers": case.viewers, "up_bps": case.up_bytes / case.duration_s * 8}
        more["copies"] = own_bps / one_bps
        found.append(
            Row(
                f"trunk for {case.viewers} viewers",
                own_bps / 1000,
                "kB/s",
                "received by one viewer",
                one_bps / 1000,
                more,
            )
        )
    return found
