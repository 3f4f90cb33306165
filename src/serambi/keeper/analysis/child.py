"""The analyst: a process of its own that looks at the site's pictures, so that a hard picture or a
crash costs neither recording nor live views.

`python -m serambi.keeper.analysis.child DESCRIPTOR`, started by the keeper (`analyst.py`). It ends
when the keeper's end of the socket pair is gone.
"""

import logging
import os
import socket
import sys
import time

import cv2

from serambi.analytics.engine import EVERY_S
from serambi.base.errors import SerambiError
from serambi.base.limits import ANALYST_TEXT_MAX_CHARACTERS
from serambi.keeper.analysis.messages import (
    Config,
    FromAnalyst,
    Load,
    Trouble,
    Unit,
    Watch,
    for_analyst,
    frame,
    length_of,
)
from serambi.keeper.analysis.station import Station

log = logging.getLogger(__name__)

_NICE = 10
_LOAD_EVERY_S = 2.0
_EVERY_MAX_S = 1.0
_HEAD_BYTES = 4


class Pace:
    """Keeps to a budget of CPU by looking less often, at all cameras alike."""

    def __init__(self, budget_cores: float) -> None:
        self.every_s = EVERY_S
        self._budget = budget_cores

    def used(self, cores: float) -> None:
        """So much was used lately: look more or less often from now on."""
        wanted_s = self.every_s * cores / self._budget
        # Down at once, up step by step: a budget is not to be overrun again and again.
        slower = max(wanted_s, self.every_s * 0.8)
        self.every_s = min(max(slower, EVERY_S), _EVERY_MAX_S)


class Analyst:
    """Answers one message after another; trouble of one camera is no trouble of the others."""

    def __init__(self, budget_cores: float) -> None:
        self.pace = Pace(budget_cores)
        self._stations: dict[str, Station] = {}
        self._pictures = 0
        self._told_s, self._used_s = time.monotonic(), time.process_time()

    def handle(self, raw: bytes) -> list[FromAnalyst]:
        """One message -> answers. Raises `SerambiError` for one that cannot be read at all."""
        message = for_analyst(raw)
        try:
            return self._answers(message) + self._load()
        except SerambiError as error:
            return [Trouble(message.camera, str(error)[:ANALYST_TEXT_MAX_CHARACTERS])]
        except Exception as error:  # supervised: the next picture has its chance
            log.exception("%s: a picture could not be looked at", message.camera)
            return [Trouble(message.camera, f"the analysis crashed: {type(error).__name__}")]

    def _answers(self, message: Watch | Config | Unit) -> list[FromAnalyst]:
        if isinstance(message, Watch):
            self._stations.pop(message.camera, None)
            self._stations[message.camera] = Station(message)
            return []
        station = self._stations.get(message.camera)
        if station is None:
            return []
        if isinstance(message, Config):
            station.configure(message)
            return []
        self._pictures += 1
        return station.take(message, self.pace.every_s)

    def _load(self) -> list[FromAnalyst]:
        now_s = time.monotonic()
        past_s = now_s - self._told_s
        if past_s < _LOAD_EVERY_S:
            return []
        used_s = time.process_time()
        cores = (used_s - self._used_s) / past_s
        self.pace.used(cores)
        load = Load(cores, self.pace.every_s, self._pictures)
        self._told_s, self._used_s, self._pictures = now_s, used_s, 0
        return [load]


def serve(channel: socket.socket, budget_cores: float) -> None:
    """Answer until the other end is gone."""
    analyst = Analyst(budget_cores)
    with channel, channel.makefile("rb", buffering=1 << 18) as incoming:
        while len(head := incoming.read(_HEAD_BYTES)) == _HEAD_BYTES:
            raw = incoming.read(length := length_of(head))
            if len(raw) < length:
                return
            if answers := analyst.handle(raw):
                channel.sendall(b"".join(map(frame, answers)))


def main() -> None:
    logging.basicConfig(level=logging.WARNING, format="analyst: %(message)s")
    cv2.setNumThreads(1)
    os.nice(_NICE)  # recording and live views go first
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.setblocking(True)
    try:
        serve(channel, float(sys.argv[2]))
    except (BrokenPipeError, ConnectionResetError):
        return  # the keeper is gone


if __name__ == "__main__":
    main()
