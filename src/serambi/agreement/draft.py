"""A draft of an agreement: what people write and discuss, in a file or in a form, read strictly."""

from typing import Any

import msgspec

from serambi.agreement.model import PROHIBITED, Agreement, Purpose, Retention, SharedSite
from serambi.base.errors import Kind, SerambiError
from serambi.base.words import Words

DRAFT_HINT = "what has no field cannot be agreed to"
_ERROR_MAX_CHARACTERS = 300


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agreement without what is the same in every one."""

    number: str
    title: Words
    parties: tuple[str, ...]
    viewer: str
    purposes: tuple[Purpose, ...]
    legal_basis: Words
    sites: tuple[SharedSite, ...]
    valid_from: str
    valid_until: str
    retention: Retention = Retention(72)
    heartbeat_s: int = 900


def agreement_of(plain: dict[str, Any], where: str) -> Agreement:
    """The agreement that these tables of a draft describe; raises `BAD_INPUT` naming the place
    that is wrong. What it says is checked when it becomes a statement."""
    try:
        draft = msgspec.convert(plain, Draft, strict=True)
    except msgspec.ValidationError as error:
        what = f"the draft cannot be read: {str(error)[:_ERROR_MAX_CHARACTERS]}"
        raise SerambiError(Kind.BAD_INPUT, what, where=where, hint=DRAFT_HINT) from error
    return Agreement(**msgspec.structs.asdict(draft), prohibited=PROHIBITED)
