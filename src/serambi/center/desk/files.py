"""What is attached to incidents: pictures and PDFs, kept by the SHA-256 of their bytes."""

import hashlib
from typing import Literal

from sqlalchemy import Engine, select
from sqlalchemy.dialects.sqlite import insert

from serambi.base.errors import Kind, SerambiError
from serambi.center.database import desk_files

FileType = Literal["image/png", "image/jpeg", "application/pdf"]

_BEGINNINGS: dict[bytes, FileType] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"%PDF-": "application/pdf",
}


def type_of(raw: bytes) -> FileType:
    """By how it begins, whatever its name says. Raises `BAD_INPUT` for anything else."""
    for beginning, found in _BEGINNINGS.items():
        if raw.startswith(beginning):
            return found
    raise SerambiError(
        Kind.BAD_INPUT,
        "this is neither a PNG or JPEG picture nor a PDF",
        where="body",
        hint="attach a picture or a PDF; write texts as notes",
    )


class Files:
    """The table `desk_files`; `engine` must be a durable one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, raw: bytes) -> str:
        """Its digest, once it is durable."""
        digest = hashlib.sha256(raw).hexdigest()
        row = {"digest": digest, "raw": raw}
        with self._engine.begin() as connection:
            connection.execute(insert(desk_files).values(row).on_conflict_do_nothing())
        return digest

    def read(self, digest: str) -> bytes:
        """Raises `NOT_FOUND`."""
        wanted = select(desk_files.c.raw).where(desk_files.c.digest == digest)
        with self._engine.connect() as connection:
            raw = connection.execute(wanted).scalar()
        if raw is None:
            raise SerambiError(Kind.NOT_FOUND, "there is no such file", where=digest[:64])
        return bytes(raw)
