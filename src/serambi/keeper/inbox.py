"""The folder `inbox`: whatever signed document is put there is read, believed or put aside."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES, INBOX_PATIENCE_S, INBOX_SETTLED_S

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Growing:
    """A file that is not believed and may not have arrived whole."""

    size_bytes: int
    changed_ns: int
    since: float
    first: float


class Inbox:
    """`read` it every second. A file that is still being copied is not refused: what is not
    believed is tried again until it has stopped changing, for a minute at most."""

    def __init__(
        self, folder: Path, accept: Callable[[bytes], Awaitable[object]], clock: Clock
    ) -> None:
        self._folder = folder
        self._accept = accept
        self._clock = clock
        self._growing: dict[str, _Growing] = {}

    async def read(self) -> None:
        """Take what waits, oldest name first. Never raises for a file or the disk."""
        try:
            waiting = self.waiting()
        except OSError as error:
            log.warning("the inbox cannot be read: %s", error)
            return
        names = {path.name for path in waiting}
        self._growing = {name: kept for name, kept in self._growing.items() if name in names}
        for path in waiting:
            try:
                await self._take(path)
            except OSError as error:
                log.warning("%s in the inbox cannot be read: %s", path.name, error)

    async def _take(self, path: Path) -> None:
        found = path.stat()
        if found.st_size > DOCUMENT_MAX_BYTES:
            self.put_aside(path, f"larger than {DOCUMENT_MAX_BYTES} bytes")
            return
        try:
            await self._accept(path.read_bytes())
        except SerambiError as error:
            if error.kind == Kind.UNAVAILABLE:
                log.warning("%s stays in the inbox: %s", path.name, error)
            elif self._is_settled(path.name, found.st_size, found.st_mtime_ns):
                self.put_aside(path, str(error))
            return
        path.unlink(missing_ok=True)

    def _is_settled(self, name: str, size_bytes: int, changed_ns: int) -> bool:
        """Whether a file has not changed for a moment, or has been changing for too long."""
        now = self._clock.monotonic()
        kept = self._growing.setdefault(name, _Growing(size_bytes, changed_ns, now, now))
        if (kept.size_bytes, kept.changed_ns) != (size_bytes, changed_ns):
            kept.size_bytes, kept.changed_ns, kept.since = size_bytes, changed_ns, now
        return now - kept.since >= INBOX_SETTLED_S or now - kept.first >= INBOX_PATIENCE_S

    def waiting(self) -> list[Path]:
        """Files somebody has put into the inbox, oldest name first."""
        found = (path for path in self._folder.iterdir() if path.is_file())
        return sorted(path for path in found if not path.name.startswith("."))

    def put_aside(self, path: Path, why: str) -> None:
        """A file that was not believed moves to `inbox/refused`, with the reason beside it."""
        aside = self._folder / "refused" / path.name
        path.replace(aside)
        # A file may have the longest name there can be; the reason's name must fit too.
        aside.with_name(aside.name[:200] + ".why.txt").write_text(why + "\n", encoding="utf-8")
        log.warning("%s is refused: %s", path.name, why)
