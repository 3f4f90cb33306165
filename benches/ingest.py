"""What reading and recording a camera costs, beside `ffmpeg -c copy`, one process a camera.

Both sides record the same simulated cameras (1080p25, about 3 Mbps, a key picture every 2 s) to the
same disk at the same time, so that what else the machine does burdens both alike. Ours is the real
path: reader, recorder with hashes and index, health; with `hub` also the way to the live views,
while nobody watches. Only the processes under test count, over `--rounds` windows.
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

from benches._cameras import PASSWORD, USER, Cameras, cameras
from benches._processes import cpu_s, pss_mib
from benches._report import Row, options, report, say
from serambi.sim.bench_loop import bench_loop

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


class _Running:
    """One side at work. `lost` is known once it has ended."""

    def __init__(self, name: str, pids: list[int]) -> None:
        self.name = name
        self.pids = pids
        self.cpu_s = 0.0
        self.mib = 0.0
        self.lost = 0


def main() -> int:
    """Run, print, and say whether each case could be measured."""
    parser = options(__doc__ or "")
    parser.add_argument("--cameras", type=int, nargs="*", help="how many, in place of the usual")
    parser.add_argument("--transport", choices=("tcp", "udp"), nargs="*")
    parser.add_argument("--seconds", type=float, help="of each window")
    parser.add_argument("--rounds", type=int, default=2, help="windows of each case")
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
    """Each case beside the reference, over the same cameras."""
    cases = [Case(count, "own", transport), Case(count, "own", transport, hub=True)]
    if transport == "tcp" and (chosen.full or count >= 100):
        cases.append(Case(count, "pyav", transport))
    seconds = chosen.seconds or (10.0 if chosen.full else 6.0)
    rows = list[Row]()
    with cameras(count, loop) as served, _ffmpegs(served, count, transport) as theirs:
        for case in cases:
            lost_before = served.lost()
            with _recorder(served, case) as ours:
                used_s = sum(_window(seconds, (ours, theirs)) for _ in range(chosen.rounds))
                for side in (ours, theirs):
                    side.mib = pss_mib(side.pids)
            ours.lost = max(0, ours.lost - (served.lost() - lost_before))
            rows += _rows(case, ours, theirs, used_s)
    return rows


def _window(seconds: float, sides: tuple[_Running, ...]) -> float:
    """Let them work and add up what they use; returns how long it took."""
    time.sleep(_SETTLE_S)
    began, before = time.monotonic(), [cpu_s(side.pids) for side in sides]
    time.sleep(seconds)
    for side, used in zip(sides, before, strict=True):
        side.cpu_s += cpu_s(side.pids) - used
    return time.monotonic() - began


def _rows(case: Case, ours: _Running, theirs: _Running, used_s: float) -> list[Row]:
    more: dict[str, Any] = {
        "cameras": case.cameras,
        "engine": case.engine,
        "transport": case.transport,
        "hub": case.hub,
    }
    cpu, reference = (100 * side.cpu_s / used_s / case.cameras for side in (ours, theirs))
    mib, their_mib = (side.mib / case.cameras for side in (ours, theirs))
    theirs.cpu_s = 0.0
    say(f"{case.name}: {cpu:.3f} % a camera beside {reference:.3f} %, lost {ours.lost}")
    return [
        Row(case.name, cpu, "cpu_pct_per_camera", REFERENCE, reference, more),
        Row(case.name, mib, "mib_per_camera", REFERENCE, their_mib, more),
        Row(case.name, ours.lost, "lost_packets", more=more),
    ]


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
