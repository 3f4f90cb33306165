"""Waiting on conditions and running services in tests of the fabric."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

LIMIT_S = 15.0


async def eventually(condition: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
    """Return once `condition()` holds; fail with `what` after `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            while not condition():  # noqa: ASYNC110 - any condition, not only ours
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"it never happened: {what}") from None


@asynccontextmanager
async def running(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run services for the length of a block, then cancel them and wait for their end."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
