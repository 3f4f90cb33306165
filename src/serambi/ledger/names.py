"""Whom the commitments of a ledger stand for: beside the ledger, and erasable.

A ledger forgets nothing, so it holds no name: `Entry.person` is a commitment. Here stand, one line
a view, the name and the salt that lead to it. Whoever removes the line has erased the person from
the ledger, which stays whole.

One file a day, because a file that is gone leaves nothing behind, as the pages of a database do.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import NAMES_KEPT, NAMES_WAITING
from serambi.ledger.disk import replace_file, sync_folder
from serambi.ledger.entry import COMMITMENT_PREFIX, SALT_MIN_BYTES, commit

_ENDING = ".jsonl"
_LOCK = "lock"
_FILE_MAX_BYTES = 256 * 1024 * 1024
_UNREAD = {"": (0, 0)}  # no file has this name: what is in memory is to be read anew


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One view's name. `salt` in hexadecimal; `commit(salt, name)` stands in the ledger."""

    session: str
    salt: str
    name: str


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Line)


class Names:
    """The names of one ledger, kept for `keep_s`. Any thread may use it.

    At most NAMES_KEPT names: the oldest days make room, and on a single day with more, nobody else
    is named.
    """

    def __init__(self, folder: Path, clock: Clock, keep_s: float) -> None:
        """Read what is there. Raises `SerambiError(UNAVAILABLE)` when that fails."""
        self._folder = folder
        self._clock = clock
        self._keep_s = keep_s
        self._mutex = threading.RLock()
        self._names: dict[str, str] = {}
        self._views: dict[str, str] = {}
        self._waiting: list[Line] = []
        self._seen = _UNREAD.copy()  # as this process left the files
        with self._held():
            self._load()

    def commit(self, session: str, name: str, salt: str = "") -> str:
        """What stands in the ledger for `name` in this view: the same for every entry of it.

        `salt` is 16 or more bytes in hexadecimal that another ledger uses for the same view; what
        cannot serve as one is replaced by random bytes. The name is not kept before `save`. An
        empty name needs no commitment and stays empty.
        """
        if not name:
            return ""
        with self._mutex:
            known = self._views.get(session)
            if known is not None and self._names.get(known) == name:
                return known
            line = Line(session, _good(salt) or secrets.token_hex(SALT_MIN_BYTES), name)
            self._waiting = [*self._waiting, line][-NAMES_WAITING:]
            return self._remember(line)

    def who(self, person: str) -> str | None:
        """The name behind the commitment `person`; None when it was erased or never kept here."""
        with self._mutex:
            return self._names.get(person)

    def save(self) -> None:
        """Make durable what was committed to. Raises `SerambiError(UNAVAILABLE)` when the disk
        refuses: the names then wait for the next call."""
        with self._mutex:
            if not self._waiting:
                return
            if len(self._names) > NAMES_KEPT:
                self.make_room()
            if len(self._names) > NAMES_KEPT:
                self._waiting = []
                self._seen = _UNREAD.copy()
                raise SerambiError(
                    Kind.UNAVAILABLE,
                    f"more than {NAMES_KEPT} names cannot be kept for one day",
                    where=str(self._folder),
                )
            with self._held():
                content = b"".join(_encode(line) for line in self._waiting)
                self._append(_day(self._clock.now()) + _ENDING, content)
            self._waiting = []

    def make_room(self) -> None:
        """Erase what is older than it is to be kept, and the oldest days beyond NAMES_KEPT; heed
        what another process has erased. Raises `SerambiError(UNAVAILABLE)`."""
        now = self._clock.now()
        oldest, newest = (_day(at) + _ENDING for at in (now - self._keep_s, now))
        with self._mutex, self._held():
            there = self._files()
            kept = [name for name in there if name >= oldest]
            for name in there[: len(there) - len(kept)]:
                os.unlink(self._folder / name)
            self._load()
            while len(self._names) > NAMES_KEPT and kept and kept[0] < newest:
                os.unlink(self._folder / kept.pop(0))
                self._load()
            if len(kept) < len(there):
                sync_folder(self._folder)

    def forget(self, name: str) -> int:
        """Erase a name wherever it stands; -> of how many views. A running process of the same
        folder heeds it at its next `make_room`. Raises `SerambiError(UNAVAILABLE)`."""
        gone = 0
        with self._mutex, self._held():
            for file in self._files():
                lines = list(_lines(self._read(file)))
                kept = [line for line in lines if line.name != name]
                if len(kept) < len(lines):
                    gone += len(lines) - len(kept)
                    replace_file(self._folder, file, b"".join(_encode(line) for line in kept))
            self._waiting = [line for line in self._waiting if line.name != name]
            self._seen = _UNREAD.copy()
            self._load()
        return gone

    def _remember(self, line: Line) -> str:
        person = commit(bytes.fromhex(line.salt), line.name)
        self._names[person] = line.name
        # A second name for the same view is somebody's invention: the view keeps its first.
        self._views.setdefault(line.session, person)
        return person

    def _load(self) -> None:
        """Read the files anew if they are not as this process left them."""
        found = {name: self._state(name) for name in self._files()}
        if found == self._seen:
            return
        self._names, self._views = {}, {}
        names: dict[str, str] = {}
        for file in found:
            for line in _lines(self._read(file)):
                same = names.setdefault(line.name, line.name)
                self._remember(msgspec.structs.replace(line, name=same))
        for line in self._waiting:
            self._remember(line)
        self._seen = found

    def _append(self, name: str, content: bytes) -> None:
        path = self._folder / name
        new = not path.exists()
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            end = os.lseek(file, 0, os.SEEK_END)
            # A crash may have left half a line: it must not spoil the next one.
            torn = end and os.pread(file, 1, end - 1) != b"\n"
            rest = memoryview(b"\n" + content if torn else content)
            try:
                while rest:
                    rest = rest[os.write(file, rest) :]
                os.fsync(file)
            except OSError:
                os.ftruncate(file, end)
                raise
        finally:
            os.close(file)
        if new:
            sync_folder(self._folder)
        self._seen[name] = self._state(name)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """One process at a time; what the disk refuses as a `SerambiError`."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise SerambiError(
                Kind.UNAVAILABLE,
                "the disk is full" if full else f"names cannot be kept: {error.strerror or error}",
                where=str(self._folder),
                hint="free some space" if full else "look at the disk",
            ) from error

    def _files(self) -> list[str]:
        """Oldest first."""
        return sorted(path.name for path in self._folder.glob(f"????-??-??{_ENDING}"))

    def _state(self, name: str) -> tuple[int, int]:
        found = (self._folder / name).stat()
        return found.st_mtime_ns, found.st_size

    def _read(self, name: str) -> bytes:
        with open(self._folder / name, "rb") as file:
            return file.read(_FILE_MAX_BYTES)


def is_commitment(value: str) -> bool:
    """Whether a field of an entry hides what it stands for."""
    return value.startswith(COMMITMENT_PREFIX)


def _good(salt: str) -> str:
    try:
        raw = bytes.fromhex(salt)
    except ValueError:
        return ""
    return raw.hex() if len(raw) >= SALT_MIN_BYTES else ""


def _encode(line: Line) -> bytes:
    return _encoder.encode(line) + b"\n"


def _lines(raw: bytes) -> Iterator[Line]:
    """The whole lines; half a line, left by a crash, says nothing."""
    for text in raw.split(b"\n"):
        with contextlib.suppress(msgspec.MsgspecError, UnicodeError):
            line = _decoder.decode(text)
            if _good(line.salt):
                yield line


def _day(at: float) -> str:
    """The date in UTC; one before all others where the calendar ends."""
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "0000-00-00"
