"""How one roster follows another: signed by every party there was and by every key that comes.

Pure. Where rosters are kept, and what happens when two follow the same one, is in `chain.py`.
"""

import hashlib
from collections.abc import Mapping

from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant
from serambi.identity import dsse
from serambi.identity.keys import VerifyKey
from serambi.identity.roster import (
    Change,
    Confirmed,
    Former,
    Party,
    Past,
    Roster,
    read_document,
    read_roster,
)

_PERSON_MAX_CHARACTERS = 120
_WITNESSES_OF_A_LOSS = 2
"""How many other parties it takes to say that a party has lost its keys: one alone could put a
key of its own in the place of the other's."""


def succeed(before: Roster, raw: bytes) -> Roster:
    """Verify that the roster file `raw` follows `before`; the roster it is, which remembers what
    was before. Raises `SerambiError`: `BAD_INPUT` when it is not well formed or has another place
    in the chain, `DENIED` when somebody's signature or confirmation is missing or a key or party
    comes back."""
    # 1. It is a roster in itself, signed by every party with a key that stands in it.
    read_roster(raw, None)
    # 2. It may follow this one, whoever has signed it.
    after = waiting(before, raw)
    # 3. Every party there was has signed with a key it had, and every new key; who lost all is
    #    excused from the first.
    if missing := missing_signatures(before, after, dsse.load(raw)):
        raise SerambiError(
            Kind.DENIED,
            f"the change is not signed by {', '.join(missing)}",
            where=f"roster {after.document.sequence}",
            hint="every party signs, the one that leaves too, and every new key",
        )
    return after


def waiting(before: Roster, raw: bytes) -> Roster:
    """The roster in the file `raw`, which may follow `before` once it is signed: nothing but the
    signatures can be missing. Raises like `succeed`. Not to be believed for anything."""
    document, digest = read_document(raw)
    after = Roster(document, digest)
    where = f"roster {document.sequence}"
    # a. It follows this very one.
    _check_place(before, after, where)
    # b. What stays is as it was, and what once went does not return.
    _check_names(before, after, where)
    # c. What is said to be lost was there, and whoever lost all has others speak for the new key.
    _check_losses(before, after, where)
    return Roster(document, digest, _past(before, after))


def lost_all(before: Roster, after: Roster) -> str:
    """The party that stays and lost every key it signed with; empty when there is none. Raises
    `DENIED` for two: they would have to speak for each other."""
    lost = {loss.key_id for loss in _change(after).lost}
    found = [
        party.id for party in after.parties if (had := _sign_ids(before, party.id)) and had <= lost
    ]
    if len(found) > 1:
        raise SerambiError(
            Kind.DENIED,
            f"{' and '.join(found)} cannot lose all their keys in one change",
            hint="make a first roster anew with all parties, and enrol the sites again",
        )
    return found[0] if found else ""


def new_keys(before: Roster, after: Roster) -> tuple[VerifyKey, ...]:
    """The keys that come with `after`: each signs it, to show that somebody has it."""
    found = (after.key(key.key_id) for key in after.document.keys)
    return tuple(key for key in found if key and before.entry(key.key_id) is None)


def missing_signatures(before: Roster, after: Roster, envelope: dsse.Envelope) -> tuple[str, ...]:
    """Who has still to sign, in words: parties by their id, new keys as `key <key id>`."""
    signed = dsse.verified_by(envelope, before.keys_for(use="sign"))
    lost = {loss.key_id for loss in _change(after).lost}
    parties = {before.signer(key_id) for key_id in signed - lost}
    excused = lost_all(before, after)
    # Whoever goes says so too, or four could get rid of the fifth that refuses.
    mute = {
        p.id for p in before.parties if not _stays(p, after) and _sign_ids(before, p.id) <= lost
    }
    had = (party.id for party in before.parties)
    silent = [party for party in had if party not in {*parties, *mute, excused}]
    fresh = new_keys(before, after)
    own = dsse.verified_by(envelope, fresh)
    return (*silent, *(f"key {key.key_id}" for key in fresh if key.key_id not in own))


def _change(after: Roster) -> Change:
    """The first roster has none: it changes nothing."""
    return after.document.change or Change("", (), ())


def _stays(party: Party, after: Roster) -> bool:
    return any(other.id == party.id for other in after.parties)


def _sign_ids(roster: Roster, party: str) -> set[str]:
    return {key.key_id for key in roster.keys_for(use="sign", party=party)}


