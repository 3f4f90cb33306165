"""What reading and recording a camera costs, beside `ffmpeg -c copy`, one process a camera.

Both sides record the same simulated cameras (1080p25, about 3 Mbps, a key picture every 2 s) to the
same disk, in turns. Ours is the real path: reader, recorder with hashes and index, health; with
`hub` also the way to the live views, while nobody watches. Only the processes under test count.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serambi.sim.bench_loop import bench_loop

from benches._cameras import PASSWORD, USER, Cameras, cameras
from benches._processes import cpu_s, pss_mib
from benches._report import Row, options, report, say

REFERENCE = "ffmpeg -c copy"
_START_S = 60.0
_SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure."""

    cameras: int
    engine: str
    transport: str
    hub: bool = False

    @property
    def name(self) -> str:
        more = ", hub" if self.hub else ""
        return f"{self.cameras} cameras, {self.engine}{more}, {self.transport}"


@dataclass(frozen=True, slots=True)
class Cost:
    """Per camera: percent of one core, MiB; packets lost by the recorder."""

    cpu_pct: float
    mib: float
    lost: int


def main() -> int:
    """Run, print, and say whether each case could be measured."""
    parser = options(__doc__ or "")
    parser.add_argument("--cameras", type=int, nargs="*", help="how many, in place of the usual")
    parser.add_argument("--transport", choices=("tcp", "udp"), nargs="*")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each side")
    chosen = parser.parse_args()
    if shutil.which("ffmpeg") is None:
        sys.stderr.write("ffmpeg is not installed: there is nothing to compare with\n")
        return 1
    loop = bench_loop()
    rows: list[Row] = []
    for count in chosen.cameras or ([10, 50, 100, 200] if chosen.full else [10, 100]):
        for transport in chosen.transport or (["tcp", "udp"] if chosen.full else ["tcp"]):
            rows += _compare(count, transport, loop, chosen)
    report("ingest", rows, as_json=chosen.json)
    return 0


def _compare(count: int, transport: str, loop: Path, chosen: argparse.Namespace) -> list[Row]:
    """Each case in turns with the reference, over the same cameras."""
    seconds = chosen.seconds or (15.0 if chosen.full else 7.0)
    own = Case(count, "own", transport)
    once = [Case(count, "own", transport, hub=True)]
    if transport == "tcp" and (chosen.full or count >= 100):
        once.append(Case(count, "pyav", transport))
    theirs, costs = list[Cost](), {own: list[Cost]()}
    with cameras(count, loop) as served:
        for _ in range(chosen.rounds):
            theirs.append(_measure(_ffmpegs(served, count, transport), served, count, seconds))
            costs[own].append(_measure(_recorder(served, own), served, count, seconds))
        for case in once:
            costs[case] = [_measure(_recorder(served, case), served, count, seconds)]
    rows = []
    for case, found in costs.items():
        more: dict[str, Any] = {
            "cameras": case.cameras,
            "engine": case.engine,
            "transport": case.transport,
            "hub": case.hub,
        }
        for unit, attribute in (("cpu_pct_per_camera", "cpu_pct"), ("mib_per_camera", "mib")):
            ours, reference = (_mean(side, attribute) for side in (found, theirs))
            rows.append(Row(case.name, ours, unit, REFERENCE, reference, more))
        lost = sum(cost.lost for cost in found)
        rows.append(Row(case.name, lost, "lost_packets", more=more))
    return rows


def _mean(costs: list[Cost], attribute: str) -> float:
    return sum(float(getattr(cost, attribute)) for cost in costs) / len(costs)


def _measure(side: "Any", served: Cameras, count: int, seconds: float) -> Cost:
    lost_before = served.lost()
    with side as running:
        time.sleep(_SETTLE_S)
        began, cpu = time.monotonic(), cpu_s(running.pids)
        time.sleep(seconds)
        used = (cpu_s(running.pids) - cpu) / (time.monotonic() - began)
        mib = pss_mib(running.pids)
    lost = max(0, running.lost - (served.lost() - lost_before))
    cost = Cost(100 * used / count, mib / count, lost)
    say(f"{running.name}: {cost.cpu_pct:.3f} % a camera, {cost.mib:.2f} MiB, lost {cost.lost}")
    return cost


class _Running:
    def __init__(self, name: str, pids: list[int]) -> None:
        self.name = name
        self.pids = pids
        self.lost = 0


@contextmanager
def _recorder(served: Cameras, case: Case) -> Iterator[_Running]:
    with tempfile.TemporaryDirectory(prefix="ingest") as folder:
        settings = {
            "urls": [served.url(number) for number in range(case.cameras)],
            "engine": case.engine,
            "transport": case.transport,
            "hub": case.hub,
            "folder": folder,
        }
        command = [sys.executable, "-m", "benches._recorder", json.dumps(settings)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{case.name}: the recorder did not get every camera")
            running = _Running(case.name, [process.pid])
            yield running
            found = json.loads(process.communicate()[0])
            running.lost = found["lost"]
            if found["engines"] != [case.engine] or found["connections"] != case.cameras:
                raise RuntimeError(f"{case.name}: not what was to be measured: {found}")
        finally:
            process.kill()
            process.communicate()


@contextmanager
def _ffmpegs(served: Cameras, count: int, transport: str) -> Iterator[_Running]:
    with tempfile.TemporaryDirectory(prefix="ingest") as folder:
        processes = [
            subprocess.Popen(_ffmpeg(served, number, transport, folder)) for number in range(count)
        ]
        try:
            _await_files(folder, count)
            yield _Running(f"{count} cameras, {REFERENCE}, {transport}", [p.pid for p in processes])
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def _ffmpeg(served: Cameras, number: int, transport: str, folder: str) -> list[str]:
    url = served.url(number, f"{USER}:{PASSWORD}@")
    command = f"ffmpeg -nostdin -loglevel fatal -rtsp_transport {transport} -i {url} -an -c copy"
    command += " -f segment -segment_time 60 -segment_format mp4 -segment_format_options"
    command += " movflags=+frag_keyframe+empty_moov+default_base_moof"
    return [*command.split(), f"{folder}/c{number}-%d.mp4"]


def _await_files(folder: str, count: int) -> None:
    deadline = time.monotonic() + _START_S
    while sum(path.stat().st_size > 100_000 for path in Path(folder).iterdir()) < count:
        if time.monotonic() > deadline:
            raise RuntimeError("not every ffmpeg began to write")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
