"""What the owner has to know of two histories, and stays on the page until somebody has seen it:
two rosters that all have signed, another past of this ledger, what a party's mirror has found."""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import SerambiError
from serambi.base.kept import StateFile
from serambi.base.limits import WARNINGS_KEPT, WARNINGS_PER_PARTY
from serambi.identity.roster import Roster
from serambi.ledger.notice import read_notice

log = logging.getLogger(__name__)

WarningKind = Literal["roster", "ledger", "fork", "rollback", "refused"]
"""`roster` and `ledger` this box has found itself, the others a party says."""
_FILE_MAX_BYTES = 256 * 1024


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`seen_ms` is 0 until a person has seen it."""

    kind: WarningKind
    party: str
    about: str
    at_ms: int
    seen_ms: int


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    warnings: tuple[_Kept, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """`about`: a roster's digest, or the origin of a ledger. `at` in unix seconds; `key` names it
    on the page."""

    key: str
    kind: WarningKind
    party: str
    about: str
    at: float


class Warnings:
    """The file `warnings.json`. Any thread may use it. A warning that the disk refuses is kept in
    memory; one file that cannot be read warns of nothing, and that is logged."""

    def __init__(self, folder: Path, origin: str, clock: Clock) -> None:
        """`origin`: of this box's ledger."""
        self._file = StateFile(
            folder / "warnings.json",
            _File,
            what="what the owner is warned of",
            max_bytes=_FILE_MAX_BYTES,
        )
        self._origin = origin
        self._clock = clock
        self._mutex = threading.Lock()
        try:
            found = self._file.read()
            self._all = found.warnings if found else ()
        except SerambiError as error:
            log.error("%s", error)
            self._all = ()

    def look(self, forks: tuple[str, ...], other_past: str) -> None:
        """Take in what this box has found: digests of refused rosters, and whether a party has
        cosigned another past of this ledger."""
        for digest in forks:
            self._add("roster", "", digest)
        if other_past:
            self._add("ledger", "", self._origin)

    def hear(self, raw: bytes, roster: Roster) -> None:
        """Take a party's notice. One that is about another site's ledger is passed over; the same
        one again changes nothing. Raises `SerambiError` for what is not believed."""
        notice = read_notice(raw, roster).notice
        if notice.origin == self._origin:
            self._add(notice.kind, notice.party, notice.origin)

    def unseen(self) -> tuple[Warned, ...]:
        """The newest in front."""
        found = (
            Warned(_key(each), each.kind, each.party, each.about, each.at_ms / 1000)
            for each in self._all
            if not each.seen_ms
        )
        return tuple(sorted(found, key=lambda each: -each.at))

    def seen(self, key: str) -> None:
        """A person has seen it. Raises `UNAVAILABLE` when the disk refuses to keep that; it then
        stands on the page again after a restart."""
        now_ms = unix_ms(self._clock.now())
        with self._mutex:
            self._all = tuple(
                msgspec.structs.replace(each, seen_ms=each.seen_ms or now_ms)
                if _key(each) == key
                else each
                for each in self._all
            )
            self._file.write(_File(1, self._all))

    def _add(self, kind: WarningKind, party: str, about: str) -> None:
        new = _Kept(kind, party, about, unix_ms(self._clock.now()), 0)
        with self._mutex:
            if _key(new) in {_key(each) for each in self._all}:
                return
            same_party = sum(each.party == party for each in self._all)
            most = WARNINGS_PER_PARTY if party else WARNINGS_KEPT
            if same_party >= most or len(self._all) >= WARNINGS_KEPT:
                return
            self._all = (*self._all, new)
            log.error("ALARM: two histories: %s", _key(new))
            try:
                self._file.write(_File(1, self._all))
            except SerambiError as error:
                log.error("%s", error)


def _key(kept: _Kept) -> str:
    return f"{kept.kind} {kept.party} {kept.about}"
