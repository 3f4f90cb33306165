"""Notices a link that stands and carries nothing.

A center that stood still for longer than Zenoh's lease can take the courier's new link for one
more of its old ones; what comes over it then is thrown away as late, until the session ends.
"""

import asyncio
from collections.abc import Awaitable, Callable

from serambi.fabric import profile


async def until_deaf(
    connected: Callable[[], bool], answered: Callable[[], Awaitable[bool]]
) -> None:
    """Ask every `profile.HEAR_EVERY_S`; return when `profile.DEAF_AFTER` questions in a row had no
    answer, though the link stood each time."""
    unanswered = 0
    while unanswered < profile.DEAF_AFTER:
        await asyncio.sleep(profile.HEAR_EVERY_S)
        unanswered = unanswered + 1 if connected() and not await answered() else 0
