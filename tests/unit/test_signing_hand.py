"""What an institution says with its key: only what was shown, only with the passphrase, only while
it can still be said; and how a paper then stands."""

from pathlib import Path

import pytest

from serambi.agreement.revocation import read_revocation
from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey, is_encrypted
from serambi.party.signing.hand import Shown
from serambi.party.signing.standing import Stand
from tests.builders import NOW, make_agreement, make_attestation
from tests.fakes.signing_town import OneDesk, one_hand, passphrase_of

SECRET = passphrase_of("kpu").encode()


@pytest.fixture
def desk(tmp_path: Path) -> OneDesk:
    return one_hand(tmp_path)[0]


def stand(desk: OneDesk, number: str) -> Stand:
    return desk.hand.standing(desk.signed(number)).stand


def test_how_papers_stand(desk: OneDesk) -> None:
    assert stand(desk, "2026-03") is Stand.IN_FORCE
    assert stand(desk, "2026-04") is Stand.WAITING_FOR_US
    assert stand(desk, "2026-05") is Stand.DRAFT
    desk.hand.sign(desk.shown("2026-04"), SECRET)
    assert stand(desk, "2026-04") is Stand.WAITING
    desk.clock.step(NOW - 2 * 86_400)
    assert stand(desk, "2026-03") is Stand.NOT_YET
    desk.clock.step(NOW + 30 * 86_400)
    assert stand(desk, "2026-03") is Stand.ENDED


def test_a_refusal_holds_until_one_signs(desk: OneDesk) -> None:
    desk.hand.say("refusal", desk.shown("2026-04"), "Belum dibahas", SECRET)
    assert stand(desk, "2026-04") is Stand.REFUSED
    desk.hand.sign(desk.shown("2026-04"), SECRET)
    assert stand(desk, "2026-04") is Stand.WAITING


@pytest.mark.parametrize("secret", [b"wrong", b"", None])
def test_without_the_passphrase_nothing_is_signed(desk: OneDesk, secret: bytes | None) -> None:
    assert is_encrypted(desk.home / "key")
    for act in (desk.hand.sign, desk.hand.revoke):
        with pytest.raises(SerambiError) as refused:
            act(desk.shown("2026-04" if act == desk.hand.sign else "2026-03"), secret)
        assert refused.value.kind is Kind.CORRUPT
        assert "wrong" not in str(refused.value).replace("passphrase is wrong", "")
    assert "kpu" not in desk.signed("2026-04").signed_by
    assert desk.hand.revocations.all() == {}


def test_only_what_was_shown_is_signed(desk: OneDesk) -> None:
    shown = desk.shown("2026-04")
    with pytest.raises(SerambiError, match="not what was shown"):
        desk.hand.sign(Shown(shown.digest, desk.shown("2026-05").tag), SECRET)
    with pytest.raises(SerambiError, match="no such paper"):
        desk.hand.sign(Shown("0" * 64, shown.tag), SECRET)
    # Another version has come since the page was opened: read again.
    others = [party for party in desk.town.keys if party != "kpu"]
    raw = make_agreement(
        desk.town,
        attestations=[make_attestation(desk.town)],
        number="2026-04",
        heartbeat_s=600,
        signed_by=others,
    )
    desk.hand.papers.take(raw)
    with pytest.raises(SerambiError, match="not what was shown") as refused:
        desk.hand.sign(shown, SECRET)
    assert refused.value.kind is Kind.CONFLICT
    desk.hand.sign(desk.shown("2026-04"), SECRET)


def test_who_else_signs_meanwhile_does_not_matter(desk: OneDesk) -> None:
    shown = desk.shown("2026-04")
    desk.hand.papers.take(
        make_agreement(
            desk.town,
            attestations=[make_attestation(desk.town)],
            number="2026-04",
            signed_by=("dishub", "rsud"),
        )
    )
    desk.hand.sign(shown, SECRET)
    assert desk.signed("2026-04").complete


def test_a_signature_taken_back_stays_taken_back(desk: OneDesk) -> None:
    desk.hand.sign(desk.shown("2026-05"), SECRET)
    desk.hand.revoke(desk.shown("2026-05"), SECRET)
    assert stand(desk, "2026-05") is Stand.WITHDRAWN
    (raw,) = desk.hand.revocations.all().values()
    assert read_revocation(raw, desk.town.roster).agreement == desk.papers["2026-05"]
    with pytest.raises(SerambiError, match="any more"):
        desk.hand.sign(desk.shown("2026-05"), SECRET)
    # Even when all the others sign it now.
    desk.hand.papers.take(
        make_agreement(desk.town, attestations=[make_attestation(desk.town)], number="2026-05")
    )
    assert stand(desk, "2026-05") is Stand.REVOKED


def test_what_cannot_be_done_any_more(desk: OneDesk) -> None:
    with pytest.raises(SerambiError, match="has not signed"):
        desk.hand.revoke(desk.shown("2026-04"), SECRET)
    desk.hand.sign(desk.shown("2026-04"), SECRET)
    with pytest.raises(SerambiError, match="any more"):
        desk.hand.say("refusal", desk.shown("2026-04"), "", SECRET)
    desk.clock.step(NOW + 30 * 86_400)
    for number in ("2026-04", "2026-05"):
        with pytest.raises(SerambiError, match="any more"):
            desk.hand.sign(desk.shown(number), SECRET)


def test_cameras_must_stand_as_they_were_attested(desk: OneDesk) -> None:
    desk.hand.papers.take(make_attestation(desk.town, heading_deg=10, valid_until=NOW + 9e7))
    with pytest.raises(SerambiError, match="attested anew"):
        desk.hand.sign(desk.shown("2026-04"), SECRET)


def test_the_key_of_somebody_else_signs_nothing(desk: OneDesk) -> None:
    for key in (desk.town.keys["rsud"], desk.town.witnesses["kpu"], SigningKey.generate()):
        for file in (desk.home / "key").iterdir():
            file.unlink()
        key.save(desk.home / "key")
        with pytest.raises(SerambiError, match="does not have this key"):
            desk.hand.sign(desk.shown("2026-04"), None)


def test_a_key_that_is_not_there(desk: OneDesk) -> None:
    (desk.home / "key" / "key.pem").unlink()
    with pytest.raises(SerambiError, match="cannot be read"):
        _ = desk.hand.key_is_encrypted
