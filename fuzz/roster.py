"""A change of the roster: as a file, and as a document behind the signatures of all or of some.

The first byte says how the rest is read and who signs. Whatever is believed must be signed by all
that stay, take no key from anybody, and bring back nothing that has gone.
"""

from collections.abc import Iterator
from functools import cache
from random import Random

from fuzz import _json
from fuzz._target import Target, require
from fuzz._town import numbered_keys, town
from serambi.base.canonical import encode
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import ROSTER_TYPE, Roster
from serambi.identity.succession import missing_signatures, succeed
from tests.rosters import Draft

_FILE, _ALL, _SOME = 0, 1, 2


@cache
def _new() -> SigningKey:
    make = numbered_keys(b"a key that comes %d")
    return make()


def _drafts() -> list[Draft]:
    before, kpu = town().roster, town().keys["kpu"]
    return [
        Draft(before).key(_new(), "kpu", "witness"),
        Draft(before, gone={kpu.key_id}).key(_new(), "kpu"),
        Draft(before).lose(kpu).key(_new(), "kpu").confirm(_new(), "polres"),
        Draft(before, left={"bawaslu"}),
        Draft(before, joined=["rsud"]).key(_new(), "rsud"),
    ]


def seeds() -> Iterator[bytes]:
    for draft in _drafts():
        payload = encode(draft.document())
        yield bytes([_FILE]) + _sealed(payload, _signers(_ALL))
        yield bytes([_ALL]) + payload
        yield bytes([_SOME]) + payload


def _signers(mode: int) -> list[SigningKey]:
    parties = list(town().keys.values())
    return [*parties, _new()] if mode == _ALL else [parties[-1], _new()]


def _sealed(payload: bytes, keys: list[SigningKey]) -> bytes:
    return dsse.dump(dsse.sign(ROSTER_TYPE, payload, keys))


def check(raw: bytes) -> None:
    if not raw:
        return
    mode, body = raw[0] % 3, raw[1:]
    if mode != _FILE:
        body = _sealed(_json.canonical(body), _signers(mode))
    before = town().roster
    after = succeed(before, body)
    require(encode(after.document) == dsse.load(body).payload, "it has a second spelling")
    require(not missing_signatures(before, after, dsse.load(body)), "believed, and not signed")
    require(after.document.previous == before.digest, "it follows another one")
    _check_nobody_is_forgotten(before, after)


def _check_nobody_is_forgotten(before: Roster, after: Roster) -> None:
    for key in before.document.keys:
        former = after.past.keys.get(key.key_id)
        require((former is None) == (after.entry(key.key_id) == key), "a key changed hands")
    for party in before.parties:
        stays = any(other.id == party.id for other in after.parties)
        require(stays != (party.id in after.past.parties), "a party is forgotten")
    for key in before.document.keys:
        require(not key.site or after.owner(key.site) == key.party, "a site changed hands")


def mutate(raw: bytes, rng: Random) -> bytes | None:
    return _json.mutate(raw, rng, prefix_bytes=1)


TARGET = Target(
    ("serambi.identity.roster", "serambi.identity.succession", "serambi.identity.dsse"),
    seeds,
    check,
    mutate=mutate,
)
