"""A center killed in the middle of an incident: what it had confirmed is there, each thing once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from serambi.center.database import open_database
from serambi.center.desk.desk import READERS
from serambi.center.desk.happenings import Noted
from serambi.center.desk.incidents import fold
from serambi.center.desk.steps import Steps, once

WRITER = """
import sys
from pathlib import Path
from serambi.center.database import open_database
from serambi.center.desk.desk import READERS
from serambi.center.desk.happenings import Noted, Opened
from serambi.center.desk.steps import Draft, Steps, once

steps = Steps(open_database(Path(sys.argv[1]), durable=True), READERS)
opened = Opened(type="fire", title="Api", priority=1)
steps.append([Draft("incident", "i", opened)], 1, None, once("jaga", "open", "open"))
n = 0
while True:
    note = Draft("incident", "i", Noted(text=str(n)))
    steps.append([note], n, None, once("jaga", f"k{n}", n))
    print(n, flush=True)
    n += 1
"""
ENOUGH = 40


def test_what_was_confirmed_outlives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "center.db"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        confirmed = -1
        for line in writer.stdout:
            confirmed = int(line)
            if confirmed == ENOUGH:
                os.kill(writer.pid, signal.SIGKILL)
    engine = open_database(path, durable=True)
    steps = Steps(engine, READERS)
    kept = [entry.said for entry in fold(steps.of("incident", ["i"])).timeline]
    notes = [said.text for said in kept if isinstance(said, Noted)]
    assert confirmed >= ENOUGH
    assert notes == [str(n) for n in range(len(notes))]
    assert len(notes) > confirmed, "what was confirmed is not there"
    for n in range(len(notes)):
        again = steps.seen(once("jaga", f"k{n}", n)) or []
        assert [step.body for step in again] == [Noted(text=str(n))]
    assert steps.seen(once("jaga", f"k{len(notes)}", len(notes))) is None
    engine.dispose()


def test_the_desk_syncs_the_disk_with_each_write(tmp_path: Path) -> None:
    """A power cut cannot be had here; SQLite's promise for it is this setting."""
    levels = []
    for durable in (False, True):
        engine = open_database(tmp_path / "center.db", durable=durable)
        with engine.connect() as connection:
            levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
        engine.dispose()
    normal, full = 1, 2
    assert levels == [normal, full]
