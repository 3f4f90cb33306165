"""The witness: copies every ledger it is shown, and cosigns what continues its copy.

It withholds its word from a ledger that lacks a revocation it knows of, and raises an alarm, with
both states named, when a ledger shows another past than its copy or than another party's. What
the ledgers say of the same views is compared as they grow. One thread calls `step`; documents and
checkpoints of other parties may come in any thread.
"""

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    WITNESS_AGAIN_S,
    WITNESS_LOGS_MAX,
    WITNESS_PATIENCE_S,
)
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster
from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint, parse_checkpoint_text
from serambi.ledger.cosignature import cosign
from serambi.ledger.note import Note
from serambi.ledger.quorum import emit_notes, split_notes, witness_name
from serambi.ledger.reader import READ_MAX_ENTRIES
from serambi.ledger.verify import keys_of_origin
from serambi.party.alarms import Alarms
from serambi.party.carrier import AWAY, TAKEN, Carrier
from serambi.party.mirror import Mirror
from serambi.party.reconciling import Reconciling
from serambi.party.revocations import Agreements, Revocations

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Watched:
    """One ledger: its copy, what it says of agreements, and what this party last said of it."""

    mirror: Mirror
    agreements: Agreements = field(default_factory=Agreements)
    cosigned_size: int = -1
    cosigned_at: float = 0.0
    kept_at: float = 0.0
    behind_since: float | None = None
    withheld: tuple[str, ...] = ()
    compared: dict[int, Checkpoint] = field(default_factory=dict)
    """States that other parties saw and that this copy has not reached, by size."""


