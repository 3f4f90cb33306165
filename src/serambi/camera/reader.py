"""One thread for one stream: connects, passes on what comes, and tries again, patiently. For
sources that block; the own reader needs no thread for each stream (rtsp/shard.py)."""

import logging
import random
import threading
from collections.abc import Callable

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.base.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S
from serambi.camera.health import Health, HealthMeter
from serambi.camera.source import Source
from serambi.media.access_unit import AccessUnit, VideoConfig

log = logging.getLogger(__name__)

OnItem = Callable[[VideoConfig | AccessUnit | None], None]
"""Called in the reader's thread: configuration, units, and None when a connection has ended."""

_JOIN_S = 1.0


class CameraReader:
    """Reads `source` until stopped. `name` (camera/stream) is what log lines say. `give_up` is
    asked after each connection whether to leave it at that, and then does what follows."""

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        on_item: OnItem,
        clock: Clock,
        meter: HealthMeter | None = None,
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._source = source
        self._name = name
        self._on_item = on_item
        self._meter = meter or HealthMeter(clock, source.engine)
        self._give_up = give_up
        self._stop = threading.Event()
        # A thread that hangs in a dead camera must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; `join` waits for it."""
        self._stop.set()

    def join(self, timeout_s: float = _JOIN_S) -> bool:
        """Whether the thread has ended within `timeout_s`."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def health(self) -> Health:
        return self._meter.snapshot()

    def _run(self) -> None:
        wait_s = BACKOFF_FIRST_S
        while not self._stop.is_set():
            began = self._meter.connections
            try:
                self._source.run(self._take, self._stop)
            except SerambiError as error:
                self._fail(str(error))
            except Exception:  # a supervised thread: one camera must not end the others
                log.exception("%s: the reader crashed", self._name)
                self._fail("the reader crashed; see the log")
            else:
                self._fail("the connection was closed")
            self._tell_end()
            if not self._stop.is_set() and self._give_up():
                return
            if self._meter.connections > began:
                wait_s = BACKOFF_FIRST_S
            # Many cameras behind one switch come back together: spread their attempts.
            self._stop.wait(wait_s * random.uniform(0.8, 1.2))
            wait_s = min(wait_s * 2, BACKOFF_MAX_S)

    def _tell_end(self) -> None:
        try:
            self._on_item(None)
        except SerambiError as error:
            self._fail(str(error))
        except Exception as error:  # a supervised thread
            log.exception("%s: the reader crashed at the end of a connection", self._name)
            self._fail(f"the reader crashed ({type(error).__name__}); see the log")

    def _take(self, item: VideoConfig | AccessUnit) -> None:
        if self._stop.is_set():
            return  # whoever stopped the reader may have closed what items go to
        self._on_item(item)
        if isinstance(item, AccessUnit):
            self._meter.saw(item, self._source.lost_packets)

    def _fail(self, error: str) -> None:
        if not self._stop.is_set():
            log.warning("%s: %s", self._name, error)
        self._meter.failed(error)
