"""What waits to be written to the courier: purges, answers, the newest state, a batch of ledger
entries, then pictures."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from serambi.base.limits import COURIER_QUEUE_MESSAGES
from serambi.fabric.frames import Answer, Batch, Frame, Live, Part, Purge, State, encode

# The wire format's configuration message (media/wire.py): without it nothing after it shows.
_CONFIG_MARK = b"\x01"
ANSWERS_MAX = 64


@dataclass(slots=True)
class _Queue:
    """One stream's messages and since when they wait, always something that a decoder can begin
    with."""

    frames: deque[tuple[Live, float]] = field(default_factory=deque)
    until_key: bool = True
    dropped: int = 0


class Outbox:
    """Bounded queues of one connection. Not for several threads.

    A stream's queue is full with `size` messages, or when its first has waited for `wait_s`: what
    comes later than that is of no use to whoever looks at it.
    """

    def __init__(
        self,
        size: int = COURIER_QUEUE_MESSAGES,
        wait_s: float = math.inf,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._size = size
        self._wait_s = wait_s
        self._now = now
        self._answers: deque[bytes] = deque()
        self._purges: dict[Purge, None] = {}
        self._state: bytes | None = None
        self._batch: bytes | None = None
        self._parts: deque[Part] = deque()
        self._streams: dict[tuple[str, str], _Queue] = {}
        self._turns: deque[tuple[str, str]] = deque()
        self.dropped = 0

    @property
    def answers_full(self) -> bool:
        return len(self._answers) >= ANSWERS_MAX

    def put_answer(self, answer: Answer) -> None:
        self._answers.append(encode(answer))

    def put_state(self, raw: bytes) -> None:
        """The newest state replaces one that still waits. Raises LIMIT."""
        self._state = encode(State(raw))

    def put_batch(self, batch: Batch) -> None:
        """There is only ever one; it replaces one that still waits. Raises LIMIT."""
        self._batch = encode(batch)

    def put_part(self, part: Part) -> None:
        """A window of recorded pictures, behind everything else; whoever asks limits how many."""
        self._parts.append(part)

    @property
    def parts(self) -> int:
        """How many windows wait."""
        return len(self._parts)

    def put_live(self, live: Live, *, key: bool) -> None:
        """Queue one message; a full queue is emptied up to the next key message."""
        at = (live.camera, live.stream)
        queue = self._streams.get(at)
        if queue is None:
            queue = self._streams[at] = _Queue()
            self._turns.append(at)
        if queue.until_key and not key:
            self._drop(queue, 1)
            return
        now = self._now()
        late = bool(queue.frames) and now - queue.frames[0][1] > self._wait_s
        if late or len(queue.frames) >= self._size:
            config = [(f, now) for f, _ in queue.frames if f.message[:1] == _CONFIG_MARK][-1:]
            self._drop(queue, len(queue.frames) - len(config))
            queue.frames.clear()
            queue.frames.extend(config)
            if not key:
                self._drop(queue, 1)
                queue.until_key = True
                return
        queue.until_key = False
        queue.frames.append((live, now))

    def _drop(self, queue: _Queue, count: int) -> None:
        queue.dropped += count
        self.dropped += count

    def purge(self, camera: str, stream: str | None) -> None:
        """Forget what waits of one stream or playback, or of all of a camera."""
        for at in [k for k in self._streams if k[0] == camera and stream in (None, k[1])]:
            del self._streams[at]
            self._turns.remove(at)
        kept = [p for p in self._parts if p.camera != camera or stream not in (None, p.session)]
        self._parts = deque(kept)

    def put_purge(self, purge: Purge) -> None:
        """Tell the other side to forget as well: before anything else, and said once."""
        self._purges[purge] = None

    @property
    def purges(self) -> bool:
        """Whether the other side has still to be told to forget something."""
        return bool(self._purges)

    def clear_pictures(self) -> None:
        """Forget what waits of every stream."""
        self._streams.clear()
        self._turns.clear()

    def next(self, *, pictures: bool = True) -> Frame | bytes | None:
        """What to write now: purges, then what is encoded already, then, unless `pictures` are held
        back, the streams in turn, and windows of recorded pictures when no live one waits."""
        if self._purges:
            purge = next(iter(self._purges))
            del self._purges[purge]
            return purge
        if self._answers:
            return self._answers.popleft()
        if self._state is not None:
            state, self._state = self._state, None
            return state
        if self._batch is not None:
            batch, self._batch = self._batch, None
            return batch
        return self._next_picture() if pictures else None

    def _next_picture(self) -> Live | Part | None:
        for _ in range(len(self._turns)):
            at = self._turns[0]
            self._turns.rotate(-1)
            if self._streams[at].frames:
                return self._streams[at].frames.popleft()[0]
        return self._parts.popleft() if self._parts else None