class Witness:
    """One party's witness."""

    def __init__(
        self,
        folder: Path,
        party: str,
        key: SigningKey,
        roster: Roster,
        carrier: Carrier,
        clock: Clock,
    ) -> None:
        """`key` must be the one that the roster has for this party's witness (`DENIED`)."""
        entry = roster.entry(key.key_id)
        if entry is None or (entry.party, entry.use) != (party, "witness"):
            raise SerambiError(
                Kind.DENIED,
                f"the roster does not have this key for the witness of {party}",
                where=key.key_id,
                hint="all parties sign a roster with this key in it",
            )
        self.party = party
        self.alarms = Alarms(folder, clock)
        self.revocations = Revocations(folder, roster)
        self._folder = folder / "mirrors"
        self._key = key
        self._roster = roster
        self._carrier = carrier
        self._clock = clock
        self._watched: dict[str, Watched] = {}
        self._reconciling = Reconciling(self.alarms, clock)
        self._mutex = threading.Lock()

    def step(self) -> None:
        """Look once at everything. Raises `UNAVAILABLE` when the carrier is away; trouble with
        one ledger keeps no other one from being looked at."""
        words = []
        for origin, raw in list(self._carrier.checkpoints().items())[:WITNESS_LOGS_MAX]:
            try:
                with self._mutex:
                    word = self._look(origin, raw.encode())
            except (SerambiError, OSError) as error:
                self._trouble(origin, error)
            else:
                words += [word] if word else []
        self._hand_back(words)
        for name in self._lacking():
            try:
                self._carrier.pass_on(self.revocations.all()[name])
            except SerambiError as error:
                log.info("a revocation is not passed on: %s", error)
        self._reconciling.judge()

    def add_revocation(self, raw: bytes) -> bool:
        """Take a revocation from whoever has one; whether it is new. Raises `SerambiError`.
        Never waits for `step`: a center that lets this party wait must not hold it up."""
        return self.revocations.accept(raw)

    def compare(self, raw: bytes) -> None:
        """Hold other parties' checkpoints against the copies here. Raises `SerambiError` for
        what is no checkpoint of a known ledger."""
        for each in split_notes(raw)[:WITNESS_LOGS_MAX]:
            origin = parse_checkpoint(each)[0].origin
            with self._mutex:
                watched = self._watched.get(origin)
                if watched is None:
                    continue  # the carrier has not shown it here yet: nothing to compare with
                checkpoint, _ = watched.mirror.parse(each)
                if checkpoint.size > watched.mirror.size:
                    # One each is enough: whoever forks has to go on with both pasts.
                    if len(watched.compared) < WITNESS_LOGS_MAX:
                        watched.compared[checkpoint.size] = checkpoint
                elif why := watched.mirror.contradicts(checkpoint):
                    self.alarms.raise_alarm(f"fork {origin}", why)

    def notes(self) -> bytes:
        """The newest states of all copies, for other parties to compare."""
        found = [each.mirror.note for each in list(self._watched.values())]
        return emit_notes([note for note in found if note is not None])

    def watched(self) -> dict[str, Watched]:
        """Every ledger that has been shown, by origin; to be read only."""
        return dict(self._watched)

    def _lacking(self) -> set[str]:
        return {name for each in self._watched.values() for name in each.withheld}

    def _trouble(self, origin: str, error: SerambiError | OSError) -> None:
        kind = error.kind if isinstance(error, SerambiError) else Kind.UNAVAILABLE
        if kind in (Kind.CONFLICT, Kind.CORRUPT, Kind.UNAUTHENTICATED):
            self.alarms.raise_alarm(f"{kind} {origin}", str(error))
        else:
            log.info("%s waits: %s", origin[:200], error)

    def _look(self, origin: str, raw: bytes) -> Note | None:
        """-> this party's word on the ledger's state, when there is anything to say."""
        watched = self._watched.get(origin) or self._take_up(origin)
        mirror = watched.mirror
        checkpoint, note = mirror.parse(raw)
        if why := mirror.contradicts(checkpoint):
            raise SerambiError(Kind.CONFLICT, why)
        if checkpoint.size < mirror.size:
            self._is_behind(watched, checkpoint)
            return None
        watched.behind_since = None
        if checkpoint.size > mirror.size:
            before = mirror.size
            mirror.extend(checkpoint, note, lambda tile: self._carrier.leaves(origin, tile))
            self._read(watched, before)
            self._compare_reached(watched)
        watched.withheld = tuple(sorted(self.revocations.lacking(watched.agreements)))
        return None if watched.withheld else self._word(watched, checkpoint, note)

    def _take_up(self, origin: str) -> Watched:
        """A ledger that is shown for the first time since the start. Its keys are the roster's."""
        keys = keys_of_origin(origin, self._roster)
        if not keys:
            raise SerambiError(Kind.BAD_INPUT, "the roster knows no such ledger", where=origin)
        watched = Watched(Mirror(self._folder / origin, origin, keys))
        self._read(watched, 0)
        self._watched[origin] = watched
        return watched

    def _read(self, watched: Watched, start: int) -> None:
        """Take in what the copy has from entry `start` on."""
        mirror = watched.mirror
        for first in range(start, mirror.size, READ_MAX_ENTRIES):
            entries = mirror.entries(first, min(first + READ_MAX_ENTRIES, mirror.size))
            watched.agreements.add(entries)
            self._reconciling.add(mirror.origin, entries)

    def _is_behind(self, watched: Watched, checkpoint: Checkpoint) -> None:
        """An older state than was seen: for a moment, whoever carries it may just have started."""
        now = self._clock.monotonic()
        if watched.behind_since is None:
            watched.behind_since = now
        if now - watched.behind_since >= WITNESS_PATIENCE_S:
            origin = watched.mirror.origin
            self.alarms.raise_alarm(
                f"rollback {origin}",
                f"{origin} shows only {checkpoint.size} entries, root {checkpoint.root.hex()}, "
                f"after {watched.mirror.size} were seen, root "
                f"{watched.mirror.root_at(watched.mirror.size).hex()}",
            )

    def _compare_reached(self, watched: Watched) -> None:
        for size in [size for size in watched.compared if size <= watched.mirror.size]:
            if why := watched.mirror.contradicts(watched.compared.pop(size)):
                self.alarms.raise_alarm(f"fork {watched.mirror.origin}", why)

    def _word(self, watched: Watched, checkpoint: Checkpoint, note: Note) -> Note | None:
        now = self._clock.now()
        grew = checkpoint.size != watched.cosigned_size
        if not grew and 0 <= now - watched.cosigned_at < WITNESS_AGAIN_S:
            return None
        own = tuple(line for line in note.signatures if line.name == checkpoint.origin)
        line = cosign(note.text, witness_name(self.party), self._key, int(now))
        word = Note(note.text, (*own, line))
        if grew or now - watched.kept_at >= WITNESS_PATIENCE_S:
            watched.mirror.keep_words(word.emit())
            watched.kept_at = now
        return word

    def _hand_back(self, words: list[Note]) -> None:
        now = self._clock.now()
        said = self._carrier.hand_back(words) if words else {}
        for word in words:
            checkpoint = parse_checkpoint_text(word.text, extensions=False)
            answer = said.get(checkpoint.origin, AWAY)
            if answer == TAKEN:
                watched = self._watched[checkpoint.origin]
                watched.cosigned_size, watched.cosigned_at = checkpoint.size, now
            elif answer == AWAY:
                log.info("%s: %s", checkpoint.origin, answer)
            else:
                text = f"{checkpoint.origin} does not take this party's word: {answer}"
                self.alarms.raise_alarm(f"refused {checkpoint.origin}", text)
