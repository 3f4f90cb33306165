"""Supervision: the one place where a broad `except` is right."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from serambi.base.errors import SerambiError
from serambi.base.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S

log = logging.getLogger(__name__)


async def keep_running(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` for ever: a crash is logged and followed by a new start after a backoff.

    Ends only when cancelled. Run it inside a `TaskGroup`.
    """
    wait_s = BACKOFF_FIRST_S
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        try:
            await work()
        except SerambiError as error:
            log.warning("%s stopped: %s", name, error)
        except Exception:
            log.exception("%s crashed", name)
        if loop.time() - started > BACKOFF_MAX_S:
            wait_s = BACKOFF_FIRST_S
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 2, BACKOFF_MAX_S)
