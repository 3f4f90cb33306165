"""The one reply to a Zenoh query, brought from Zenoh's threads to the event loop."""

import asyncio
import contextlib

import zenoh

from serambi.base.errors import Kind, SerambiError

_TEXT_MAX_BYTES = 200


class FirstReply:
    """Give `handler` to a `get`, then wait. Whatever comes after the first reply is ignored."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._answered: asyncio.Future[zenoh.Reply | None] = loop.create_future()

    def handler(self) -> "zenoh.handlers.Callback[zenoh.Reply]":
        return zenoh.handlers.Callback(self._hand_over, self._hand_over)

    def _hand_over(self, reply: zenoh.Reply | None = None) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, reply)

    def _settle(self, reply: zenoh.Reply | None) -> None:
        if not self._answered.done():
            self._answered.set_result(reply)

    async def wait(self) -> zenoh.Reply | None:
        """The reply; None when Zenoh gave up waiting for one."""
        return await self._answered


def content(reply: zenoh.Reply, limit_bytes: int, where: str) -> bytes:
    """What the reply says. Raises UNAVAILABLE for a refusal, with its words, and LIMIT."""
    sample = reply.ok
    if sample is None:
        refusal = reply.err
        why = "no answer" if refusal is None else _text(refusal)
        raise SerambiError(Kind.UNAVAILABLE, why, where=where)
    if len(sample.payload) > limit_bytes:
        raise SerambiError(Kind.LIMIT, "an answer is too large", where=where)
    return bytes(sample.payload.to_bytes())


def _text(refusal: zenoh.ReplyError) -> str:
    """The other end's own words, cut and made harmless."""
    raw = refusal.payload.to_bytes()[:_TEXT_MAX_BYTES]
    return "".join(c for c in raw.decode("utf-8", "replace") if c.isprintable())


def refuse(query: zenoh.Query, text: str) -> None:
    """Answer with a reason instead of a result."""
    with query:
        query.reply_err(text)


def let_go(query: zenoh.Query) -> None:
    """No answer will come, if none did. Whoever still answers in a thread, after a cancellation,
    has it borrowed and lets go of it then: raising here would swallow the cancellation."""
    with contextlib.suppress(RuntimeError):
        query.drop()  # type: ignore[no-untyped-call]


def give(query: zenoh.Query, key: str, raw: bytes) -> None:
    with query:
        query.reply(key, raw)
