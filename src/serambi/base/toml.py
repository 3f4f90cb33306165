"""Settings that people write: TOML as plain values. What they mean is for each process to say."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import SETTINGS_MAX_BYTES

_WHY_MAX_CHARACTERS = 200

T = TypeVar("T")


def read_toml(path: Path, hint: str, what: str = "the settings") -> dict[str, Any]:
    """The file's tables; `what` is what errors call them. Raises NOT_FOUND, LIMIT or BAD_INPUT
    with `path` as where, and `hint` where the text itself is wrong. The error never quotes a value:
    it may be a password."""

    def refuse(kind: Kind, why: str, hint: str) -> SerambiError:
        return SerambiError(kind, f"{what} cannot be read: {why}", where=str(path), hint=hint)

    try:
        with path.open("rb") as file:
            raw = file.read(SETTINGS_MAX_BYTES + 1)
    except OSError as error:
        kind = Kind.NOT_FOUND if isinstance(error, FileNotFoundError) else Kind.BAD_INPUT
        look = "check the path, and who may read it"
        raise refuse(kind, error.strerror or str(error), look) from error
    if len(raw) > SETTINGS_MAX_BYTES:
        size = f"the file has more than {SETTINGS_MAX_BYTES} bytes"
        raise refuse(Kind.LIMIT, size, "check that it is the right file")
    try:
        return tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise refuse(Kind.BAD_INPUT, f"not UTF-8 at byte {error.start}", hint) from error
    except ValueError as error:  # also for numbers of thousands of digits
        raise refuse(Kind.BAD_INPUT, str(error)[:_WHY_MAX_CHARACTERS], hint) from error
    except RecursionError as error:
        raise refuse(Kind.BAD_INPUT, "nested too deeply", hint) from error


def read_struct(path: Path, kind: type[T], hint: str, what: str) -> T:
    """The file as a `kind`. Raises what `read_toml` does, and BAD_INPUT for another shape. For
    files without secrets: the error may quote a value."""
    try:
        return msgspec.convert(read_toml(path, hint, what), kind)
    except msgspec.ValidationError as error:
        why = f"{what} cannot be read: {str(error)[:_WHY_MAX_CHARACTERS]}"
        raise SerambiError(Kind.BAD_INPUT, why, where=str(path), hint=hint) from error
