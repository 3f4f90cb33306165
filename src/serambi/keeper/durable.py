"""What the keeper must remember through a restart: the owner's stops, the clock's high-water
mark, the salt that hides names of never-agreed cameras. One small file, replaced atomically."""

import secrets
import threading
from pathlib import Path

import msgspec

from serambi.base.errors import SerambiError
from serambi.base.kept import StateFile

DURABLE_FILE = "durable.json"
_MAX_BYTES = 1024 * 1024
SITE = "*"
"""The key under which a stop of the whole site is kept."""


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    salt: str
    clock_high_water_ms: int
    stops_ms: dict[str, int]


class Durable:
    """The file `durable.json`. A file that cannot be read refuses to start: doubt is not shared.

    Any thread may use it. What a full disk refuses raises UNAVAILABLE.
    """

    def __init__(self, folder: Path) -> None:
        self._file = StateFile(
            folder / DURABLE_FILE, _Kept, what="what the owner has stopped", max_bytes=_MAX_BYTES
        )
        self.refused = False
        self._memory = threading.Lock()
        self._disk = threading.Lock()
        found = self._file.read()
        self._kept = found or _Kept(1, secrets.token_hex(16), 0, {})
        if found is None:
            self._write(self._kept)
        self._written = self._kept

    def _write(self, kept: _Kept) -> None:
        try:
            self._file.write(kept)
        except SerambiError:
            self.refused = True
            raise
        self._written = kept
        self.refused = False

    def save(self) -> None:
        """Write what is in memory, unless the file says it already."""
        with self._disk:
            kept = self._kept
            if kept is not self._written:
                self._write(kept)

    @property
    def salt(self) -> bytes:
        return bytes.fromhex(self._kept.salt)

    @property
    def clock_high_water(self) -> float:
        """The latest date ever seen, unix seconds."""
        return self._kept.clock_high_water_ms / 1000

    def see_clock(self, now: float) -> None:
        """Raise the high-water mark in memory; it never falls. `save` makes it durable."""
        with self._memory:
            if int(now * 1000) > self._kept.clock_high_water_ms:
                self._kept = msgspec.structs.replace(
                    self._kept, clock_high_water_ms=int(now * 1000)
                )

    def saw_clock(self, now: float) -> None:
        """`see_clock`, durable on return."""
        self.see_clock(now)
        self.save()

    def forget_clock(self, now: float) -> None:
        """The latest date seen is `now`, whatever was seen before; durable on return."""
        with self._memory:
            self._kept = msgspec.structs.replace(self._kept, clock_high_water_ms=int(now * 1000))
        self.save()

    @property
    def stops(self) -> dict[str, float]:
        """Camera id (or `SITE`) -> unix seconds since when the owner has stopped it."""
        return {key: at / 1000 for key, at in self._kept.stops_ms.items()}

    def hold(self, key: str, now: float) -> None:
        """Stop in memory, at once; stopping again keeps the first time. `save` keeps it."""
        with self._memory:
            if key not in self._kept.stops_ms:
                stops_ms = self._kept.stops_ms | {key: int(now * 1000)}
                self._kept = msgspec.structs.replace(self._kept, stops_ms=stops_ms)

    def stop(self, key: str, now: float) -> None:
        """`hold`, durable on return. It holds even when this raises."""
        self.hold(key, now)
        self.save()

    def resume(self, key: str) -> None:
        """Lift one camera's stop, or with `SITE` every stop there is: on the disk first, so that
        what raises here has lifted nothing."""
        with self._disk, self._memory:
            stops_ms = {k: at for k, at in self._kept.stops_ms.items() if SITE != key != k}
            if stops_ms != self._kept.stops_ms:
                resumed = msgspec.structs.replace(self._kept, stops_ms=stops_ms)
                self._write(resumed)
                self._kept = resumed
