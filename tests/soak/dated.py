"""`python -m tests.soak.dated FILE COMMAND ...` is `serambi COMMAND ...` with a date that is off by
as many seconds as FILE says, whenever it says so."""

import runpy
import sys
import time
from pathlib import Path

_LOOK_EVERY_S = 0.2


def put_off(file: Path) -> None:
    """Every reading of the date in this process from now on."""
    true_ns, monotonic = time.time_ns, time.monotonic
    looked, off_ns = -1.0, 0

    def time_ns() -> int:
        nonlocal looked, off_ns
        if monotonic() - looked > _LOOK_EVERY_S:
            looked, off_ns = monotonic(), round(float(file.read_text()) * 1e9)
        return true_ns() + off_ns

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9


if __name__ == "__main__":
    put_off(Path(sys.argv[1]))
    sys.argv = ["serambi", *sys.argv[2:]]
    runpy.run_module("serambi", run_name="__main__", alter_sys=True)
