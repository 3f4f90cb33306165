"""A writer killed at any moment: what it called durable is there, once, and the check passes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

from serambi.base.clock import SystemClock
from serambi.identity.keys import SigningKey, VerifyKey
from serambi.identity.roster import Roster
from serambi.ledger.store import LedgerStore
from serambi.ledger.verify import verify

ORIGIN = "dishub/simpang-lima/keeper"
WRITER = Path(__file__).parent / "ledger_writer.py"
KILLS = 24


def test_killed_at_random_moments(tmp_path: Path) -> None:
    key = SigningKey.generate()
    (tmp_path / "key").mkdir()
    key.save(tmp_path / "key")
    chance = random.Random(11)
    durable: dict[int, str] = {}

    class Keys:
        parties: tuple[()] = ()

        def log_keys(self, *, use: str, **_: str) -> tuple[VerifyKey, ...]:
            return (key.public,) if use == "gateway" else ()

    for run in range(KILLS):
        printed = run_and_kill(tmp_path, run, chance.randrange(1, 30), chance.random() * 0.02)
        for index, session in printed:
            assert index not in durable
            durable[index] = session
        report = verify(tmp_path / "ledger", cast(Roster, Keys()))
        assert report.ok, report.why
    assert len(durable) >= KILLS
    with LedgerStore.open(tmp_path / "ledger", ORIGIN, key, SystemClock()) as store:
        entries = store.entries(0, store.size)
    sessions = [entry.session for entry in entries]
    assert len(set(sessions)) == len(sessions)
    assert {index: sessions[index] for index in durable} == durable


def run_and_kill(folder: Path, run: int, lines: int, wait_s: float) -> list[tuple[int, str]]:
    """Start the writer, kill it some time after its nth line; returns what it printed."""
    writer = subprocess.Popen(
        [sys.executable, str(WRITER), str(folder / "ledger"), str(folder / "key"), str(run)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        text=True,
    )
    with writer:
        assert writer.stdout is not None
        text = "".join(writer.stdout.readline() for _ in range(lines))
        time.sleep(wait_s)  # only moves the moment of the kill
        writer.send_signal(signal.SIGKILL)
        text += writer.stdout.read()
    assert writer.returncode == -signal.SIGKILL
    whole, _, _ = text.rpartition("\n")
    printed = [line.split() for line in whole.splitlines()]
    assert len(printed) >= lines
    return [(int(index), session) for index, session in printed]
