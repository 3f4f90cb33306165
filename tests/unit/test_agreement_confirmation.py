"""A confirmation undoes a suspension: by the owner and another, for this attestation."""

import pytest

from serambi.agreement.confirmation import Confirmation, read_confirmation, seal_confirmation
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.identity import dsse
from tests.builders import NOW, SITE, make_attestation, make_roster

TOWN = make_roster()
GOOD = Confirmation(1, SITE, "cam-1", "ab" * 32, instant_text(NOW))


def sealed(*parties: str, said: Confirmation = GOOD) -> bytes:
    return seal_confirmation(said, TOWN.sign_keys(parties))


def test_owner_and_another_are_believed() -> None:
    signed = read_confirmation(sealed("kpu", "bawaslu"), TOWN.roster)
    assert signed.confirmation == GOOD
    assert signed.at == NOW
    assert signed.signed_by == {"kpu", "bawaslu"}


@pytest.mark.parametrize("parties", [(), ("kpu",), ("bawaslu",), ("bawaslu", "polres")])
def test_the_owner_alone_or_others_without_the_owner_are_not(parties: tuple[str, ...]) -> None:
    with pytest.raises(SerambiError, match="lacks signatures") as caught:
        read_confirmation(sealed(*parties), TOWN.roster)
    assert caught.value.kind is Kind.DENIED


def test_one_key_twice_is_one_party() -> None:
    with pytest.raises(SerambiError):
        read_confirmation(sealed("kpu", "kpu"), TOWN.roster)


def test_another_document_is_none() -> None:
    with pytest.raises(SerambiError, match="not a confirmation"):
        read_confirmation(make_attestation(TOWN), TOWN.roster)


@pytest.mark.parametrize("at", ["yesterday", "9999-12-31T00:00:00Z", ""])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    wrong = Confirmation(1, SITE, "cam-1", "ab" * 32, at)
    with pytest.raises(SerambiError):
        sealed("kpu", "bawaslu", said=wrong)


def test_a_changed_word_breaks_the_signatures() -> None:
    envelope = dsse.load(sealed("kpu", "bawaslu"))
    other = envelope.payload.replace(b"cam-1", b"cam-2")
    forged = dsse.dump(dsse.Envelope(envelope.payload_type, other, envelope.signatures))
    with pytest.raises(SerambiError):
        read_confirmation(forged, TOWN.roster)
