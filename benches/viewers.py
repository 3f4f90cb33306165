"""What a viewer costs: CPU at the center, plain and with TLS; streams a core through the fabric;
bytes on the trunk for no, one and twenty viewers of one camera.

Real processes, main streams of 3 Mbps. The cost of a viewer is the center's CPU time with many
viewers less that with one for each stream, by the bytes that reached the others; beside it stands
one asyncio process that copies blocks of the same size to as many connections and does nothing
else, measured right after. The cost of a stream is the CPU time of courier and center with each
camera watched by one viewer, less that with none watched. The trunk is counted in a network of its
own (root only), IP headers included, less what the idle site says.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benches import _trunk
from benches._report import Row, options, report, say
from benches._town import SITE, BenchTown, bench_town
from tests.fakes.network import Network, missing

_RATE_BPS = 3_000_000
_BLOCK_BYTES = _RATE_BPS // 8 // 25
_SETTLE_S = 2.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(process: "subprocess.Popen[bytes]") -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def load(processes: Sequence["subprocess.Popen[bytes]"], duration_s: float) -> float:
    """CPU seconds a second that they take together."""
    began, before = time.monotonic(), sum(cpu_s(each) for each in processes)
    time.sleep(duration_s)
    return (sum(cpu_s(each) for each in processes) - before) / (time.monotonic() - began)


@contextmanager
def running(tls: bool, cameras: int) -> Iterator[BenchTown]:
    with (
        tempfile.TemporaryDirectory() as folder,
        bench_town(Path(folder), cameras=cameras, tls=tls) as town,
    ):
        town.agree(time.time() + 86_400)
        time.sleep(_SETTLE_S)
        yield town


def viewer_cost(town: BenchTown, count: int, duration_s: float) -> float:
    """Percent of a core for one more viewer of 3 Mbps. The streams are watched already."""
    center = town.processes["center"]
    alone, alone_bps = load([center], duration_s), _trunk.rate_bps(town.hub, 1)
    town.watch(["quick"] * count, cameras=2)
    time.sleep(_SETTLE_S)
    both, both_bps = load([center], duration_s), _trunk.rate_bps(town.hub, 1)
    return (both - alone) / (both_bps - alone_bps) * _RATE_BPS * 100


def copy_cost(town: BenchTown, count: int, duration_s: float) -> float:
    """The same of a process that only copies."""
    tls = town.layout.center / "tls"
    pair = [str(tls / "cert.pem"), str(tls / "key.pem")] if town.trust else []
    argv = [sys.executable, "-m", "benches._copy", str(_BLOCK_BYTES), *pair]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the process has no pipes")
        port = int(process.stdout.readline())
        town.hub.ask(do="leave")
        viewers = [("copy", "quick")] * count
        town.hub.ask(do="join", port=port, token="", viewers=viewers, trust=town.trust)
        time.sleep(_SETTLE_S)
        used, sent_bps = load([process], duration_s), _trunk.rate_bps(town.hub, 1)
        town.hub.ask(do="leave")
        return used / sent_bps * _RATE_BPS * 100
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(5)


def viewer_row(town: BenchTown, count: int, duration_s: float) -> Row:
    ours = viewer_cost(town, count, duration_s)
    theirs = copy_cost(town, count, duration_s)
    return Row(
        f"a viewer of 3 Mbps, {'TLS' if town.trust else 'plain'}",
        ours,
        "% of a core",
        "a process that only copies",
        theirs,
        {"viewers": count, "viewers_a_core": round(100 / ours)},
    )


def stream_row(town: BenchTown, duration_s: float) -> Row:
    """Leaves each camera watched by one viewer."""
    way = [town.processes[f"{SITE}-courier"], town.processes["center"]]
    idle = load(way, duration_s)
    town.watch(["quick"] * len(town.cameras))
    time.sleep(_SETTLE_S)
    busy = load(way, duration_s)
    each = (busy - idle) / len(town.cameras)
    return Row(
        "streams a core, courier and center together",
        1 / each,
        "streams",
        more={"streams": len(town.cameras), "percent_each": round(each * 100, 2)},
    )


def trunk_rows(duration_s: float) -> list[Row]:
    if reason := missing():
        say(f"the trunk is left out: {reason}")
        return []
    net = Network()
    try:
        with tempfile.TemporaryDirectory() as folder, bench_town(Path(folder), net) as town:
            town.agree(time.time() + 86_400)
            return _trunk.trunk_rows(town, net, duration_s)
    finally:
        net.close()


def main(argv: list[str]) -> None:
    chosen = options("What a viewer and a stream cost.").parse_args(argv)
    duration_s, cameras, count = (20.0, 12, 150) if chosen.full else (6.0, 6, 80)
    rows = []
    with running(tls=False, cameras=cameras) as town:
        stream = stream_row(town, duration_s)
        rows.append(viewer_row(town, count, duration_s))
    say("plain viewers and streams are measured")
    with running(tls=True, cameras=2) as town:
        town.watch(["quick"] * 2)
        time.sleep(_SETTLE_S)
        rows.append(viewer_row(town, count, duration_s))
    say("viewers with TLS are measured")
    rows += [stream, *trunk_rows(duration_s)]
    report("viewers", rows, as_json=chosen.json)


if __name__ == "__main__":
    main(sys.argv[1:])
