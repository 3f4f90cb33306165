"""The next roster from a list of changes; what the list does not say stays."""

import base64

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import VerifyKey
from serambi.identity.roster import (
    Change,
    Confirmed,
    Key,
    Loss,
    Party,
    Roster,
    RosterDocument,
    Use,
    key_entry,
)


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`public` is the raw key in base64."""

    party: str
    public: str
    use: Use = "sign"
    site: str = ""


class Changes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`at` from when it holds; `retire` the ids of keys that go, besides those that are `lost`."""

    at: str
    retire: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    join: tuple[Party, ...] = ()
    key: tuple[NewKey, ...] = ()
    lost: tuple[Loss, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()


def next_roster(before: Roster, changes: Changes) -> RosterDocument:
    """The roster after `before`, not checked. Raises `BAD_INPUT` for a name that is not there."""
    old = before.document
    gone = {*changes.retire, *(loss.key_id for loss in changes.lost)}
    for key_id in changes.retire:
        if before.entry(key_id) is None:
            raise _unknown(f"key {key_id[:80]}")
    for party in changes.leave:
        if party not in {known.id for known in before.parties}:
            raise _unknown(f"party {party[:80]}")
    stay = (key for key in old.keys if key.key_id not in gone and key.party not in changes.leave)
    return msgspec.structs.replace(
        old,
        sequence=old.sequence + 1,
        previous=before.digest,
        parties=(*(p for p in old.parties if p.id not in changes.leave), *changes.join),
        keys=(*stay, *map(_entry, changes.key)),
        change=Change(changes.at, changes.lost, changes.confirmed),
    )


def _entry(new: NewKey) -> Key:
    try:
        raw = base64.b64decode(new.public, validate=True)
    except ValueError as error:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"the new key of {new.party[:80]} is not base64",
            hint="take what `serambi party keygen` has printed as public",
        ) from error
    return key_entry(VerifyKey.from_raw(raw), new.party, new.use, new.site)


def _unknown(what: str) -> SerambiError:
    return SerambiError(
        Kind.BAD_INPUT, f"the roster has no {what}", hint="see `serambi roster show`"
    )
