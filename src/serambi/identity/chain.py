"""The rosters from the pinned one to the newest, kept in a folder.

Each file is one roster, whole or absent, named by its number. Two rosters that follow the same
one are a fork: the second is refused, kept as evidence, and said by whoever asks `fork`.
"""

import re
import threading
from collections.abc import Iterable
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import DOCUMENT_MAX_BYTES, ROSTER_FORKS_KEPT, ROSTERS_MAX
from serambi.identity import dsse
from serambi.identity.roster import ROSTER_TYPE, Roster, load_roster, read_document, read_roster
from serambi.identity.succession import succeed

_NAME = re.compile(r"[0-9]{4}\.json\Z")


class Chain:
    """A chain of rosters; `head` is the newest. Any thread may use it."""

    def __init__(self, folder: Path, first: Roster) -> None:
        """Read what `folder` has of the rosters after `first`. Raises `CORRUPT` when one cannot
        be read or does not follow: going on with an older one would give back what was taken."""
        self._folder = folder
        self._mutex = threading.Lock()
        self._rosters = [first]
        self._files: list[bytes] = []
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(path for path in folder.iterdir() if _NAME.match(path.name)):
            try:
                raw = _read(path)
                self._rosters.append(succeed(self.head, raw))
                self._files.append(raw)
                if path.name != self._name(self.head):
                    raise SerambiError(Kind.CORRUPT, "the file bears another number")
            except (SerambiError, OSError) as error:
                why = error.what if isinstance(error, SerambiError) else error.strerror
                raise SerambiError(
                    Kind.CORRUPT,
                    f"a kept roster cannot be read: {why}",
                    where=str(path),
                    hint="restore the file from another party's copy before starting",
                ) from error

    @classmethod
    def open(cls, folder: Path, roster: Path, genesis: str) -> "Chain":
        """The chain after the pinned roster file `roster`. Raises what `load_roster` raises,
        and `CORRUPT`."""
        return cls(folder, load_roster(roster, genesis))

    @property
    def head(self) -> Roster:
        """The roster that holds."""
        return self._rosters[-1]

    @property
    def rosters(self) -> tuple[Roster, ...]:
        """From the pinned one on."""
        return tuple(self._rosters)

    @property
    def files(self) -> tuple[bytes, ...]:
        """The files of those that follow the pinned one, in their order."""
        return tuple(self._files)

    @property
    def forks(self) -> tuple[str, ...]:
        """The digests of refused rosters that were signed as one here: somebody signed two."""
        return tuple(sorted(path.stem[5:] for path in self._folder.glob("fork-*.json")))

    def accept(self, raw: bytes) -> bool:
        """Take the next roster, durable on return; False when it is known. Raises `SerambiError`:
        what `succeed` raises, `CONFLICT` for a fork or an older roster, `LIMIT`, `UNAVAILABLE` when
        the disk refuses; the chain is then as it was."""
        with self._mutex:
            document, digest = read_document(raw)
            place = document.sequence - self._rosters[0].document.sequence
            if 0 <= place < len(self._rosters) and self._rosters[place].digest == digest:
                return False
            if place <= 0:
                raise SerambiError(
                    Kind.CONFLICT,
                    f"this is not the roster {document.sequence} that was pinned, or an older one",
                    where=f"sha256 {digest}",
                    hint="compare it with the other parties",
                )
            if place < len(self._rosters):
                self._fork(succeed(self._rosters[place - 1], raw), raw)
            if len(self._rosters) >= ROSTERS_MAX:
                raise SerambiError(Kind.LIMIT, f"{ROSTERS_MAX} rosters follow each other already")
            after = succeed(self.head, raw)
            self._keep(self._name(after), raw)
            self._rosters.append(after)
            self._files.append(raw)
            return True

    def _fork(self, other: Roster, raw: bytes) -> None:
        if len(self.forks) < ROSTER_FORKS_KEPT:
            self._keep(f"fork-{other.digest}.json", raw)
        number = other.document.sequence
        raise SerambiError(
            Kind.CONFLICT,
            f"two rosters {number} are signed: this one is refused, the first one holds",
            where=f"sha256 {other.digest}",
            hint="ask every party which of the two it has signed, and why; the first has sha256 "
            + next(each.digest for each in self._rosters if each.document.sequence == number),
        )

    def _keep(self, name: str, raw: bytes) -> None:
        try:
            write_atomically(self._folder / name, raw)
        except OSError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the roster cannot be kept: {error.strerror or error}",
                where=str(self._folder),
                hint="free space on the disk and deliver it again",
            ) from error

    @staticmethod
    def _name(roster: Roster) -> str:
        return f"{roster.document.sequence:04}.json"


def is_roster(raw: bytes) -> bool:
    """Whether `raw` is an envelope around a roster, be it good or not."""
    try:
        return dsse.load(raw).payload_type == ROSTER_TYPE
    except SerambiError:
        return False


def read_chain(files: Iterable[bytes]) -> tuple[Roster, ...]:
    """Rosters in any order -> in their order, each verified to follow the one before; the first
    of them is believed as it is. Raises `SerambiError`, also for a fork, a gap or none at all."""
    numbered = sorted((read_document(raw)[0].sequence, raw) for raw in set(files))
    if not numbered:
        raise SerambiError(Kind.BAD_INPUT, "there is no roster")
    rosters = [read_roster(numbered[0][1], None)]
    for _, raw in numbered[1:]:
        rosters.append(succeed(rosters[-1], raw))
    return tuple(rosters)


def load_chain(path: Path) -> tuple[Roster, ...]:
    """`read_chain` of a roster file, or of a folder with one file for each (`*.json`; forks that
    were kept as evidence are left out). Raises `SerambiError`."""
    try:
        paths = sorted(path.glob("*.json")) if path.is_dir() else [path]
        wanted = [each for each in paths if not each.name.startswith("fork-")][: ROSTERS_MAX + 1]
        return read_chain([_read(each) for each in wanted])
    except OSError as error:
        raise SerambiError(
            Kind.BAD_INPUT, f"the roster cannot be read: {error.strerror}", where=str(path)
        ) from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2 * DOCUMENT_MAX_BYTES + 1)
