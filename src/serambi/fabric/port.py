"""The narrow port between site and center: all that the rest of the code sees of the fabric.

Nothing here knows Zenoh. Messages are opaque bytes (messages.py says what they mean); who may
see what is decided by the keeper, never here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

CommandHandler = Callable[[bytes], Awaitable[bytes]]
StateHandler = Callable[[str, bytes], None]
PresenceHandler = Callable[[str, bool], None]
FetchHandler = Callable[[str, str, bytes], Awaitable[bytes]]
BatchHandler = Callable[[str, bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of one process: the CA that it trusts, its certificate and its key."""

    ca: Path
    cert: Path
    key: Path


class Watch(Protocol):
    """The messages of one stream, newest kept: a slow reader loses the oldest, counted."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> bytes: ...

    @property
    def dropped(self) -> int:
        """Messages lost because this reader was too slow."""
        ...

    def close(self) -> None:
        """End the iteration. The last watch of a stream ends its flow over the link."""
        ...


class SiteLink(Protocol):
    """The courier's side."""

    async def run(self) -> None:
        """Keep the link up until cancelled; reconnects by itself."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the center is reached now."""
        ...

    async def publish_state(self, raw: bytes) -> None:
        """Send the newest state and keep it for whoever asks. Raises LIMIT when too large."""
        ...

    async def publish_live(self, camera: str, stream: str, message: bytes) -> None:
        """Send one message if somebody watches; may be dropped. Waits while the link is behind.
        Raises LIMIT when too large."""
        ...

    def purge(self, camera: str, stream: str | None) -> None:
        """Take back what has not left of one stream, or of all of a camera; when what has left
        does not arrive soon, end the connection, so that nothing of it can."""
        ...

    async def submit_batch(self, raw: bytes, timeout_s: float) -> bytes:
        """Carry a batch of ledger entries to the center and give its receipt; both are opaque.
        Raises UNAVAILABLE when none came, LIMIT."""
        ...

    def forget_state(self) -> None:
        """The state is no longer known to hold: answer nobody with it."""
        ...


class CenterLink(Protocol):
    """The center's side. All handlers are called on the event loop."""

    async def run(self) -> None:
        """Listen until cancelled. Raises UNAVAILABLE when the addresses cannot be used."""
        ...

    def watch(self, site: str, camera: str, stream: str) -> Watch:
        """Begin to receive a stream. Call it before the command that opens the view."""
        ...

    async def command(self, site: str, raw: bytes, timeout_s: float) -> bytes:
        """Ask the keeper of `site`, give its answer. Raises UNAVAILABLE when none came."""
        ...

    async def fetch(self, site: str, camera: str, session: str, raw: bytes) -> bytes:
        """Ask the keeper of `site` for one window of a playback, behind everything else on the
        link. Raises UNAVAILABLE when none came, with the site's reason if it gave one."""
        ...

    def on_state(self, handler: StateHandler) -> None:
        """`handler(site, raw)` for every state that arrives; the bytes are not yet verified."""
        ...

    def on_batch(self, handler: BatchHandler) -> None:
        """`await handler(site, raw)` for every batch of ledger entries; what it gives is the
        answer. When it raises, the site hears no receipt and sends again. One handler."""
        ...

    def on_presence(self, handler: PresenceHandler) -> None:
        """`handler(site, online)` whenever a courier comes or goes."""
        ...