def _check_place(before: Roster, after: Roster, where: str) -> None:
    wanted = before.document.sequence + 1
    if after.document.sequence != wanted:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"roster {wanted} is the next one",
            where=where,
            hint="deliver the rosters in the order of their numbers",
        )
    if after.document.previous != before.digest:
        raise SerambiError(
            Kind.DENIED,
            f"this roster follows another one than roster {before.document.sequence} here",
            where=where,
            hint=f"the one here has sha256 {before.digest}; compare it with the other parties",
        )


def _check_names(before: Roster, after: Roster, where: str) -> None:
    for party in after.parties:
        if party.id in before.past.parties:
            raise _denied(f"{party.id} has left; who comes back takes another id", where)
    for key in after.document.keys:
        if key.key_id in before.past.keys:
            raise _denied(f"key {key.key_id} has gone; nothing brings it back", where)
        if before.entry(key.key_id) not in (None, key):
            raise _denied(f"key {key.key_id} was somebody else's, or for something else", where)
        if key.site and before.owner(key.site) not in (None, key.party):
            raise _denied(f"site {key.site} belongs to {before.owner(key.site)}", where)


def _check_losses(before: Roster, after: Roster, where: str) -> None:
    change = _change(after)
    at = instant(change.at, "change.at")
    seen = set()
    for loss in change.lost:
        if before.entry(loss.key_id) is None and loss.key_id not in before.past.keys:
            raise _denied(f"no roster had the lost key {loss.key_id[:80]}", where)
        if after.entry(loss.key_id) is not None or loss.key_id in seen:
            raise _denied(f"key {loss.key_id} is lost, so it goes, once", where)
        seen.add(loss.key_id)
        if instant(loss.since, "lost.since") > at:
            raise _denied(f"key {loss.key_id} is lost later than the change holds", where)
    helpless = lost_all(before, after)
    fresh = _sign_ids(after, helpless) - _sign_ids(before, helpless) if helpless else set()
    said = {confirmed.key_id for confirmed in change.confirmed}
    had = {party.id for party in before.parties}
    joined = {k.key_id for k in after.document.keys if k.use == "sign" and k.party not in had}
    # Of a newcomer it may be said who has compared; of a party that lost its keys it must.
    if said - joined != fresh or len(said) != len(change.confirmed):
        raise _denied(
            f"who has compared the fingerprint of each new key of {helpless}?"
            if helpless
            else "a confirmation is for a key of a newcomer, or of who lost all it signed with",
            where,
        )
    others = [p.id for p in before.parties if _stays(p, after) and p.id != helpless]
    if helpless and len(others) < _WITNESSES_OF_A_LOSS:
        raise _denied("one party alone cannot say that another has lost its keys", where)
    for confirmed in change.confirmed:
        _check_confirmed(confirmed, after, others, where)


def _check_confirmed(confirmed: Confirmed, after: Roster, others: list[str], where: str) -> None:
    key = after.key(confirmed.key_id)
    if key is None or hashlib.sha256(key.raw).hexdigest() != confirmed.sha256:
        raise _denied(f"key {confirmed.key_id[:80]} has another fingerprint than was said", where)
    if confirmed.party not in others:
        raise _denied("somebody of another party, which stays, compares the fingerprint", where)
    person = confirmed.person
    if not 0 < len(person.strip()) == len(person) <= _PERSON_MAX_CHARACTERS:
        raise _denied("the person who has compared the fingerprint is not named", where)


def _past(before: Roster, after: Roster) -> Past:
    """What `after` remembers of the time before it."""
    change = _change(after)
    at = instant(change.at, "change.at")
    since = {loss.key_id: instant(loss.since, "lost.since") for loss in change.lost}
    former: Mapping[str, Former] = {
        **before.past.keys,
        **{
            key.key_id: Former(key, at, False)
            for key in before.document.keys
            if after.entry(key.key_id) is None
        },
    }
    left = {party.id: (party, at) for party in before.parties if not _stays(party, after)}
    return Past(
        keys={name: _lose(each, since.get(name)) for name, each in former.items()},
        parties={**before.past.parties, **left},
    )


def _lose(former: Former, since: float | None) -> Former:
    """A key that is found lost later counts for less, never for more."""
    if since is None:
        return former
    return Former(former.key, min(former.until, since), True)


def _denied(what: str, where: str) -> SerambiError:
    return SerambiError(Kind.DENIED, what, where=where, hint="draft the change anew")
