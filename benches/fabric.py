"""A thin link: do commands pass beside pictures, what does a cut cost, what crosses the trunk.

Everything runs in network namespaces of its own, site - mid - hub. Needs root. Commands: keeper's
socket and courier in one process, a center in another, 2 Mbps between them; 25 pictures a second,
4 Mbps, upward, and a command every 100 ms, from the center through the courier to the keeper's
socket and back. The same over a single TLS link is the reference. Trunk and cut: cameras, keeper,
courier and center as they are; during the cut packets vanish in the middle while the owner stops
and resumes a camera all the time, so that entries are written. Seconds to offline count from the
cut, the others from the healing, until `GET /api/health` says so. Entries are compared byte by
byte, the keeper's ledger with the center's table.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches._report import Row, options, report, say
from benches._town import SITE, BenchTown, bench_town
from benches._trunk import trunk_rows
from serambi.fabric.profile import LEASE_MS
from serambi.identity.certificates import create_authority, ensure
from serambi.ledger.entry import encode_entry
from serambi.ledger.reader import READ_MAX_ENTRIES, newest_entries
from tests.fakes.copied import copied_database
from tests.fakes.network import HUB_ADDRESS, Network, missing

RATE_BPS = 2_000_000
BACK_TARGET_S = 5.0
_PATIENCE_S = 60.0
_TRUNK_S = 4.0
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
                    {"lost_commands": seen[carrier]["lost_commands"]},
                )
            )
    return rows


@dataclass
class Cut:
    """What a cut of `lasted_s` did. Seconds count from the cut, and from the healing."""

    lasted_s: float = 0.0
    offline_s: float = 0.0
    back_s: float = 0.0
    delivered_s: float = 0.0
    entries: int = 0
    written_during: int = 0
    missing: int = 0
    duplicates: int = 0


def cut(town: BenchTown, net: Network, lasts_s: float) -> Cut:
    """Cut the trunk and let things happen at the site all the while."""
    say(f"a cut of {lasts_s:g} s")
    seen = Cut()
    before = len(_written(town))
    net.cut()
    began = time.monotonic()
    while time.monotonic() - began < lasts_s:
        if not seen.offline_s and not _online(town):
            seen.offline_s = time.monotonic() - began
        for way in ("stop", "resume"):
            town.keeper("POST", f"/api/{way}", {"camera": town.cameras[1]})
        time.sleep(0.05)
    seen.lasted_s = time.monotonic() - began
    seen.written_during = len(_written(town)) - before
    net.heal()
    healed = time.monotonic()
    _until(lambda: _online(town), "the site never came back")
    seen.back_s = time.monotonic() - healed
    _until(lambda: len(_kept(town)) >= len(_written(town)), "entries are missing")
    seen.delivered_s = time.monotonic() - healed
    written, kept = _written(town), _kept(town)
    seen.entries = len(written)
    seen.missing = len(Counter(enumerate(written)) - Counter(kept))
    seen.duplicates = len(kept) - len(set(kept))
    return seen


def _online(town: BenchTown) -> bool:
    return bool(town.center("GET", "/api/health")["sites"].get(SITE))


def _written(town: BenchTown) -> list[bytes]:
    """The keeper's ledger, read from the disk."""
    folder = town.layout.keeper(SITE) / "ledger"
    _, first, entries = newest_entries(folder, READ_MAX_ENTRIES)
    if first:
        raise SystemExit(f"more than {READ_MAX_ENTRIES} entries: too many for this bench")
    return [encode_entry(entry) for entry in entries]


def _kept(town: BenchTown) -> list[tuple[int, bytes]]:
    """The center's table, read beside the center."""
    with copied_database(town.layout.center / "center.db") as database:
        return database.execute("SELECT seq, leaf FROM site_entries").fetchall()


def _until(condition: Callable[[], object], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.02)


def cut_rows(seen: Cut) -> list[Row]:
    more = {"cut_s": round(seen.lasted_s)}
    return [
        Row("site seen offline after a cut", seen.offline_s, "s", "lease", LEASE_MS / 1000, more),
        Row("site back after healing", seen.back_s, "s", "target", BACK_TARGET_S),
        Row("all entries delivered after healing", seen.delivered_s, "s"),
        Row("entries written while cut off", seen.written_during, "entries"),
        Row("entries missing", seen.missing, "entries", "target", 0),
        Row("entries kept twice", seen.duplicates, "entries", "target", 0),
    ]


def in_a_town(folder: Path, cut_s: float) -> list[Row]:
    """What needs whole processes: cameras, keeper, courier, center."""
    say("a town: cameras, keeper, courier - center")
    with network() as net, bench_town(folder, net) as town:
        town.agree(time.time() + 3600)
        rows = trunk_rows(town, net, _TRUNK_S)
        town.hub.ask(do="leave")
        net.set_rate(RATE_BPS)
        return rows + cut_rows(cut(town, net, cut_s))


def main() -> int:
    asked = options("A thin link between a site and its center").parse_args()
    if reason := missing():
        raise SystemExit(f"this benchmark cannot run here: {reason}")
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder = Path(place)
        rows = rtt_rows(round_trips(folder, 60.0 if asked.full else 12.0))
        rows += in_a_town(folder, 60.0 if asked.full else 20.0)
    report("fabric", rows, as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
