"""What crosses the trunk for 0, 1 and 20 viewers of one camera: copies, counted in bytes."""

import time

from benches._hand import Hand
from benches._report import Row
from benches._town import BenchTown
from tests.fakes.network import Network

_SETTLE_S = 2.0


def rate_bps(hand: Hand, duration_s: float) -> float:
    """Bits a second that reach all viewers together."""
    began, before = time.monotonic(), _arrived(hand)
    time.sleep(duration_s)
    return (_arrived(hand) - before) * 8 / (time.monotonic() - began)


def _arrived(hand: Hand) -> int:
    return int(sum(viewer["bytes"] for viewer in hand.ask(do="tell")["viewers"]))


def trunk_rows(town: BenchTown, net: Network, duration_s: float) -> list[Row]:
    """Rates on the trunk, IP headers included, less what the idle site says; beside them what one
    viewer receives. The town has no viewers yet; it has 20 afterwards."""
    time.sleep(_SETTLE_S)
    idle_bps = _trunk_bps(net, duration_s)
    rows = [Row("trunk, nobody watches", idle_bps / 1000, "kbit/s")]
    seen = 0
    for count in (1, 20):
        town.watch(["quick"] * (count - seen), cameras=1)
        seen = count
        time.sleep(_SETTLE_S)
        trunk_bps = _trunk_bps(net, duration_s) - idle_bps
        one_bps = rate_bps(town.hub, duration_s) / count
        rows.append(
            Row(
                f"trunk, viewers of one camera: {count}",
                trunk_bps / 1000,
                "kbit/s",
                "what one of them receives",
                one_bps / 1000,
            )
        )
    return rows


def _trunk_bps(net: Network, duration_s: float) -> float:
    began, before = time.monotonic(), net.trunk().up_bytes
    time.sleep(duration_s)
    return (net.trunk().up_bytes - before) * 8 / (time.monotonic() - began)
