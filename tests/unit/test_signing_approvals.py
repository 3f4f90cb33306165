"""Approving at the signing desk: what is shown is what is signed, and it reaches the sites."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from serambi.agreement.approval import read_approval
from serambi.base.errors import SerambiError
from serambi.base.limits import PAPERS_DELIVER_EVERY_S
from serambi.identity import dsse
from serambi.ledger.entry import Entry
from serambi.party.revocations import Agreements
from serambi.party.signing.approvals import Approvals
from tests.builders import NOW, make_approval
from tests.fakes.signing_town import (
    ACCOUNT,
    Nowhere,
    OneDesk,
    one_desk,
    one_hand,
    passphrase_of,
    password_of,
)

SECRET = passphrase_of("kpu").encode()


class Center(Nowhere):
    """Asks, and takes what is to be passed on."""

    def __init__(self, *asks: bytes) -> None:
        self.asks = list(asks)
        self.passed: list[bytes] = []

    def asked(self) -> list[bytes]:
        return self.asks

    def pass_on(self, document: bytes) -> None:
        self.passed.append(document)


def question(desk: OneDesk, **changes: object) -> bytes:
    """What the center asks of other parties under the agreement that is in force."""
    signed = desk.signed("2026-03")
    return make_approval(desk.town, signed, **{"signed_by": (), **changes})  # type: ignore[arg-type]


def test_what_is_approved_goes_to_the_sites_until_a_ledger_has_it(tmp_path: Path) -> None:
    desk, delivery = one_hand(tmp_path)
    center = Center(question(desk))
    delivery.step(center)
    (asked,) = desk.hand.approvals.all()
    desk.hand.approve(asked.digest, SECRET)
    center.passed.clear()
    delivery.step(center)
    (raw,) = center.passed
    given = read_approval(raw, desk.town.roster)
    assert (given.digest, sorted(given.approved_by)) == (asked.digest, ["kpu"])
    desk.clock.advance(PAPERS_DELIVER_EVERY_S)
    delivery.step(center)
    assert center.passed.count(raw) == 2, "no ledger has it yet"
    kept = Approvals(tmp_path, desk.hand.papers, desk.clock)
    assert list(kept.given()) == [asked.digest], "a restart forgets nothing"
    desk.clock.step(NOW + 3600)
    delivery.step(center)
    assert desk.hand.approvals.given() == {}
    assert list((tmp_path / "approvals").iterdir()) == []


def test_a_ledger_says_which_approvals_it_has() -> None:
    found = Agreements()
    found.add([Entry(kind="approved", at_ms=1, detail="ab" * 32)])
    assert found.approved == {"ab" * 32}


@pytest.mark.parametrize(
    "changes",
    [{"party": "bawaslu"}, {"agreement": "ab" * 32}, {"until": NOW}],
    ids=["not the viewer", "unknown agreement", "over"],
)
def test_what_is_not_for_us_is_passed_over(tmp_path: Path, changes: dict[str, object]) -> None:
    desk, delivery = one_hand(tmp_path)
    delivery.step(Center(question(desk, **changes), b"rubbish"))
    assert desk.hand.approvals.all() == []


def test_what_the_center_did_not_sign_is_passed_over(tmp_path: Path) -> None:
    desk, delivery = one_hand(tmp_path)
    envelope = dsse.load(question(desk, signed_by=["bawaslu"]))
    keys = desk.town.roster.keys_for(use="sign")
    ours = [p for p in envelope.signatures if p[0] in {key.key_id for key in keys}]
    without = dsse.Envelope(envelope.payload_type, envelope.payload, tuple(ours))
    delivery.step(Center(dsse.dump(without)))
    assert desk.hand.approvals.all() == []


def test_the_viewer_approves_nothing_of_its_own(tmp_path: Path) -> None:
    desk, delivery = one_hand(tmp_path, "polres")
    delivery.step(Center(question(desk)))
    assert desk.hand.approvals.all() == []


def test_nothing_is_approved_that_is_not_asked(tmp_path: Path) -> None:
    desk, delivery = one_hand(tmp_path)
    delivery.step(Center(question(desk)))
    (asked,) = desk.hand.approvals.all()
    with pytest.raises(SerambiError, match="nothing like this is asked"):
        desk.hand.approve("ab" * 32, SECRET)
    desk.clock.step(NOW + 3600)
    with pytest.raises(SerambiError, match="nothing like this is asked"):
        desk.hand.approve(asked.digest, SECRET)


# -- over HTTP


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[OneDesk]:
    async with one_desk(tmp_path) as desk:
        desk.hand.approvals.hear([question(desk)])
        yield desk


@pytest.fixture
async def http(desk: OneDesk) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"origin": desk.url, "accept-language": "en"}
    async with httpx.AsyncClient(base_url=desk.url, headers=headers, trust_env=False) as http:
        said = {"account": ACCOUNT, "password": password_of("kpu")}
        assert (await http.post("/login", data=said)).status_code == 303
        yield http


async def test_a_person_reads_what_is_asked_and_approves_it(
    desk: OneDesk, http: httpx.AsyncClient
) -> None:
    (asked,) = desk.hand.approvals.all()
    path = f"/approvals/{asked.digest}"
    home = await http.get("/")
    assert f'href="{path}"' in home.text
    page = (await http.get(path)).text
    for text in ("POLRES (en), Regu jaga, asks to see", "101 Gerbang utama (en)", "look live"):
        assert text in page
    assert "tas tak bertuan di gerbang" in page
    assert asked.digest in page
    wrong = await http.post(path, data={"shown": asked.digest, "secret": "guess"})
    assert wrong.status_code == 403
    assert "Nothing was signed" in wrong.text
    other = await http.post(path, data={"shown": "ab" * 32, "secret": passphrase_of("kpu")})
    assert other.status_code == 409
    done = await http.post(path, data={"shown": asked.digest, "secret": passphrase_of("kpu")})
    assert (done.status_code, done.headers["location"]) == (303, path)
    page = (await http.get(path)).text
    assert "We have approved it" in page
    assert "<form" not in page.split("</dl>")[1].split("</main>")[0]
    assert (await http.get(f"/approvals/{'ab' * 32}")).status_code == 404


async def test_a_foreign_page_or_nobody_approves_nothing(
    desk: OneDesk, http: httpx.AsyncClient
) -> None:
    (asked,) = desk.hand.approvals.all()
    said = {"shown": asked.digest, "secret": passphrase_of("kpu")}
    path = f"/approvals/{asked.digest}"
    foreign = await http.post(path, data=said, headers={"origin": "http://center.example"})
    assert foreign.status_code == 403
    await http.post("/logout")
    assert (await http.post(path, data=said)).headers["location"] == "/"
    assert desk.hand.approvals.given() == {}
    paper = f"/papers/{desk.papers['2026-03']}/approve"
    assert (await http.post(paper, data=said)).status_code in (303, 409)
