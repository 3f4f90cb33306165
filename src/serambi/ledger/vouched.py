"""Up to when the parties have seen one log: their cosignatures, kept beside it.

A party's word reaches as far as the moment at which it was given, and no further than the first
entry that it does not cover. What a quorum's words reach is `seen_at`: everything older has been
seen by the town. Words come by whichever way; each is believed for its signatures alone.
"""

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import VerifyKey
from serambi.identity.roster import Roster
from serambi.ledger.disk import replace_file
from serambi.ledger.entry import Entry
from serambi.ledger.quorum import (
    Cosigned,
    emit_notes,
    gathered,
    read_cosigned,
    seen_by_quorum,
    witnesses_of,
)
from serambi.ledger.reader import COSIGNED_FILE, read_cosigned_notes

log = logging.getLogger(__name__)


class Log(Protocol):
    """What is needed of `ledger.store.LedgerStore`."""

    @property
    def size(self) -> int: ...
    def root_at(self, size: int) -> bytes: ...
    def entries(self, start: int, end: int) -> list[Entry]: ...


@dataclass(frozen=True, slots=True)
class _Word:
    """`reached`: unix seconds, the moment it was given or came, whichever is earlier; `next_at`:
    when the first entry that it does not cover was written, infinite while it covers all."""

    cosigned: Cosigned
    reached: float
    next_at: float = math.inf


def _order(word: Cosigned) -> tuple[int, int]:
    """Of two words of one party the later, or in one second the one that covers more, counts."""
    return word.at_s, word.checkpoint.size


class Vouched:
    """The parties' words on one log. Any thread may use it; reading `seen_at` never waits."""

    def __init__(
        self,
        folder: Path,
        origin: str,
        key: VerifyKey,
        roster: Callable[[], Roster],
        store: Log,
        now: float,
    ) -> None:
        """Take up what `folder` has kept. What cannot be believed there is left out: the parties
        will say it again."""
        self._folder = folder
        self._origin = origin
        self._key = key
        self._roster = roster
        self._store = store
        self._mutex = threading.Lock()
        self._words: dict[str, _Word] = {}
        self._unsaved = False
        self._born = -math.inf
        self.seen_at = -math.inf
        """Unix seconds: everything older has been seen by a quorum. Infinite when the roster
        names no witness. A log that is younger than its first quorum counts from its birth."""
        self.size = 0
        """How many entries a quorum has cosigned."""
        self.alarm = ""
        """Set when a party has cosigned another past than this log's."""
        for raw in self._kept():
            try:
                self.accept(raw, now)
            except SerambiError as error:
                log.warning("a kept cosignature is left out: %s", error)
        self._unsaved = False
        self.look()

    def _kept(self) -> list[bytes]:
        try:
            return read_cosigned_notes(self._folder)
        except SerambiError as error:
            log.warning("the kept cosignatures are left out: %s", error)
            return []

    def words(self) -> list[Cosigned]:
        """The latest word of each party, by party."""
        return [self._words[party].cosigned for party in sorted(self._words)]

    def accept(self, raw: bytes, now: float) -> None:
        """Take a cosigned checkpoint. An older word than the one known changes nothing.

        Raises `SerambiError`: BAD_INPUT, UNAUTHENTICATED or CORRUPT for what is not believed,
        CONFLICT when it is of another past: then this log is not the one that the parties saw.
        """
        found = read_cosigned(raw, self._origin, [self._key], self._roster())
        if not found:
            raise SerambiError(
                Kind.UNAUTHENTICATED, "no party of the roster has cosigned this checkpoint"
            )
        self._check_past(found[0])
        with self._mutex:
            for word in found:
                known = self._words.get(word.party)
                if known is None or _order(word) > _order(known.cosigned):
                    self._words[word.party] = _Word(word, min(word.at_s, now))
                    self._unsaved = True
        self.look()

    def _check_past(self, word: Cosigned) -> None:
        checkpoint = word.checkpoint
        size = self._store.size
        if checkpoint.size <= size and self._store.root_at(checkpoint.size) == checkpoint.root:
            return
        self.alarm = (
            f"{word.party} has seen another past: {checkpoint.size} entries with the root "
            f"{checkpoint.root.hex()[:16]}, while this ledger has {size}"
        )
        log.error("%s: %s", self._origin, self.alarm)
        raise SerambiError(
            Kind.CONFLICT,
            self.alarm,
            where=self._origin,
            hint="was this box restored from a backup? Compare the ledgers with the parties",
        )

    def look(self) -> None:
        """Bring `seen_at` up to date; to be called when the log may have grown."""
        witnesses = len(witnesses_of(self._roster()))
        size = self._store.size
        with self._mutex:
            for party, word in self._words.items():
                covered = word.cosigned.checkpoint.size
                if word.next_at == math.inf and covered < size:
                    self._words[party] = _Word(word.cosigned, word.reached, self._at(covered))
            if not witnesses:
                self.seen_at = math.inf
                return
            sizes = {party: w.cosigned.checkpoint.size for party, w in self._words.items()}
            self.size = int(max(seen_by_quorum(sizes, witnesses), 0))
            reach = {party: min(w.reached, w.next_at) for party, w in self._words.items()}
            if size and self._born == -math.inf:
                self._born = self._at(0)
            self.seen_at = max(seen_by_quorum(reach, witnesses), self._born)

    def _at(self, index: int) -> float:
        return self._store.entries(index, index + 1)[0].at_ms / 1000

    def save(self) -> None:
        """Keep the words through a restart, if there are new ones. Raises `OSError`."""
        with self._mutex:
            if not self._unsaved:
                return
            replace_file(self._folder, COSIGNED_FILE, emit_notes(gathered(self.words())))
            self._unsaved = False
