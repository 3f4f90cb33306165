"""Another date for one process: libfaketime, told by a file that can change at any time."""

from collections.abc import Sequence
from pathlib import Path

_PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")


def library() -> Path | None:
    for pattern in _PLACES:
        for found in Path("/").glob(pattern.lstrip("/")):
            return found
    return None


def missing() -> str:
    """Why no process can have another date here; empty when it can."""
    return "" if library() else "libfaketime is not installed (Debian: apt-get install faketime)"


class Dates:
    """The date that a process started by `command` sees. Only the date: durations are true."""

    seen_within_s = 1.5

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0.0)

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` with another date."""
        settings = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            "NO_FAKE_STAT": "1",
        }
        return ["env", *(f"{name}={value}" for name, value in settings.items()), *argv]

    def set(self, offset_s: float) -> None:
        """From about now on the date is `offset_s` ahead of the machine's."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{offset_s:+.1f}\n")
        beside.replace(self._file)
