import base64
from collections.abc import Callable

import msgspec
import pytest

from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import (
    ROSTER_TYPE,
    Key,
    RosterDocument,
    key_entry,
    read_roster,
    seal_roster,
)
from tests.builders import SITE, make_roster

TOWN = make_roster(sites={SITE: "kpu", "kantor-bawaslu": "bawaslu"})
DOCUMENT = TOWN.roster.document
SIGNERS = list(TOWN.keys.values())


def read(document: RosterDocument, keys: list[SigningKey] | None = None) -> None:
    read_roster(seal_roster(document, SIGNERS if keys is None else keys), None)


def with_keys(*more: Key) -> RosterDocument:
    return msgspec.structs.replace(DOCUMENT, keys=DOCUMENT.keys + more)


def test_a_roster_says_who_is_who() -> None:
    roster = TOWN.roster
    kpu = TOWN.keys["kpu"]
    assert [party.id for party in roster.parties] == ["kpu", "bawaslu", "polres"]
    assert roster.party("kpu").name.en == "KPU (en)"
    assert roster.find_party("nobody") is None
    assert roster.key(kpu.key_id) == kpu.public
    assert roster.key("00" * 16) is None
    entry = roster.entry(kpu.key_id)
    assert entry is not None
    assert (entry.party, entry.use) == ("kpu", "sign")
    assert roster.entry("00" * 16) is None
    with pytest.raises(SerambiError) as caught:
        roster.party("nobody")
    assert caught.value.kind == Kind.NOT_FOUND


def test_keys_are_found_by_use_party_and_site() -> None:
    roster = TOWN.roster
    assert roster.keys_for(use="center") == (TOWN.center.public,)
    assert roster.keys_for(use="sign", party="kpu") == (TOWN.keys["kpu"].public,)
    assert roster.keys_for(use="gateway", site=SITE) == (TOWN.gateways[SITE].public,)
    assert roster.keys_for(use="gateway", site=SITE, party="polres") == ()
    assert len(roster.keys_for(use="gateway")) == 2
    assert len(roster.keys_for(use="sign")) == 3


def test_a_site_has_one_owner() -> None:
    assert TOWN.roster.owner(SITE) == "kpu"
    assert TOWN.roster.owner("kantor-bawaslu") == "bawaslu"
    assert TOWN.roster.owner("elsewhere") is None
    assert TOWN.roster.owner("") is None
    with pytest.raises(SerambiError, match="two parties"):
        read(with_keys(key_entry(SigningKey.generate().public, "polres", "gateway", SITE)))
    read(with_keys(key_entry(SigningKey.generate().public, "kpu", "gateway", SITE)))


def test_the_genesis_is_pinned() -> None:
    assert read_roster(TOWN.raw, TOWN.roster.digest).digest == TOWN.roster.digest
    for other in ("", "00" * 32):
        with pytest.raises(SerambiError, match="pinned") as caught:
            read_roster(TOWN.raw, other)
        assert caught.value.kind == Kind.DENIED


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_every_party_must_have_signed(missing: int) -> None:
    name = list(TOWN.keys)[missing]
    with pytest.raises(SerambiError, match=f"not signed by {name}"):
        read(DOCUMENT, SIGNERS[:missing] + SIGNERS[missing + 1 :])


def test_two_keys_of_one_party_count_once() -> None:
    second = SigningKey.generate()
    document = with_keys(key_entry(second.public, "kpu", "sign"))
    with pytest.raises(SerambiError, match="not signed by bawaslu"):
        read(document, [TOWN.keys["kpu"], second, TOWN.keys["polres"]])
    envelope = dsse.sign("x", b"x", [TOWN.keys["kpu"], second])
    assert read_roster(seal_roster(document, SIGNERS), None).signers(envelope) == {"kpu"}


def test_only_sign_keys_sign() -> None:
    envelope = dsse.sign("x", b"x", [TOWN.center, TOWN.gateways[SITE], SigningKey.generate()])
    assert TOWN.roster.signers(envelope) == frozenset()


def test_one_raw_key_under_two_names_is_refused() -> None:
    kpu = TOWN.keys["kpu"].public
    for again in (
        key_entry(kpu, "polres", "sign"),
        key_entry(kpu, "kpu", "sign"),
        key_entry(kpu, "kpu", "center"),
    ):
        with pytest.raises(SerambiError, match="twice") as caught:
            read(with_keys(again))
        assert caught.value.kind == Kind.DENIED
    # Renaming it does not help: a key bears the name of its bytes.
    renamed = Key("00" * 16, key_entry(kpu, "x", "sign").public, "polres", "sign", "")
    with pytest.raises(SerambiError, match="own name"):
        read(with_keys(renamed))


def _other_spelling(entry: Key) -> Key:
    """The same 32 bytes in base64 whose spare bits are not zero."""
    head = entry.public[:-2]
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        text = f"{head}{last}="
        if text != entry.public and base64.b64decode(text) == base64.b64decode(entry.public):
            return msgspec.structs.replace(entry, public=text)
    raise AssertionError


NEW = key_entry(SigningKey.generate().public, "kpu", "sign")


@pytest.mark.parametrize(
    "key",
    [
        msgspec.structs.replace(NEW, party="nobody"),
        msgspec.structs.replace(NEW, site=SITE),
        msgspec.structs.replace(NEW, use="gateway"),
        msgspec.structs.replace(NEW, use="gateway", site="Gudang/.."),
        msgspec.structs.replace(NEW, public="*"),
        msgspec.structs.replace(NEW, public="é"),
        msgspec.structs.replace(NEW, public="AAAA"),
        msgspec.structs.replace(NEW, public=base64.b64encode(bytes(32)).decode()),
        _other_spelling(NEW),
    ],
)
def test_a_key_that_is_not_what_it_says_is_refused(key: Key) -> None:
    with pytest.raises(SerambiError) as caught:
        read(with_keys(key))
    assert caught.value.kind == Kind.BAD_INPUT


@pytest.mark.parametrize(
    "change",
    [
        lambda d: msgspec.structs.replace(d, parties=()),
        lambda d: msgspec.structs.replace(d, parties=d.parties * 2),
        lambda d: msgspec.structs.replace(
            d, parties=(msgspec.structs.replace(d.parties[0], id="K P U"), *d.parties[1:])
        ),
    ],
)
def test_parties_are_there_once(change: Callable[[RosterDocument], RosterDocument]) -> None:
    with pytest.raises(SerambiError) as caught:
        read(change(DOCUMENT))
    assert caught.value.kind == Kind.BAD_INPUT


def test_another_document_is_no_roster() -> None:
    with pytest.raises(SerambiError, match="not a roster"):
        read_roster(dsse.dump(dsse.sign("text/plain", encode(DOCUMENT), SIGNERS)), None)
    widened = {**msgspec.to_builtins(DOCUMENT), "trusted": True}
    with pytest.raises(SerambiError, match="unknown field"):
        read_roster(dsse.dump(dsse.sign(ROSTER_TYPE, encode(widened), SIGNERS)), None)
