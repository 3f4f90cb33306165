"""What the keeper must remember through a restart: the owner's stops, the clock's high-water
mark, the salt that hides names of never-agreed cameras. One small file, replaced atomically."""

import secrets
from pathlib import Path

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.files import write_atomically

_MAX_BYTES = 1024 * 1024
SITE = "*"
"""The key under which a stop of the whole site is kept."""


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    salt: str
    clock_high_water_ms: int
    stops_ms: dict[str, int]


class Durable:
    """The file `durable.json`. A file that cannot be read refuses to start: doubt is not shared."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "durable.json"
        if self._path.exists():
            self._kept = decode(
                _Kept, self._path.read_bytes(), what=str(self._path), max_bytes=_MAX_BYTES
            )
        else:
            self._kept = _Kept(1, secrets.token_hex(16), 0, {})
            self._write()

    def _write(self) -> None:
        write_atomically(self._path, encode(self._kept), mode=0o600)

    @property
    def salt(self) -> bytes:
        return bytes.fromhex(self._kept.salt)

    @property
    def clock_high_water(self) -> float:
        """The latest date ever seen, unix seconds."""
        return self._kept.clock_high_water_ms / 1000

    def saw_clock(self, now: float) -> None:
        """Keep the high-water mark; it only rises."""
        if now > self.clock_high_water:
            self._kept = msgspec.structs.replace(self._kept, clock_high_water_ms=int(now * 1000))
            self._write()

    @property
    def stops(self) -> dict[str, float]:
        """Camera id (or `SITE`) -> unix seconds since when the owner has stopped it."""
        return {key: at / 1000 for key, at in self._kept.stops_ms.items()}

    def stop(self, key: str, now: float) -> None:
        """Durable on return; stopping again keeps the first time."""
        if key not in self._kept.stops_ms:
            self._set(self._kept.stops_ms | {key: int(now * 1000)})

    def resume(self, key: str) -> None:
        """Lift one camera's stop, or with `SITE` every stop there is."""
        if key == SITE:
            self._set({})
        elif key in self._kept.stops_ms:
            self._set({k: at for k, at in self._kept.stops_ms.items() if k != key})

    def _set(self, stops_ms: dict[str, int]) -> None:
        self._kept = msgspec.structs.replace(self._kept, stops_ms=stops_ms)
        self._write()
