"""One session with the center, what is declared on it, and how it is closed."""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import zenoh

from serambi.base.errors import Kind, SerambiError
from serambi.fabric import profile
from serambi.fabric.blocking import within
from serambi.fabric.flow import Flow

log = logging.getLogger(__name__)


@dataclass(slots=True)
class OpenSession:
    """A courier's open session: a new one begins with nothing declared and nothing on its way."""

    site: str
    session: zenoh.Session
    flow: Flow
    publishers: dict[str, zenoh.Publisher] = field(default_factory=dict)
    # Zenoh withdraws a token or queryable that nobody holds.
    held: list[object] = field(default_factory=list)

    def put(
        self,
        key: str,
        priority: zenoh.Priority,
        raw: bytes,
        wanted: Callable[[], bool] = lambda: True,
    ) -> bool:
        """In a lane's thread: hand on to Zenoh if still `wanted`; True when somebody is known to
        subscribe. Raises LIMIT."""
        try:
            publisher = self.publishers.get(key)
            if publisher is None:
                publisher = self._declare(key, priority)
            if not wanted():
                return False
            # Zenoh itself sends nothing that nobody subscribes to.
            publisher.put(raw)
            return _matching(publisher)
        except zenoh.ZError as error:
            # The session is being closed or the link is gone: DROP means exactly this.
            log.debug("not sent: %s", error)
            return False

    def _declare(self, key: str, priority: zenoh.Priority) -> zenoh.Publisher:
        if len(self.publishers) >= profile.PUBLISHERS_MAX:
            raise SerambiError(
                Kind.LIMIT,
                f"more than {profile.PUBLISHERS_MAX} streams",
                where=f"site {self.site}",
                hint="restart the courier, or give this site fewer cameras",
            )
        publisher = self.session.declare_publisher(
            key, congestion_control=zenoh.CongestionControl.DROP, priority=priority
        )
        self.publishers[key] = publisher
        _wait_for_subscriber(publisher)
        return publisher


def _matching(publisher: zenoh.Publisher) -> bool:
    # The stub says bool, the library gives an object that is always true.
    return bool(publisher.matching_status.matching)  # type: ignore[attr-defined]


def _wait_for_subscriber(publisher: zenoh.Publisher) -> None:
    """What a fresh publisher sends may overtake its own declaration, over TLS on another link,
    and is then lost: configuration and first pictures. That a subscriber is known means that the
    center knows the publisher."""
    deadline_s = time.monotonic() + profile.DECLARE_LIMIT_S
    while not _matching(publisher) and time.monotonic() < deadline_s:
        time.sleep(profile.DECLARE_LOOK_S)


def shut(session: zenoh.Session) -> None:
    session.close()  # type: ignore[no-untyped-call]


async def close(session: zenoh.Session) -> None:
    """Close with a time limit; what does not close in time dies with the process."""
    with contextlib.suppress(SerambiError, zenoh.ZError):
        await within(profile.CLOSE_LIMIT_S, lambda: shut(session), "closing the session")
