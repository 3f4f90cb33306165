"""One message on one way: Apprise for mail and telephones, a signed webhook for other systems.

Nothing here remembers or repeats; `reach.py` does.
"""

import asyncio
import hashlib
import hmac
import json
import logging
from dataclasses import dataclass
from typing import Literal

import httpx

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.base.limits import REACH_TIMEOUT_S
from serambi.center.desk.on_call import Way
from serambi.fabric.blocking import within

Why = Literal["refused", "unreachable", "failed"]

_AGAIN = frozenset({408, 425, 429})
"""Answers to a webhook that ask for another try, beside all from 500 on."""


class Undelivered(Exception):
    """`why`: the other side refused it, was not reached, or the service does not say; `final`: the
    same again would end the same."""

    def __init__(self, why: Why, *, final: bool = False) -> None:
        super().__init__(why)
        self.why: Why = why
        self.final = final


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: for people a title and a text; `facts` the same for machines. `key` is equal
    whenever the same thing is told again."""

    key: str
    title: str
    text: str
    facts: dict[str, object]


async def deliver(way: Way, message: Message, clock: Clock) -> None:
    """Returns when the other side has taken it. Raises `Undelivered`."""
    if way.webhook:
        await _post(way, message, clock)
        return
    try:
        taken = await within(REACH_TIMEOUT_S, lambda: _notify(way, message), "a message")
    except SerambiError as error:
        raise Undelivered("unreachable") from error
    if not taken:
        raise Undelivered("failed")


def _notify(way: Way, message: Message) -> bool:
    """Blocks; Apprise's own limits end it. What it logs may quote an address: nobody gets it."""
    import apprise  # large, and most centers never tell anybody

    logging.getLogger("apprise").disabled = True
    told = apprise.Apprise()
    if not told.add(way.apprise):
        raise Undelivered("refused", final=True)
    return bool(told.notify(title=message.title, body=message.text, body_format="text"))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over timestamp, a dot, and the body's very bytes."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


async def _post(way: Way, message: Message, clock: Clock) -> None:
    body = json.dumps(message.facts, ensure_ascii=False).encode()
    timestamp = str(int(clock.now()))
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": message.key,
        "Serambi-Timestamp": timestamp,
        "Serambi-Signature": f"v1={signature(way.secret, timestamp, body)}",
    }
    try:
        async with (
            asyncio.timeout(REACH_TIMEOUT_S),
            httpx.AsyncClient(trust_env=False, timeout=REACH_TIMEOUT_S) as client,
            # The answer's body is nothing to us, however long it is.
            client.stream("POST", way.webhook, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise Undelivered("unreachable") from error
    if not 200 <= status < 300:
        raise Undelivered("refused", final=status < 500 and status not in _AGAIN)
