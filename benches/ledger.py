"""The ledger beside the disk that it stands on.

Durable appends, one by one and in batches of 100, beside the rate at which the same disk, in turn
with ours, takes a write of the same size into a laid-out file and syncs it. Then a ledger is
verified offline, with the rate, and the time of a decision. At last a town with five witnesses,
three of them slow and one dead: how long after an entry a quorum has cosigned it.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

from benches._report import Row, options, percentile, report, say
from benches._slow import slow_relay
from benches._town import BenchTown, bench_town
from serambi.agreement.decide import Ask, decide
from serambi.base.clock import SystemClock
from serambi.cli.layout import Layout
from serambi.identity.keys import SigningKey, VerifyKey
from serambi.identity.roster import Roster
from serambi.ledger.entry import Entry
from serambi.ledger.store import LedgerStore
from serambi.ledger.verify import verify
from tests.builders import NOW, make_agreement, make_attestation, make_roster, make_state

ORIGIN = "dishub/simpang-lima/keeper"
KEY = SigningKey.generate()
_RECORD_BYTES = 700
_ROUNDS = 12
_SLOW = ("owner", "witness", "police")
_SLOW_S = 10.0
_DEAD = "health"
_COSIGNED_MAX_S = 120.0


class _Keys:
    parties: tuple[()] = ()

    def log_keys(self, *, use: str, **_: str) -> tuple[VerifyKey, ...]:
        return (KEY.public,) if use == "gateway" else ()


def entry(at_ms: int, number: int) -> Entry:
    """What a view that opens writes."""
    return Entry(
        kind="session_opened",
        at_ms=at_ms,
        site="simpang-lima",
        session=f"{number:032x}",
        camera="simpang-lima-utara",
        person="operator-3",
        unit="Pusat Komando",
        party="polres",
        purpose="election_security",
        agreement="5" * 64,
        reason="allowed",
    )


def disk_rate(folder: Path, duration_s: float) -> float:
    """Synced writes a second into a file that was laid out before."""
    path = folder / "laid-out"
    if not path.exists():
        path.write_bytes(b"\0" * (1 << 20))
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
        done, began = 0, time.perf_counter()
        while time.perf_counter() - began < duration_s:
            os.pwrite(file, b"x" * _RECORD_BYTES, (done * _RECORD_BYTES) % (1 << 19))
            os.fdatasync(file)
            done += 1
        return done / (time.perf_counter() - began)
    finally:
        os.close(file)


def append_rate(store: LedgerStore, batch: int, duration_s: float) -> float:
    """Durable entries a second."""
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < duration_s:
        at_ms = store.stamp()
        store.append([entry(at_ms, done + more) for more in range(batch)])
        done += batch
    return done / (time.perf_counter() - began)


def appends(folder: Path, duration_s: float) -> list[Row]:
    """Ours and the disk's in turn, so that a slow minute of the disk hits both."""
    rates: dict[str, list[float]] = {"disk": [], "one": [], "hundred": []}
    with LedgerStore.open(folder / "ledger", ORIGIN, KEY, SystemClock()) as store:
        for _ in range(_ROUNDS):
            rates["disk"].append(disk_rate(folder, duration_s))
            rates["one"].append(append_rate(store, 1, duration_s))
            rates["hundred"].append(append_rate(store, 100, duration_s))
    disk, one, hundred = (percentile(rates[name], 0.5) for name in ("disk", "one", "hundred"))
    synced = "write and fdatasync"
    return [
        Row("durable append", one, "entries_per_s", synced, disk, {"batch": 1}),
        Row("durable append", hundred, "entries_per_s", synced, disk, {"batch": 100}),
    ]


