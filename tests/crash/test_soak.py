"""The soak in its short form: each process killed once, the link cut, the disk full, hostile
input, with everything checked after each. What the machine does not allow is left out and said."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.fakes import network
from tests.soak import disk
from tests.soak.processes import Lives, Sample
from tests.soak.recordings import Row, _order
from tests.soak.town import Sieve

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 170.0
FAULTS = (
    "kill cameras",
    "kill gudang-courier",
    "kill gudang-keeper",
    "hostile input",
    "kill center",
    *(["cut"] if not network.missing() else []),
    *(["full disk, keeper"] if not disk.missing() else []),
)


@pytest.mark.timeout(240)
def test_a_town_stands_each_fault_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.soak", "--seed", "1", "--minutes", "3"]
    command += ["--only", ";".join(FAULTS), "--folder", str(tmp_path / "soak")]
    path = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    # A log of its own, so that nothing is lost when it must be ended.
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command, stdout=log, stderr=log, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}
        ) as soak,
    ):
        try:
            code = soak.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            soak.send_signal(signal.SIGINT)
            code = soak.wait()
        log.seek(0)
        said = log.read()
    assert code == 0, said
    assert said.count(" ok ") == len(FAULTS), said
    assert said.rstrip().endswith("no violation"), said


# The soak is only as good as its checks: each must see what it is there for.


def test_a_secret_that_is_split_between_two_chunks_is_heard() -> None:
    sieve = Sieve({"canary": bytes(range(1, 17))})
    sieve += b"before" + bytes(range(1, 9))
    assert not sieve.found
    sieve += bytes(range(9, 17))
    assert sieve.found == {"canary": b"before" + bytes(range(1, 17))}


def _row(start_s: float, end_s: float) -> Row:
    return Row("a.mp4", int(start_s * 1e6), int(end_s * 1e6), 0, 1, 1, b"")


@pytest.mark.parametrize(
    ("rows", "gaps", "wrong"),
    [
        ([(0, 1), (1, 2)], [], 0),
        ([(0, 1), (5, 6)], [(1, 5)], 0),
        ([(0, 1), (5, 6)], [], 1),
        ([(0, 1), (1, 2), (2, 3)], [(1, 2)], 1),
        ([(0, 2), (1, 3)], [], 1),
        ([(2, 3), (3, 4)], [(0, 1)], 0),
    ],
    ids=["whole", "marked", "unmarked", "marked for nothing", "overlap", "before the first"],
)
def test_holes_and_gaps_must_agree(
    rows: list[tuple[float, float]], gaps: list[tuple[int, int]], wrong: int
) -> None:
    marked = [(a * 1_000_000, b * 1_000_000) for a, b in gaps]
    assert len(list(_order([_row(*row) for row in rows], marked))) == wrong


def test_a_process_that_grows_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    lives = Lives()
    grown = iter(
        (Sample(0, 50 << 20, 20, 5), Sample(1, 52 << 20, 21, 5), Sample(2, 99 << 20, 99, 50))
    )
    monkeypatch.setattr("tests.soak.processes.started", lambda pid: 60.0)
    monkeypatch.setattr("tests.soak.processes.sample", lambda pid: next(grown))
    assert lives.look({"keeper": 1}) == []
    assert lives.look({"keeper": 1}) == []
    assert [line.split()[1] for line in lives.look({"keeper": 1})] == [
        "memory",
        "descriptors",
        "threads",
    ]
    assert "50.0 -> 99.0 MiB" in lives.longest()[0]
