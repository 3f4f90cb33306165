"""Where pictures come from when a thread of its own reads them."""

import threading
from collections.abc import Callable
from typing import Protocol

from serambi.media.access_unit import AccessUnit, VideoConfig

Emit = Callable[[VideoConfig | AccessUnit], None]


class Source(Protocol):
    """One stream of one camera."""

    engine: str
    """What reads it, for health."""

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Connect and emit a configuration, then units beginning with a key frame, until `stop`
        is set. Blocks. Raises `SerambiError` in plain words when the camera fails or ends."""
        ...

    @property
    def lost_packets(self) -> int:
        """Units that arrived damaged or were known to be missing, since the process began."""
        ...


OpenSource = Callable[[str, str, str], Source]
"""(url, user, password) -> a source; injected so that tests need no network."""
