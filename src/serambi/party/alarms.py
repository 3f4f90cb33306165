"""What a party's people must hear of: kept in a file, each once."""

import json
import logging
from collections import OrderedDict
from pathlib import Path

from serambi.base.clock import Clock, unix_ms
from serambi.base.limits import WITNESS_ALARMS_KEPT

log = logging.getLogger(__name__)


class Alarms:
    """The newest alarms, in memory and as lines of JSON in the file `alarms`."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._path = folder / "alarms"
        self._clock = clock
        self._known: OrderedDict[str, tuple[int, str]] = OrderedDict()

    def raise_alarm(self, key: str, text: str) -> None:
        """Say `text`, unless an alarm of this `key` is raised already since the start."""
        if key in self._known:
            return
        at_ms = unix_ms(self._clock.now())
        self._known[key] = at_ms, text
        while len(self._known) > WITNESS_ALARMS_KEPT:
            self._known.popitem(last=False)
        log.error("ALARM: %s", text)
        try:
            with self._path.open("a") as file:
                file.write(json.dumps({"at_ms": at_ms, "alarm": text}) + "\n")
        except OSError as error:
            log.error("the alarm cannot be kept: %s", error.strerror)

    def raised(self) -> list[tuple[str, int]]:
        """(key, unix milliseconds), oldest first."""
        return [(key, at_ms) for key, (at_ms, _) in list(self._known.items())]

    def all(self) -> list[tuple[int, str]]:
        """(unix milliseconds, text), oldest first."""
        return list(self._known.values())
