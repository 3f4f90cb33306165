from typing import Any

import msgspec
import pytest

from serambi.agreement.attestation import (
    ATTESTATION_TYPE,
    Attestation,
    Place,
    read_attestation,
    seal_attestation,
)
from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import key_entry, read_roster, seal_roster
from tests.builders import NOW, SITE, attested, make_attestation, make_roster

TOWN = make_roster()
GOOD = attested(TOWN, [make_attestation(TOWN)])["cam-1"]


@pytest.mark.parametrize(
    ("signed_by", "complete"),
    [
        (["kpu", "bawaslu"], True),
        (["kpu", "polres"], True),
        (["kpu", "bawaslu", "polres"], True),
        (["kpu"], False),
        (["kpu", "kpu"], False),
        (["bawaslu", "polres"], False),
        ([], False),
    ],
)
def test_the_owner_and_one_other_party_attest(signed_by: list[str], complete: bool) -> None:
    signed = attested(TOWN, [make_attestation(TOWN, signed_by=signed_by)])["cam-1"]
    assert signed.complete is complete
    assert signed.signed_by == set(signed_by)


def test_two_keys_of_the_owner_are_one_party() -> None:
    second = SigningKey.generate()
    document = TOWN.roster.document
    more = msgspec.structs.replace(
        document, keys=(*document.keys, key_entry(second.public, "kpu", "sign"))
    )
    roster = read_roster(seal_roster(more, list(TOWN.keys.values())), None)
    raw = seal_attestation(GOOD.attestation, [TOWN.keys["kpu"], second])
    assert not read_attestation(raw, roster).complete


def test_gateway_and_center_keys_attest_nothing() -> None:
    keys = [TOWN.keys["kpu"], TOWN.center, TOWN.gateways[SITE]]
    raw = seal_attestation(GOOD.attestation, keys)
    assert read_attestation(raw, TOWN.roster).signed_by == {"kpu"}


def test_the_digest_names_the_content_whoever_signed() -> None:
    alone = attested(TOWN, [make_attestation(TOWN, signed_by=["kpu"])])["cam-1"]
    turned = attested(TOWN, [make_attestation(TOWN, heading_deg=1)])["cam-1"]
    assert alone.digest == GOOD.digest != turned.digest
    assert GOOD.valid_until == NOW + 400 * 86_400


def test_inside_may_be_attested() -> None:
    signed = attested(TOWN, [make_attestation(TOWN, facing="inside")])["cam-1"]
    assert signed.attestation.facing == "inside"


@pytest.mark.parametrize(
    "changes",
    [
        {"camera": "cam/1"},
        {"site": ""},
        {"heading_deg": 360},
        {"heading_deg": -1},
        {"fov_deg": 0},
        {"fov_deg": 361},
        {"reference_sha256": "ab"},
        {"reference_sha256": "AB" * 32},
        {"reference_sha256": "X" * 64},
        {"valid_until": "tomorrow"},
        {"place": Place(90.5, 0.0)},
        {"place": Place(0.0, -180.5)},
    ],
)
def test_what_is_malformed_is_neither_made_nor_read(changes: dict[str, Any]) -> None:
    broken: Attestation = msgspec.structs.replace(GOOD.attestation, **changes)
    with pytest.raises(SerambiError):
        seal_attestation(broken, [])
    raw = dsse.dump(dsse.sign(ATTESTATION_TYPE, encode(broken), TOWN.sign_keys(["kpu"])))
    with pytest.raises(SerambiError) as caught:
        read_attestation(raw, TOWN.roster)
    assert caught.value.kind == Kind.BAD_INPUT


@pytest.mark.parametrize(
    "changes",
    [{"heading_deg": 0}, {"heading_deg": 359}, {"fov_deg": 1}, {"fov_deg": 360}],
)
def test_every_direction_and_width_can_be_attested(changes: dict[str, Any]) -> None:
    signed = attested(TOWN, [make_attestation(TOWN, **changes)])["cam-1"]
    assert msgspec.structs.replace(GOOD.attestation, **changes) == signed.attestation


def test_a_place_on_the_map_is_attested_too_where_there_is_one() -> None:
    placed = attested(TOWN, [make_attestation(TOWN, place=Place(-90.0, 180.0))])["cam-1"]
    assert placed.attestation.place == Place(-90.0, 180.0)
    assert placed.digest != GOOD.digest
    # A document without it has no field for it either: what was signed before stays valid.
    assert "place" not in msgspec.to_builtins(GOOD.attestation)


@pytest.mark.parametrize("change", [{"facing": "outside"}, {"format": 2}, {"audio": True}])
def test_other_fields_and_values_are_refused(change: dict[str, Any]) -> None:
    payload = encode({**msgspec.to_builtins(GOOD.attestation), **change})
    raw = dsse.dump(dsse.sign(ATTESTATION_TYPE, payload, TOWN.sign_keys(["kpu"])))
    with pytest.raises(SerambiError) as caught:
        read_attestation(raw, TOWN.roster)
    assert caught.value.kind == Kind.BAD_INPUT


@pytest.mark.parametrize("owner", ["bawaslu", "nobody"])
def test_only_the_owner_in_the_roster_is_the_owner(owner: str) -> None:
    raw = make_attestation(TOWN, owner=owner, signed_by=["bawaslu", "polres"])
    with pytest.raises(SerambiError, match="not the owner") as caught:
        read_attestation(raw, TOWN.roster)
    assert caught.value.kind == Kind.DENIED


def test_another_document_is_no_attestation() -> None:
    raw = dsse.dump(dsse.sign("text/plain", encode(GOOD.attestation), []))
    with pytest.raises(SerambiError, match="not an attestation"):
        read_attestation(raw, TOWN.roster)
