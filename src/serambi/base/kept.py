"""What a process keeps in its folder: the format of the folder, and small files of state."""

from pathlib import Path
from typing import Generic, TypeVar

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically

T = TypeVar("T")


class StateFile(Generic[T]):
    """One document of type `kind` that must outlive a restart, canonical JSON in a file of mode
    0600 and at most `max_bytes`, whole or absent at any moment. One writer at a time."""

    def __init__(self, path: Path, kind: type[T], *, what: str, max_bytes: int) -> None:
        """`what` it answers, for people: "what the owner has stopped"."""
        self.path = path
        self._kind = kind
        self._what = what
        self._max_bytes = max_bytes

    def read(self) -> T | None:
        """The document, None where there is no file. Raises CORRUPT when it cannot be read."""
        try:
            with self.path.open("rb") as file:
                raw = file.read(self._max_bytes + 1)
            return decode(self._kind, raw, what=self.path.name, max_bytes=self._max_bytes)
        except FileNotFoundError:
            return None
        except (SerambiError, OSError) as error:
            why = error.what if isinstance(error, SerambiError) else error.strerror
            raise SerambiError(
                Kind.CORRUPT,
                f"{self._what} is not known: {why}",
                where=str(self.path),
                hint="restore the file from a backup",
            ) from error

    def write(self, document: T) -> None:
        """Replace the document, durable on return. Raises UNAVAILABLE as the disk does."""
        try:
            write_atomically(self.path, encode(document), mode=0o600)
        except OSError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"{self._what} cannot be kept: {error.strerror or error}",
                where=str(self.path),
                hint="free space on the disk",
            ) from error


def check_format(folder: Path, known: str) -> None:
    """Make the folder and mark it as one of the format `known`, or refuse one that is marked
    otherwise (`CONFLICT`)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "format"
    if not path.exists():
        path.write_text(known + "\n")
    found = path.read_text().strip()
    if found != known:
        raise SerambiError(
            Kind.CONFLICT,
            f"the folder has format {found[:20]!r}, this program knows {known}",
            where=str(folder),
            hint="use the version of Serambi that wrote it, or a newer one",
        )
