"""The pictures since the last key frame, so that a new viewer sees something at once."""

from serambi.base.limits import GOP_CACHE_MAX_BYTES, GOP_CACHE_MAX_UNITS


class GopCache:
    """Messages of one stream: its configuration and its current group of pictures. A group that
    outgrows its bounds is let go; the cache is then empty until the next key frame."""

    def __init__(
        self, max_bytes: int = GOP_CACHE_MAX_BYTES, max_units: int = GOP_CACHE_MAX_UNITS
    ) -> None:
        self._max_bytes = max_bytes
        self._max_units = max_units
        self._config: bytes | None = None
        self._units: list[bytes] = []
        self._size_bytes = 0

    def push_config(self, message: bytes) -> None:
        """A new configuration: older pictures cannot be decoded with it."""
        self._config = message
        self._drop()

    def push_unit(self, message: bytes, *, key: bool) -> None:
        if key:
            self._drop()
        elif not self._units:
            return
        self._units.append(message)
        self._size_bytes += len(message)
        if len(self._units) > self._max_units or self._size_bytes > self._max_bytes:
            self._drop()

    def messages(self) -> tuple[bytes, ...]:
        """Configuration, key frame, the rest; empty before the first configuration."""
        return () if self._config is None else (self._config, *self._units)

    def clear(self) -> None:
        """Forget everything: the stream has ended."""
        self._config = None
        self._drop()

    def _drop(self) -> None:
        self._units = []
        self._size_bytes = 0
