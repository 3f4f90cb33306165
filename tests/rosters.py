"""Rosters that follow each other, as parties would make them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from serambi.base.instants import instant_text
from serambi.identity.keys import SigningKey
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
    seal_roster,
)
from serambi.identity.succession import succeed
from tests.builders import NOW, Town, words


@dataclass
class Draft:
    """A change of a roster; what is not said stays."""

    before: Roster
    at: float = NOW
    gone: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    joined: list[str] = field(default_factory=list)
    new: list[Key] = field(default_factory=list)
    lost: list[Loss] = field(default_factory=list)
    confirmed: list[Confirmed] = field(default_factory=list)

    def key(self, key: SigningKey, party: str, use: Use = "sign", site: str = "") -> "Draft":
        self.new.append(key_entry(key.public, party, use, site))
        return self

    def lose(self, key: SigningKey, since: float = NOW) -> "Draft":
        self.gone.add(key.key_id)
        self.lost.append(Loss(key.key_id, instant_text(since)))
        return self

    def confirm(self, key: SigningKey, party: str, person: str = "Ani, head of IT") -> "Draft":
        sha256 = hashlib.sha256(key.public.raw).hexdigest()
        self.confirmed.append(Confirmed(key.key_id, sha256, party, person))
        return self

    def document(self) -> RosterDocument:
        old = self.before.document
        stay = tuple(party for party in old.parties if party.id not in self.left)
        fresh = tuple(
            Party(p, words(p.upper()), words("lembaga"), words("112")) for p in self.joined
        )
        kept = tuple(
            key for key in old.keys if key.key_id not in self.gone and key.party not in self.left
        )
        return msgspec.structs.replace(
            old,
            sequence=old.sequence + 1,
            previous=self.before.digest,
            parties=stay + fresh,
            keys=kept + tuple(self.new),
            change=Change(instant_text(self.at), tuple(self.lost), tuple(self.confirmed)),
        )

    def sealed(self, keys: Iterable[SigningKey]) -> bytes:
        return seal_roster(self.document(), list(keys))


def rotated(
    town: Town, party: str = "kpu", *, at: float = NOW, lost: bool = False
) -> tuple[bytes, SigningKey]:
    """The town's roster with another key for `party`, signed as it must be; and that key."""
    new = SigningKey.generate()
    draft = Draft(town.roster, at=at).key(new, party)
    others: Sequence[str] = [each for each in town.keys if each != party]
    if not lost:
        draft.gone.add(town.keys[party].key_id)
        return draft.sealed([*town.keys.values(), new]), new
    draft.lose(town.keys[party], at).confirm(new, others[0])
    return draft.sealed([*town.sign_keys(others), new]), new


def without(town: Town, party: str, *, at: float = NOW) -> bytes:
    """The town's roster after `party` has left, signed by all, as it says itself."""
    return Draft(town.roster, at=at, left={party}).sealed(town.keys.values())


def followed(town: Town, raw: bytes) -> Roster:
    return succeed(town.roster, raw)
