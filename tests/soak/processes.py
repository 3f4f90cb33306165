"""What the town's processes take: memory, descriptors, threads, by each life of a process."""

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WARM_S = 20.0
MEMORY_GROWTH_MAX = 1.3
MEMORY_SLACK_BYTES = 24 << 20
COURIER_GROWTH_MAX_BYTES = 8 << 20
"""A courier holds nothing: what it needs does not depend on what happened."""
CREEP_MAX_BYTES = (1 << 20) / 20
"""How much more a courier may take with each fault, in the long run."""
CREEP_LOOKS = 16
"""As many must lie in the later half of a life. In the earlier one every path is walked for the
first time, and heaps find their size."""
DESCRIPTORS_SLACK = 24
THREADS_SLACK = 12


@dataclass(frozen=True, slots=True)
class Sample:
    at: float
    memory_bytes: int
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    """Raises `OSError` when it is gone."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return Sample(
        at=time.monotonic(),
        memory_bytes=int(fields["VmRSS"].split()[0]) * 1024,
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=int(fields["Threads"]),
    )


def used_cpu_s(pid: int) -> float:
    """How much of the processor it has had in its life: on a busy machine a fairer measure of a
    start than the time it took. Raises `OSError` when it is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def started(pid: int) -> float:
    """How many seconds ago a process began."""
    ticks = float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return float(Path("/proc/uptime").read_text().split()[0]) - ticks / 100


class Lives:
    """Samples of each process; the first one after warming up is what later ones are held to."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int], list[Sample]] = {}

    def look(self, pids: dict[str, int]) -> list[str]:
        """-> what has grown beyond its bounds."""
        wrong = []
        for name, pid in pids.items():
            if started(pid) < WARM_S:
                continue
            now = sample(pid)
            life = self.seen.setdefault((name, pid), [])
            life.append(now)
            first = life[0]
            courier = name.endswith("courier")
            if now.memory_bytes > _memory_max_bytes(first.memory_bytes, courier=courier):
                wrong.append(
                    f"{name}: memory {first.memory_bytes >> 20} -> {now.memory_bytes >> 20} MiB"
                )
            if courier and (creep := creep_bytes(life)) > CREEP_MAX_BYTES:
                wrong.append(f"{name}: {creep / 1024:.0f} KiB more with each of {len(life)} faults")
            if now.descriptors > first.descriptors + DESCRIPTORS_SLACK:
                wrong.append(f"{name}: descriptors {first.descriptors} -> {now.descriptors}")
            if now.threads > first.threads + THREADS_SLACK:
                wrong.append(f"{name}: threads {first.threads} -> {now.threads}")
        return wrong

    def longest(self) -> list[str]:
        """For the summary: of each process its longest life."""
        lines = []
        for name in sorted({name for name, _ in self.seen}):
            life = max((s for (n, _), s in self.seen.items() if n == name), key=_length)
            a, b = life[0], life[-1]
            lines.append(
                f"{name}: {_length(life):.0f} s, memory {a.memory_bytes / 2**20:.1f} -> "
                f"{b.memory_bytes / 2**20:.1f} MiB, descriptors {a.descriptors} -> "
                f"{b.descriptors}, threads {a.threads} -> {b.threads}"
            )
        return lines


def creep_bytes(life: Sequence[Sample]) -> float:
    """By how much memory rises from one look to the next in the later half of a life; 0 while there
    are too few to say."""
    steady = [one.memory_bytes for one in life[len(life) // 2 :]]
    if len(steady) < CREEP_LOOKS:
        return 0.0
    return statistics.linear_regression(range(len(steady)), steady).slope


def _memory_max_bytes(first_bytes: int, *, courier: bool) -> float:
    if courier:
        return first_bytes + COURIER_GROWTH_MAX_BYTES
    return first_bytes * MEMORY_GROWTH_MAX + MEMORY_SLACK_BYTES


def _length(life: list[Sample]) -> float:
    return life[-1].at - life[0].at
