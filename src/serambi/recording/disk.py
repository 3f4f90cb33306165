"""What recording asks of the operating system, in one place: tests put a disk here that forgets
whatever was not synced, or that fails."""

import os
from pathlib import Path

from serambi.base.files import sync_folder

_PIECES_MAX = 1024
"""The kernel takes no more at once."""


class Disk:
    """The real one. Every method may raise `OSError`; nothing is durable before a sync returns."""

    def create(self, path: Path) -> int:
        """-> descriptor of a new file, with the folder above it; one that exists is refused."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)

    def append(self, descriptor: int, parts: list[bytes]) -> None:
        """All of `parts`: one `writev`, and the rest again if the kernel took only a part."""
        left = [part for part in parts if part]
        while left:
            written = os.writev(descriptor, left[:_PIECES_MAX])
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]

    def sync(self, descriptor: int) -> None:
        """Make a file's bytes durable. One that was removed under us is an error, too: what
        is written to it can never be found again."""
        if not os.fstat(descriptor).st_nlink:
            raise FileNotFoundError(2, "the file was removed while it was being written")
        os.fdatasync(descriptor)

    def sync_names(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        sync_folder(folder)

    def cut(self, descriptor: int, size_bytes: int) -> None:
        """Shorten a file."""
        os.ftruncate(descriptor, size_bytes)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)
