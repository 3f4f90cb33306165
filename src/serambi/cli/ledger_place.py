"""Where a ledger lies that a command is to look at: a folder, or an address of the center.

From an address the ledger is copied into a temporary folder first; everything is checked there.
"""

import contextlib
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from serambi.base.errors import Kind, SerambiError
from serambi.identity.roster import Roster
from serambi.ledger.verify import keys_of_origin
from serambi.party.carrier import HttpCarrier
from serambi.party.mirror import Mirror

_MARK = "/ledger/"


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def place(ctx: click.Context, param: click.Parameter, value: str) -> str | Path:
    """For an argument: a folder that exists, or an address such as
    https://CENTER/ledger/PARTY/SITE/keeper."""
    if value.startswith(("http://", "https://")):
        return value
    folder: Path = _FOLDER.convert(value, param, ctx)
    return folder


token_option = click.option(
    "--token",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a witness's token, for a ledger at an address of the center.",
)


@contextlib.contextmanager
def at_hand(where: str | Path, token: Path | None, roster: Roster | None) -> Iterator[Path]:
    """The folder of the ledger at `where`; a copy is gone afterwards. An address needs a token
    and a roster. Raises `SerambiError`, for a copy that does not lead to its root too."""
    if isinstance(where, Path):
        yield where
        return
    center, mark, origin = where.partition(_MARK)
    if not mark or token is None or roster is None:
        raise SerambiError(
            Kind.BAD_INPUT,
            "an address needs --token and --trust, and names a ledger",
            where=where[:200],
            hint="https://CENTER/ledger/PARTY/SITE/keeper",
        )
    origin = origin.rstrip("/")
    keys = keys_of_origin(origin, roster)
    carrier = HttpCarrier(center, _read_token(token))
    with tempfile.TemporaryDirectory(prefix="serambi-ledger-") as folder:
        try:
            raw = carrier.checkpoints().get(origin)
            if raw is None:
                raise SerambiError(Kind.NOT_FOUND, "there is no such ledger", where=where[:200])
            copy = Mirror(Path(folder), origin, keys)
            checkpoint, note = copy.parse(raw.encode())
            copy.extend(checkpoint, note, lambda tile: carrier.leaves(origin, tile))
            copy.keep_words(carrier.cosigned(origin))
        finally:
            carrier.close()
        yield Path(folder)


def _read_token(path: Path) -> str:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SerambiError(
            Kind.DENIED, "others can read the token", where=str(path), hint=f"chmod 600 {path}"
        )
    return path.read_text("ascii").strip()
