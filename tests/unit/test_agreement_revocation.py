import msgspec
import pytest

from serambi.agreement.model import read_agreement
from serambi.agreement.revocation import (
    REVOCATION_TYPE,
    Revocation,
    read_revocation,
    seal_revocation,
)
from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.identity import dsse
from tests.builders import make_agreement, make_revocation, make_roster

TOWN = make_roster()
SIGNED = read_agreement(make_agreement(TOWN), TOWN.roster)
GOOD = Revocation(1, SIGNED.digest, "2026-03", "bawaslu", "2026-11-23T10:40:00Z")


@pytest.mark.parametrize("party", ["kpu", "bawaslu", "polres"])
def test_any_party_alone_revokes(party: str) -> None:
    revocation = read_revocation(make_revocation(TOWN, SIGNED, party), TOWN.roster)
    assert revocation == msgspec.structs.replace(GOOD, party=party)


def test_nobody_revokes_in_anothers_name() -> None:
    for key in (TOWN.keys["kpu"], TOWN.center):
        with pytest.raises(SerambiError, match="not signed by 'bawaslu'") as caught:
            read_revocation(seal_revocation(GOOD, key), TOWN.roster)
        assert caught.value.kind == Kind.DENIED


def test_the_instant_is_checked_when_made_and_when_read() -> None:
    broken = msgspec.structs.replace(GOOD, at="now")
    with pytest.raises(SerambiError):
        seal_revocation(broken, TOWN.keys["bawaslu"])
    keys = [TOWN.keys["bawaslu"]]
    with pytest.raises(SerambiError):
        read_revocation(dsse.dump(dsse.sign(REVOCATION_TYPE, encode(broken), keys)), TOWN.roster)


def test_another_document_is_no_revocation() -> None:
    keys = [TOWN.keys["bawaslu"]]
    with pytest.raises(SerambiError, match="not a revocation"):
        read_revocation(dsse.dump(dsse.sign("text/plain", encode(GOOD), keys)), TOWN.roster)
    widened = encode({**msgspec.to_builtins(GOOD), "until": "tomorrow"})
    with pytest.raises(SerambiError, match="unknown field"):
        read_revocation(dsse.dump(dsse.sign(REVOCATION_TYPE, widened, keys)), TOWN.roster)
