"""The pictures since the last key frame, so that a new viewer sees something at once."""

from typing import Generic, TypeVar

from serambi.base.limits import GOP_CACHE_MAX_BYTES, GOP_CACHE_MAX_UNITS

C = TypeVar("C")
U = TypeVar("U")


class GopCache(Generic[C, U]):
    """What one stream sent last, as references: its configuration and its current group of
    pictures. A group that outgrows its bounds is let go; no picture is kept until the next key
    frame."""

    def __init__(
        self, max_bytes: int = GOP_CACHE_MAX_BYTES, max_units: int = GOP_CACHE_MAX_UNITS
    ) -> None:
        self._max_bytes = max_bytes
        self._max_units = max_units
        self.config: C | None = None
        self._units: list[U] = []
        self._size_bytes = 0

    def push_config(self, config: C) -> None:
        """A new configuration: older pictures cannot be decoded with it."""
        self.config = config
        self._drop()

    def push_unit(self, unit: U, size_bytes: int, *, key: bool) -> None:
        if key:
            self._drop()
        elif not self._units:
            return
        self._units.append(unit)
        self._size_bytes += size_bytes
        if len(self._units) > self._max_units or self._size_bytes > self._max_bytes:
            self._drop()

    def content(self) -> tuple[C | U, ...]:
        """Configuration, key frame, the rest; empty before the first configuration."""
        return () if self.config is None else (self.config, *self._units)

    def clear(self) -> None:
        """Forget everything: the stream has ended."""
        self.config = None
        self._drop()

    def _drop(self) -> None:
        self._units = []
        self._size_bytes = 0
