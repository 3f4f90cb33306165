"""The one writer at the desk: each write is judged against the state, kept, and only then shown.

Its turn is a queue, so that two people never decide on the same state, and a person who leaves
in the middle of a write leaves nothing half done.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DatabaseError

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ALERTS_AT_ONCE, DESK_QUEUE_WRITES, ENTRIES_OWED
from serambi.center.changes import Changes
from serambi.center.desk.steps import Apply, Draft, Once, Person, Step, Steps, Stream

log = logging.getLogger(__name__)

_AGAIN_S = 1.0

Propose = Callable[[int], Sequence[Draft]]
"""Given unix ms, what is to be written; raises `SerambiError` when it may not be."""


@dataclass(frozen=True, slots=True)
class _Write:
    propose: Propose
    by: Person
    once: Once
    done: "asyncio.Future[list[Step]]"


class Writer:
    """`run` must run. `versions` is the newest step of each stream, for whoever shows it."""

    def __init__(self, steps: Steps, clock: Clock, changes: Changes) -> None:
        self._steps = steps
        self._clock = clock
        self._changes = changes
        self._queue: asyncio.Queue[_Write] = asyncio.Queue(DESK_QUEUE_WRITES)
        self._owed: deque[Propose] = deque(maxlen=ENTRIES_OWED)
        self._wake = asyncio.Event()
        self._apply: dict[Stream, Apply] = {}
        self.versions: dict[Stream, int] = {}
        self.ready = False
        """Set it when the state of before is there: nothing can be judged without it."""

    def folds(self, stream: Stream, apply: Apply) -> None:
        """`apply` is given every step of `stream` once it is kept."""
        self._apply[stream] = apply
        self.versions[stream] = 0

    def restore(self, steps: Sequence[Step]) -> None:
        """What was kept before the start."""
        for step in steps:
            self._apply[step.stream](step)
            self.versions[step.stream] = step.id

    async def write(self, by: Person, once: Once, propose: Propose) -> list[Step]:
        """Return the steps when they are durable; the same ones when `once` was written before.

        Raises what `propose` raises, and `UNAVAILABLE` when the disk does not take it: then
        nothing was written."""
        if not self.ready:
            raise _refused("what happened before cannot be read yet")
        done: asyncio.Future[list[Step]] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Write(propose, by, once, done))
        except asyncio.QueueFull:
            raise SerambiError(
                Kind.UNAVAILABLE, "too much is being written", where="desk", hint="try again"
            ) from None
        self._wake.set()
        return await done

    def note(self, propose: Propose) -> None:
        """What nobody wrote but has happened: kept as soon as the disk takes it."""
        if len(self._owed) == self._owed.maxlen:
            log.error("more happens than the disk takes: the oldest is not kept")
        self._owed.append(propose)
        self._wake.set()

    async def run(self) -> None:
        """Write in turn until cancelled; people go first."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while not self._queue.empty():
                await self._serve(self._queue.get_nowait())
            if self._owed and not await self._pay():
                self._wake.set()
                await asyncio.sleep(_AGAIN_S)

    async def _serve(self, write: _Write) -> None:
        try:
            steps = await asyncio.to_thread(self._steps.seen, write.once)
            if steps is None:
                steps = await self._keep(write.propose, write.by, write.once)
        except SerambiError as error:
            if not write.done.done():
                write.done.set_exception(error)
        except DatabaseError as error:
            log.error("the desk cannot be written: %s", error.orig)
            if not write.done.done():
                write.done.set_exception(_refused("the center's database takes nothing now"))
        else:
            if not write.done.done():
                write.done.set_result(steps)
        finally:
            # Nobody waits for ever, whatever went wrong.
            if not write.done.done():
                write.done.set_exception(_refused("the write was broken off"))

    async def _pay(self) -> bool:
        """Keep what happened, many in one write; whether the disk took it."""
        taken = [self._owed.popleft() for _ in range(min(ALERTS_AT_ONCE, len(self._owed)))]
        try:
            await self._keep(lambda now_ms: [d for one in taken for d in one(now_ms)])
        except DatabaseError as error:
            log.error("the desk cannot be written: %s", error.orig)
            self._owed.extendleft(reversed(taken))
            return False
        return not self._owed or await self._pay()

    async def _keep(
        self, propose: Propose, by: Person | None = None, once: Once | None = None
    ) -> list[Step]:
        now_ms = unix_ms(self._clock.now())
        drafts = propose(now_ms)
        if not drafts:
            return []
        steps = await asyncio.to_thread(self._steps.append, drafts, now_ms, by, once)
        for step in steps:
            self._apply[step.stream](step)
            self.versions[step.stream] = step.id
        self._changes.note_desk()
        return steps


def _refused(what: str) -> SerambiError:
    hint = "free space on the center's disk; nothing was written"
    return SerambiError(Kind.UNAVAILABLE, what, where="desk", hint=hint)
