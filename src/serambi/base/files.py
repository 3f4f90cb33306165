"""Files that are whole or absent: written beside, synced, renamed."""

import contextlib
import os
from pathlib import Path
from urllib.parse import quote


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by `content` so that a crash leaves the old or the new, durable on return."""
    write_together(path.parent, {path.name: (content, mode)})


def write_together(folder: Path, files: dict[str, tuple[bytes, int]]) -> None:
    """Replace several files of one folder (name -> content, mode), in their order. Each is whole
    at any moment; a disk that is full leaves all of them as they were. Durable on return."""
    beside = {name: folder / f".{name}.{os.getpid()}.new" for name in files}
    try:
        for name, (content, mode) in files.items():
            _write(beside[name], content, mode)
        for name, written in beside.items():
            os.replace(written, folder / name)
    except BaseException:
        for written in beside.values():
            with contextlib.suppress(OSError):
                written.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sqlite_uri(path: Path) -> str:
    """A database that this process alone opens, its connections sharing the log's index in memory.

    As a file, SQLite's usual way, that index is mapped: on a full disk the kernel ends whoever
    writes there (SIGBUS)."""
    return f"file:{quote(str(path))}?vfs=unix-excl"
