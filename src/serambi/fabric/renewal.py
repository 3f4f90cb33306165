"""Notices that certificates were renewed: they live for a day, and a session for as long."""

import asyncio
import os

from serambi.fabric.port import TlsFiles

LOOK_EVERY_S = 1.0
_SETTLED_S = 0.2


class Renewal:
    """Remembers what the files were when a session was opened with them."""

    def __init__(self, tls: TlsFiles, look_every_s: float = LOOK_EVERY_S) -> None:
        self._tls = tls
        self._look_every_s = look_every_s
        self._opened_with = self._look()

    async def wait(self) -> None:
        """Return once the files differ from those at the start and have come to rest."""
        while True:
            await asyncio.sleep(self._look_every_s)
            now = self._look()
            if now == self._opened_with or None in now:
                continue
            # Certificate and key are two files: never open between the one and the other.
            await asyncio.sleep(_SETTLED_S)
            if self._look() == now:
                return

    def _look(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(str(path)) for path in (self._tls.ca, self._tls.cert, self._tls.key))


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_ino, seen.st_size
