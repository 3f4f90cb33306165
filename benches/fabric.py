"""A thin link: do commands pass beside pictures, what does a cut cost, what crosses the trunk.

Everything runs in network namespaces of its own: site - 2 Mbps - hub. Needs root.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benches._report import Row, options, report, say
from serambi.identity.certificates import create_authority, ensure
from tests.fakes.network import HUB_ADDRESS, Network, missing

RATE_BPS = 2_000_000
RTT_TARGET_MS = 300.0
_PORT = "7447"
_CARRIERS = {"one": "one TLS link", "tls": "two TLS links", "quic": "QUIC"}


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def network() -> Iterator[Network]:
    net = Network()
    try:
        yield net
    finally:
        net.close()


def round_trips(folder: Path, duration_s: float) -> dict[str, dict[str, Any]]:
    """What commands take beside a stream that needs twice the link, over each carrier."""
    create_authority(folder / "authority", time.time())
    names = {"ips": (HUB_ADDRESS,)}
    for name in ("center", "site-a"):
        ensure(folder / name, folder / "authority", name, time.time(), **names)
    return {carrier: _round_trips(folder, carrier, duration_s) for carrier in _CARRIERS}


def _round_trips(folder: Path, carrier: str, duration_s: float) -> dict[str, Any]:
    say(f"commands beside 4 Mbps of pictures on a link of 2 Mbps, over {_CARRIERS[carrier]}")

    def end(role: str, name: str, last: str) -> list[str]:
        program = [sys.executable, "-m", "benches._fabric_ends", role, _PORT]
        return [*program, str(folder / name), last]

    with network() as net:
        net.set_rate(RATE_BPS)
        center = net.command("hub", end("center", "center", str(duration_s)))
        with ended(subprocess.Popen(center, stdout=subprocess.PIPE, text=True)) as hub:
            assert hub.stdout is not None
            if hub.stdout.readline().strip() != "ready":
                raise SystemExit("the center did not start")
            site = net.command("site", end("site", "site-a", carrier))
            with ended(subprocess.Popen(site, text=True)):
                seen: dict[str, Any] = json.loads(hub.stdout.readline() or "null")
    if not seen:
        raise SystemExit("the center ended without a word")
    return seen


def rtt_rows(seen: dict[str, dict[str, Any]]) -> list[Row]:
    rows = []
    for carrier in ("quic", "tls"):
        for share in ("p50", "p95"):
            rows.append(
                Row(
                    f"command round trip {share}, {_CARRIERS[carrier]}",
                    seen[carrier][f"{share}_ms"],
                    "ms",
                    _CARRIERS["one"],
                    seen["one"][f"{share}_ms"],
                    {"carrier": carrier, **seen[carrier]},
                )
            )
    return rows


def main() -> int:
    asked = options("A thin link between a site and its center").parse_args()
    if reason := missing():
        raise SystemExit(f"this benchmark cannot run here: {reason}")
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        rows = rtt_rows(round_trips(folder, 60.0 if asked.full else 12.0))
    report("fabric", rows, as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
