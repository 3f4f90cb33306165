"""What all have signed goes to the sites through the center, and what closes it too."""

from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PAPERS_DELIVER_EVERY_S
from serambi.party.signing.delivery import Delivery
from tests.builders import NOW, SITE, make_agreement, make_attestation
from tests.fakes.signing_town import Nowhere, OneDesk, one_hand, passphrase_of

SECRET = passphrase_of("kpu").encode()


class Center(Nowhere):
    """Takes what is to be passed on, unless it is away."""

    def __init__(self) -> None:
        self.passed: list[bytes] = []
        self.away = False

    def pass_on(self, document: bytes) -> None:
        if self.away:
            raise SerambiError(Kind.UNAVAILABLE, "no answer")
        self.passed.append(document)


def later(desk: OneDesk, delivery: Delivery, center: Center) -> list[bytes]:
    """What is passed on when its time has come again."""
    desk.clock.advance(PAPERS_DELIVER_EVERY_S)
    center.passed.clear()
    delivery.step(center)
    return list(center.passed)


def test_what_no_site_has_is_passed_on_now_and_then(tmp_path: Path) -> None:
    desk, delivery = one_hand(tmp_path)
    center = Center()
    force = desk.hand.papers.agreement(desk.papers["2026-03"])[1]
    delivery.step(center)
    delivery.step(center)
    assert center.passed == [force], "neither what waits nor a draft, and not twice at once"
    assert delivery.taken_up(desk.papers["2026-03"]) == {SITE: False}
    center.away = True
    assert later(desk, delivery, center) == []
    center.away = False
    assert later(desk, delivery, center) == [force]
    desk.clock.step(NOW + 31 * 86_400)
    assert later(desk, delivery, center) == [], "it has ended"


def test_a_signature_taken_back_is_told_before_anybody_can_use_it(tmp_path: Path) -> None:
    desk, delivery = one_hand(tmp_path)
    center = Center()
    desk.hand.sign(desk.shown("2026-05"), SECRET)
    desk.hand.revoke(desk.shown("2026-05"), SECRET)
    (revocation,) = desk.hand.revocations.all().values()
    assert revocation in later(desk, delivery, center)
    digest = desk.hand.papers.take(
        make_agreement(desk.town, attestations=[make_attestation(desk.town)], number="2026-05")
    )
    passed = later(desk, delivery, center)
    assert revocation in passed
    assert desk.hand.papers.agreement(digest)[1] not in passed, "it is over for this desk"


def test_a_disk_that_refuses_is_said_and_nothing_is_signed(tmp_path: Path) -> None:
    desk, _ = one_hand(tmp_path)
    (tmp_path / "papers").rename(tmp_path / "elsewhere")
    with pytest.raises(SerambiError, match="the paper cannot be kept") as refused:
        desk.hand.sign(desk.shown("2026-04"), SECRET)
    assert refused.value.kind is Kind.UNAVAILABLE
    assert "kpu" not in desk.signed("2026-04").signed_by
