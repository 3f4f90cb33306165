"""What of a stream arrived and what was lost on the way, counted by its sequence numbers."""

from serambi.media.wire import restarts, sequence_of

# The site numbers a stream anew when it restarts; a larger step than this is that, not a loss.
_STEP_MAX = 10_000


class Tally:
    """Counts since the feed began. What the site did not send to anybody is not lost: after a
    new configuration counting begins afresh."""

    def __init__(self) -> None:
        self.got = 0
        self.missing = 0
        self._expected: int | None = None

    def note(self, message: bytes) -> None:
        """One wire message has arrived."""
        if restarts(message):
            self._expected = None
        sequence = sequence_of(message)
        if sequence is None:
            return
        step = 0 if self._expected is None else (sequence - self._expected) & 0xFFFFFFFF
        if step < _STEP_MAX:
            self.missing += step
        self.got += 1
        self._expected = (sequence + 1) & 0xFFFFFFFF
