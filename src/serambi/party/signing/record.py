"""Who of the institution did what at its desk: lines of JSON, appended and never changed.

Other parties hear what the institution says; which person said it stays here.
"""

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DESK_LOG_READ_BYTES


@dataclass(frozen=True, slots=True)
class Act:
    """`what` is `sign`, `refusal`, `remark`, `proposal`, `revoke`, `approve`, `take` or `draft`."""

    at_ms: int
    account: str
    what: str
    paper: str


class Record:
    """The file `desk.log` of a party's folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / "desk.log"
        self._clock = clock
        self._mutex = threading.Lock()

    def add(self, account: str, what: str, paper: str) -> None:
        """Write one line. Raises `UNAVAILABLE` when the disk refuses it: the person is then told
        that what they did is done and stands nowhere."""
        line = {"at_ms": unix_ms(self._clock.now()), "by": account, "act": what, "paper": paper}
        try:
            with self._mutex, self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the desk's record cannot be written: {error.strerror}",
                where=str(self._path),
                hint="free space on the disk",
            ) from error

    def of(self, paper: str) -> list[Act]:
        """What was done with one paper here, oldest first, by the newest part of the file. Lines
        that were torn are left out."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(0, self._path.stat().st_size - DESK_LOG_READ_BYTES))
                lines = file.read(DESK_LOG_READ_BYTES).splitlines()
        except FileNotFoundError:
            return []
        return [act for line in lines if paper.encode() in line for act in _acts(line)]


def _acts(line: bytes) -> list[Act]:
    try:
        said = json.loads(line)
        return [Act(int(said["at_ms"]), str(said["by"]), str(said["act"]), str(said["paper"]))]
    except (ValueError, KeyError, TypeError):
        return []