def verified(folder: Path, entries: int) -> list[Row]:
    """A ledger of `entries` checked from its folder alone."""
    with LedgerStore.open(folder / "years", ORIGIN, KEY, SystemClock()) as store:
        one = entry(store.stamp(), 7)
        while store.size < entries:
            store.append([one] * min(1024, entries - store.size))
    began = time.perf_counter()
    result = verify(folder / "years", cast(Roster, _Keys()))
    took_s = time.perf_counter() - began
    if not result.ok:
        raise SystemExit(result.why)
    rate = entries / took_s
    return [
        Row("verify offline", rate, "entries_per_s", more={"entries": entries}),
        Row("10 M entries at this rate", 10_000_000 / rate, "s", "limit", 120.0),
    ]


def decided(count: int) -> list[Row]:
    """A site of 64 cameras under eight agreements, an allowed view and a refused one in turn."""
    town = make_roster()
    cameras = [f"cam-{number}" for number in range(64)]
    attested = [make_attestation(town, camera) for camera in cameras]
    papers = [
        make_agreement(town, cameras[at : at + 8], attestations=attested, number=f"2026-{at:02}")
        for at in range(0, 64, 8)
    ]
    state = make_state(town, *papers, attestations=attested)
    asks = [Ask(f"cam-{number}", "live", "routine_watch", "polres") for number in (63, 64)]
    allowed, refused = (decide(state, ask, NOW).allowed for ask in asks)
    if not allowed or refused:
        raise SystemExit("the decision is not the expected one")
    times = []
    for number in range(count):
        began = time.perf_counter()
        decide(state, asks[number % 2], NOW)
        times.append((time.perf_counter() - began) * 1000)
    return [Row("decision p99", percentile(times, 0.99), "ms", "limit", 2.0, {"cameras": 64})]


def cosigned(folder: Path, rounds: int) -> list[Row]:
    """From an entry's being durable until the keeper knows that four of five have cosigned it:
    three witnesses' words take ten seconds longer, one witness is dead."""
    times: list[float] = []
    with contextlib.ExitStack() as relays:

        def slow_down(layout: Layout) -> None:
            for party in _SLOW:
                settings = layout.party(party) / "party.toml"
                port = relays.enter_context(slow_relay(layout.ports.center, _SLOW_S))
                old = f"127.0.0.1:{layout.ports.center}"
                settings.write_text(settings.read_text().replace(old, f"127.0.0.1:{port}"))

        with bench_town(folder, before=slow_down, cameras=1, witnessed=True) as town:
            dead = town.processes[f"{_DEAD}-party"]
            dead.kill()
            dead.wait()
            town.agree(time.time() + 3600)
            for _ in range(rounds):
                town.keeper("POST", "/api/stop", {})
                times.append(
                    _until_cosigned(town, town.keeper("GET", "/api/health")["ledger_size"])
                )
                town.keeper("POST", "/api/resume", {})
    more = {"witnesses": 5, "slow_by_10_s": len(_SLOW), "dead": 1}
    return [
        Row("entry to cosigned, median", percentile(times, 0.5), "s", "limit", 60.0, more),
        Row("entry to cosigned, worst", max(times), "s", "limit", 60.0, more),
    ]


def _until_cosigned(town: BenchTown, size: int) -> float:
    began = time.perf_counter()
    while town.keeper("GET", "/api/health")["ledger_cosigned"] < size:
        if time.perf_counter() - began > _COSIGNED_MAX_S:
            raise SystemExit(f"not cosigned after {_COSIGNED_MAX_S} s")
        time.sleep(0.05)
    return time.perf_counter() - began


def main() -> int:
    parser = options("The ledger beside the disk that it stands on")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as place:
        folder = Path(place)
        say("appends and the disk, in turn")
        rows = appends(folder, 1.0 if asked.full else 0.4)
        entries = 1_000_000 if asked.full else 200_000
        say(f"verifying {entries} entries")
        rows += verified(folder, entries)
        rounds = 20 if asked.full else 3
        say(f"{rounds} entries until a quorum of slow witnesses has cosigned them")
        rows += cosigned(folder, rounds)
    rows += decided(20_000)
    report("ledger", rows, as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
