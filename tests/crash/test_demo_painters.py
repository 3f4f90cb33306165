"""A demo that is killed while it paints its pictures leaves nobody painting."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.crash.small_town import alive, wait_until
from tests.crash.test_demo_children import ENVIRONMENT, ROOT


def test_who_paints_ends_with_the_demo(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.painting_parent", str(tmp_path)],
        env=ENVIRONMENT,
        cwd=ROOT,
    ) as process:
        pids: list[int] = []
        try:
            pids = wait_until(lambda: _both(tmp_path), "both paint")
            assert all(alive(pid) for pid in pids)
            process.kill()
            process.wait()
            wait_until(lambda: not any(alive(pid) for pid in pids), "nobody paints")
        finally:
            process.kill()
            for pid in filter(alive, pids):
                os.kill(pid, signal.SIGKILL)


def _both(folder: Path) -> list[int]:
    pids = [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
    return pids if len(pids) == 2 else []
