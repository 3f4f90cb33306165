"""Writing that survives a power cut. What is written belongs to `store.py`."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from serambi.base.errors import Kind, SerambiError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
TEMPORARY = ".tmp"
_MANY = 16
"""From so many files on they are synced side by side: a second's entries fill fewer."""
_SYNCS_AT_ONCE = 4


class Batch:
    """Files below one folder that are written together and made durable together.

    All are written before the first is synced: the file system then has them in one or two of its
    own commits instead of one each. Nothing is durable before `sync` returns. Every method may
    raise `OSError`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[int] = []
        self._folders: dict[str, None] = {}  # below the topmost, which is ""

    def put(self, name: str, content: bytes) -> None:
        """Write a file, replacing what is there, and make the folders above it."""
        above = name.rpartition("/")[0]
        if above and above not in self._folders:
            self._make(above)
            self._folders[above] = None
        file = os.open(self._folder / name, _NEW, 0o600)
        self._files.append(file)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]

    def sync(self) -> None:
        """Make every file and every folder durable, but for names in the topmost folder.

        Those are made durable by `rename_into_place`, which follows.
        """
        # Have all blocks written and placed first: the file system then commits once, not per file.
        for file in self._files:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        if len(self._files) < _MANY:
            for file in self._files:
                os.fsync(file)
        else:
            # Each still waits for the disk's cache; those who wait together are served together.
            with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:
                list(pool.map(os.fsync, self._files))
        for folder in self._folders:
            sync_folder(self._folder / folder)

    def _make(self, folder: str) -> None:
        if not (self._folder / folder).is_dir():
            above = folder.rpartition("/")[0]
            if above:
                self._make(above)
            os.mkdir(self._folder / folder, 0o700)
            self._folders[above] = None

    def __enter__(self) -> "Batch":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files:
            os.close(file)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def rename_into_place(folder: Path, name: str) -> None:
    """Put the synced file `name.tmp` in the place of `name`: both or neither is seen, for good."""
    os.replace(folder / (name + TEMPORARY), folder / name)
    sync_folder(folder)


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Replace one file: at every moment the old or the new one is there, whole."""
    with Batch(folder) as batch:
        batch.put(name + TEMPORARY, content)
        batch.sync()
    rename_into_place(folder, name)


def unwritable(folder: Path, error: OSError) -> SerambiError:
    """The disk's refusal to write a ledger, in plain words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SerambiError(
            Kind.UNAVAILABLE, "the disk is full", where=str(folder), hint="free some space"
        )
    return SerambiError(
        Kind.UNAVAILABLE,
        f"the ledger cannot be written: {error.strerror}",
        where=str(folder),
        hint="look at the disk",
    )
