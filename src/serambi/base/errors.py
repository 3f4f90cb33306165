"""The one error type. What does not belong here: HTTP (web/ maps kinds to status codes)."""

from enum import StrEnum


class Kind(StrEnum):
    """What sort of trouble it is; `web` maps each kind to exactly one HTTP status."""

    BAD_INPUT = "bad_input"
    UNAUTHENTICATED = "unauthenticated"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    LIMIT = "limit"
    UNAVAILABLE = "unavailable"
    CORRUPT = "corrupt"


class SerambiError(Exception):
    """Trouble that a person can act on.

    `what` went wrong, `where` (site, camera, stream, file, line), `hint` what to do about it.
    None of the three may carry a secret: the text is logged and shown.
    """

    def __init__(self, kind: Kind, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.kind = kind
        self.what = what
        self.where = where
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process boundaries, and pickling passes arguments by position only.
        return _rebuild, (type(self), self.kind, self.what, self.where, self.hint)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} ({self.hint})" if self.hint else text


def _rebuild(
    kind_of_error: type[SerambiError], kind: Kind, what: str, where: str, hint: str
) -> SerambiError:
    return kind_of_error(kind, what, where=where, hint=hint)
