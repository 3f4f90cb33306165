"""What a process frees goes back to the kernel; and the soak would see if it did not."""

import os
import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.processes import CREEP_LOOKS, CREEP_MAX_BYTES, Sample, creep_bytes

ROOT = Path(__file__).resolve().parents[2]
# One buffer as large as a burst behind a cut; then many that are freed, each with a small one
# behind it that stays, as queues and tables do.
_BURST = """
import sys
from pathlib import Path
from serambi.base.process import keep_memory_flat

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if sys.argv[1] == "flat":
    keep_memory_flat()
burst = b"x" * (16 << 20)
del burst
before = resident_bytes()
large, small = [], []
for _ in range(200):
    large.append(b"x" * (256 << 10))
    small.append(b"x" * 1000)
large.clear()
print(resident_bytes() - before)
"""


def _left_bytes(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _BURST, how],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no glibc here")
def test_buffers_that_were_freed_leave_nothing_behind() -> None:
    assert _left_bytes("usual") > 8 << 20, "what it is good for"
    assert _left_bytes("flat") < 2 << 20


def _life(each_bytes: float) -> list[Sample]:
    """Memory that rises by 6 MiB while heaps find their size, wavers by half a MiB, and rises with
    each look."""
    chance = random.Random(3)
    return [
        Sample(
            at=float(n),
            memory_bytes=(45 << 20)
            + round(n * each_bytes + chance.uniform(-(1 << 18), 1 << 18))
            + min(n, CREEP_LOOKS) * (6 << 20) // CREEP_LOOKS,
            descriptors=20,
            threads=10,
        )
        for n in range(2 * CREEP_LOOKS + 16)
    ]


def test_a_rise_of_one_mib_in_twenty_faults_is_seen() -> None:
    assert creep_bytes(_life(1.2 * CREEP_MAX_BYTES)) > CREEP_MAX_BYTES


def test_memory_that_wavers_is_no_rise() -> None:
    assert abs(creep_bytes(_life(0))) < CREEP_MAX_BYTES / 2
    assert creep_bytes(_life(50 * CREEP_MAX_BYTES)[: 2 * CREEP_LOOKS - 2]) == 0
