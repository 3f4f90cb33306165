"""How much one address may ask of pages that need no login."""

from collections import OrderedDict

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PUBLIC_ADDRESSES_KEPT, PUBLIC_REQUESTS_PER_MINUTE

_WINDOW_S = 60.0


class RequestLimit:
    """At most PUBLIC_REQUESTS_PER_MINUTE a minute for each address, of which a bounded number is
    remembered. One event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str) -> None:
        """Count one request; raise `LIMIT` when it is one too many."""
        now_s = self._clock.monotonic()
        since_s, count = self._asked.pop(address, (now_s, 0))
        if now_s - since_s >= _WINDOW_S:
            since_s, count = now_s, 0
        self._asked[address] = (since_s, count + 1)
        while len(self._asked) > PUBLIC_ADDRESSES_KEPT:
            self._asked.popitem(last=False)
        if count >= PUBLIC_REQUESTS_PER_MINUTE:
            raise SerambiError(
                Kind.LIMIT,
                "too many requests from this address",
                where="transparency",
                hint=f"try again in {int(_WINDOW_S - (now_s - since_s)) + 1} seconds",
            )
