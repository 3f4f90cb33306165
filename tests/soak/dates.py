"""Another date for one process. It is started by `dated.py`, which puts a clock of its own under
everything that runs there and looks into a file for how far it is off. (libfaketime, which does
this for any program, makes short sleeps fail in Python.)"""

import sys
from collections.abc import Sequence
from pathlib import Path


class Dates:
    """The date that a process started by `command` sees. Only the date: durations are true."""

    seen_within_s = 0.5

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0.0)

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv`, which is `python -m serambi ...`, with another date."""
        python, _, program, *rest = argv
        assert (python, program) == (sys.executable, "serambi")
        return [python, "-m", "tests.soak.dated", str(self._file), *rest]

    def set(self, offset_s: float) -> None:
        """From about now on the date is `offset_s` ahead of the machine's."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{offset_s:+.3f}\n")
        beside.replace(self._file)
