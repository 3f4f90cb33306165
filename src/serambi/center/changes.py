"""Wakes whoever shows the state, when it has changed."""

import asyncio


class Changes:
    """Numbers that grow with every change, and a way to wait for the next. `number` counts all of
    them, `town` those of sites and cameras."""

    def __init__(self) -> None:
        self.number = 0
        self.town = 0
        self._waiting: set[asyncio.Event] = set()

    def note(self) -> None:
        """Something of sites and cameras that is shown has changed."""
        self.town += 1
        self.note_desk()

    def note_desk(self) -> None:
        """Something at the desk has changed."""
        self.number += 1
        for event in self._waiting:
            event.set()

    async def after(self, number: int, timeout_s: float) -> bool:
        """Wait until there is a change after `number`; False when `timeout_s` passed first."""
        if self.number > number:
            return True
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            # Not `wait_for`: in Python 3.11 it may swallow a cancellation.
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(event)
        return True
