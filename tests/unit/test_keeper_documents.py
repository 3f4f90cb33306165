"""Documents: believed for their signatures alone, kept before they open anything."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from serambi.agreement.approval import read_approval
from serambi.agreement.decide import Ask, Reason, decide
from serambi.agreement.model import SignedAgreement, read_agreement
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.keeper import documents as documents_module
from serambi.keeper.documents import Accepted, Documents
from tests.builders import (
    NOW,
    SITE,
    Town,
    make_agreement,
    make_approval,
    make_attestation,
    make_request,
    make_revocation,
    make_roster,
)


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster(
        ("kpu", "bawaslu", "polres", "dishub"), sites={SITE: "kpu", "simpang": "dishub"}
    )


class Shelf:
    def __init__(self, folder: Path, town: Town) -> None:
        self.folder = folder
        self.town = town
        self.clock = ManualClock(NOW)
        (folder / "roster.json").write_bytes(town.raw)
        self.documents = self.opened()
        self.attestation = make_attestation(town)

    def opened(self) -> Documents:
        digest = self.town.roster.digest
        return Documents(self.folder, SITE, self.folder / "roster.json", digest, self.clock)

    def agree(self, *signed_by: str, **changes: Any) -> bytes:
        return make_agreement(
            self.town,
            attestations=[self.attestation],
            parties=("kpu", "bawaslu", "polres"),
            signed_by=signed_by or ("kpu", "bawaslu", "polres"),
            **changes,
        )

    def reason(self, documents: Documents | None = None) -> Reason:
        state = (documents or self.documents).state(stops={}, clock_ok=True, seen_at=NOW)
        return decide(state, Ask("cam-1", "live", "routine_watch", "polres"), NOW).reason

    def share(self) -> str:
        self.documents.accept(self.attestation)
        self.documents.accept(self.agree())
        assert self.reason() == Reason.ALLOWED
        return self.digest

    @property
    def now_in_force(self) -> Accepted:
        return Accepted("agreement_accepted", "2026-03", digest=self.digest)

    @property
    def digest(self) -> str:
        return read_agreement(self.agree(), self.town.roster).digest

    def revocation(self, party: str = "bawaslu") -> bytes:
        return make_revocation(self.town, read_agreement(self.agree(), self.town.roster), party)


@pytest.fixture
def shelf(tmp_path: Path, town: Town) -> Shelf:
    return Shelf(tmp_path, town)


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(documents_module, "write_atomically", refuse)


def test_signatures_come_one_by_one(shelf: Shelf) -> None:
    accept = shelf.documents.accept
    assert accept(shelf.attestation) == Accepted()
    assert accept(shelf.agree("kpu")) == Accepted()
    assert accept(shelf.agree("polres")) == Accepted()
    (signed,) = shelf.documents.state(stops={}, clock_ok=True, seen_at=NOW).agreements
    assert (signed.signed_by, signed.missing) == (("kpu", "polres"), ("bawaslu",))
    assert shelf.reason() == Reason.NO_AGREEMENT
    assert shelf.reason(shelf.opened()) == Reason.NO_AGREEMENT
    assert accept(shelf.agree("bawaslu")) == Accepted(
        "agreement_accepted", "2026-03", digest=shelf.digest
    )
    assert accept(shelf.agree("bawaslu", "kpu")) == Accepted()
    assert shelf.reason() == Reason.ALLOWED
    assert shelf.reason(shelf.opened()) == Reason.ALLOWED, "it is on the disk"
    assert shelf.opened().accept(shelf.agree()) == Accepted(), "known after a restart too"


def test_a_revocation_by_any_party_closes_for_good(shelf: Shelf) -> None:
    shelf.share()
    revocation = shelf.revocation()
    accepted = Accepted("agreement_revoked", "2026-03", "bawaslu", shelf.digest)
    assert shelf.documents.accept(revocation) == accepted
    assert shelf.reason() == Reason.REVOKED
    assert shelf.documents.accept(revocation) == Accepted()
    assert shelf.documents.accept(shelf.revocation("kpu")) == Accepted()
    assert shelf.documents.accept(shelf.agree()) == Accepted()
    assert shelf.reason(shelf.opened()) == Reason.REVOKED


def _not_ours(shelf: Shelf) -> bytes:
    return make_agreement(shelf.town, site="simpang", parties=("dishub", "polres"))


def _inside_party(shelf: Shelf) -> bytes:
    return shelf.revocation("dishub")


def _forged_revocation(shelf: Shelf) -> bytes:
    signed = read_agreement(shelf.agree(), shelf.town.roster)
    keys = {**shelf.town.keys, "bawaslu": shelf.town.center}
    town = Town(**{**vars(shelf.town), "keys": keys})
    return make_revocation(town, signed, "bawaslu")


def _by_nobody(shelf: Shelf) -> bytes:
    envelope = dsse.load(shelf.agree())
    stranger = dsse.sign(envelope.payload_type, envelope.payload, [SigningKey.generate()])
    return dsse.dump(stranger)


def _unsigned(shelf: Shelf) -> bytes:
    return dsse.dump(msgspec.structs.replace(dsse.load(shelf.agree()), signatures=()))


def _by_the_center(shelf: Shelf) -> bytes:
    envelope = dsse.load(shelf.agree())
    return dsse.dump(dsse.sign(envelope.payload_type, envelope.payload, [shelf.town.center]))


def _half_attested(shelf: Shelf) -> bytes:
    return make_attestation(shelf.town, facing="inside", signed_by=("kpu",))


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda s: b"", Kind.BAD_INPUT, "cannot be read"),
        (lambda s: b"{}", Kind.BAD_INPUT, "cannot be read"),
        (lambda s: b"\xff" * 100, Kind.BAD_INPUT, "cannot be read"),
        (lambda s: b"[" * 100_000, Kind.BAD_INPUT, "cannot be read"),
        (lambda s: b"x" * (DOCUMENT_MAX_BYTES + 1), Kind.LIMIT, "larger than"),
        (lambda s: s.agree() + b"\n", Kind.BAD_INPUT, "canonical"),
        (lambda s: make_request(s.town), Kind.BAD_INPUT, "is not known here"),
        (lambda s: make_roster().raw, Kind.CONFLICT, "an older one"),
        (_not_ours, Kind.BAD_INPUT, "does not name gudang-kpu"),
        (_inside_party, Kind.DENIED, "dishub is not a party"),
        (_forged_revocation, Kind.DENIED, "the roster does not know"),
        (_by_nobody, Kind.DENIED, "the roster does not know"),
        (_by_the_center, Kind.DENIED, "the roster does not know"),
        (_unsigned, Kind.DENIED, "nobody has signed"),
        (_half_attested, Kind.DENIED, "lacks signatures"),
        (lambda s: make_attestation(s.town, site="simpang"), Kind.BAD_INPUT, "at simpang"),
    ],
)
def test_what_is_not_believed_changes_nothing(
    shelf: Shelf, make: Callable[[Shelf], bytes], kind: Kind, says: str
) -> None:
    shelf.share()
    files = {p.name: p.read_bytes() for p in (shelf.folder / "documents").glob("*.json")}
    with pytest.raises(SerambiError, match=says) as caught:
        shelf.documents.accept(make(shelf))
    assert caught.value.kind == kind
    assert shelf.reason() == Reason.ALLOWED
    assert files == {p.name: p.read_bytes() for p in (shelf.folder / "documents").glob("*.json")}


def test_worthless_signatures_take_no_room_from_good_ones(shelf: Shelf) -> None:
    shelf.documents.accept(shelf.attestation)
    junk = dsse.load(shelf.agree("kpu"))
    for _ in range(62):
        junk = dsse.add_signature(junk, SigningKey.generate())
    shelf.documents.accept(dsse.dump(junk))
    lie = (shelf.town.keys["bawaslu"].key_id, b"\0" * 64)
    lying = msgspec.structs.replace(
        dsse.load(shelf.agree("polres")),
        signatures=tuple(sorted({lie, *dsse.load(shelf.agree("polres")).signatures})),
    )
    shelf.documents.accept(dsse.dump(lying))
    assert shelf.reason() == Reason.NO_AGREEMENT
    shelf.documents.accept(shelf.agree("bawaslu"))
    assert shelf.reason() == Reason.ALLOWED
    (kept,) = (shelf.folder / "documents").glob("agreement-*.json")
    assert len(dsse.load(kept.read_bytes()).signatures) == 3


def test_a_replaced_attestation_does_not_come_back(shelf: Shelf) -> None:
    shelf.share()
    inside = make_attestation(shelf.town, facing="inside")
    shelf.documents.accept(inside)
    assert shelf.reason() == Reason.NO_AGREEMENT
    for documents in (shelf.documents, shelf.opened()):
        with pytest.raises(SerambiError, match="was replaced"):
            documents.accept(shelf.attestation)
        assert shelf.reason(documents) == Reason.NO_AGREEMENT
        assert documents.accept(inside) == Accepted()


def test_room_is_bounded_but_never_for_a_revocation(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.share()
    shelf.documents.accept(shelf.agree("kpu", number="2026-07"))
    monkeypatch.setattr(documents_module, "DOCUMENTS_MAX", 3)
    with pytest.raises(SerambiError, match="are kept already"):
        shelf.documents.accept(shelf.agree("kpu", number="2026-08"))
    shelf.documents.accept(shelf.agree("polres", number="2026-07"))
    shelf.documents.accept(shelf.revocation())
    assert shelf.reason() == Reason.REVOKED


def test_what_the_disk_refuses_is_not_in_force(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.documents.accept(shelf.attestation)
    with monkeypatch.context() as disk:
        full_disk(disk)
        with pytest.raises(SerambiError, match="No space left") as caught:
            shelf.documents.accept(shelf.agree())
        assert caught.value.kind == Kind.UNAVAILABLE
        assert shelf.reason() == Reason.NO_AGREEMENT
    assert shelf.documents.accept(shelf.agree()) == Accepted(
        "agreement_accepted", "2026-03", digest=shelf.digest
    )
    assert shelf.reason() == Reason.ALLOWED


def test_a_revocation_acts_though_the_disk_is_full_and_is_kept_later(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.share()
    with monkeypatch.context() as disk:
        full_disk(disk)
        for _ in range(2):
            with pytest.raises(SerambiError, match="No space left"):
                shelf.documents.accept(shelf.revocation())
            assert shelf.reason() == Reason.REVOKED
    assert shelf.reason(shelf.opened()) == Reason.ALLOWED, "not on the disk yet"
    accepted = Accepted("agreement_revoked", "2026-03", "bawaslu", shelf.digest)
    assert shelf.documents.accept(shelf.revocation()) == accepted
    assert shelf.reason(shelf.opened()) == Reason.REVOKED


def test_a_kept_revocation_that_cannot_be_read_stops_the_start(shelf: Shelf) -> None:
    digest = shelf.share()
    shelf.documents.accept(shelf.revocation())
    path = shelf.folder / "documents" / f"revocation-{digest}.json"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SerambiError, match="kept revocation") as caught:
        shelf.opened()
    assert (caught.value.kind, caught.value.where) == (Kind.CORRUPT, str(path))


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("first", [("kpu",), ("kpu", "bawaslu", "polres")])
def test_a_revocation_that_overtakes_its_agreement_waits_for_it(
    shelf: Shelf, first: tuple[str, ...], restarted: bool
) -> None:
    """Else whoever carries the documents could hold the agreement back until it is forgotten."""
    shelf.documents.accept(shelf.attestation)
    for _ in range(2):
        assert shelf.documents.accept(shelf.revocation()) == Accepted()
    documents = shelf.opened() if restarted else shelf.documents
    revoked = Accepted("agreement_revoked", "2026-03", "bawaslu", shelf.digest)
    assert documents.accept(shelf.agree(*first)) == revoked
    assert documents.accept(shelf.agree()) == Accepted()
    assert documents.accept(shelf.revocation()) == Accepted()
    for each in (documents, shelf.opened()):
        assert shelf.reason(each) == Reason.REVOKED


def test_an_early_revocation_by_a_stranger_counts_for_nothing(shelf: Shelf) -> None:
    shelf.documents.accept(shelf.attestation)
    shelf.documents.accept(shelf.revocation("dishub"))
    assert shelf.documents.accept(shelf.agree()) == Accepted(
        "agreement_accepted", "2026-03", digest=shelf.digest
    )
    for documents in (shelf.documents, shelf.opened()):
        assert shelf.reason(documents) == Reason.ALLOWED
        assert documents.accept(shelf.revocation("dishub")) == Accepted()
        assert shelf.reason(documents) == Reason.ALLOWED
    shelf.documents.accept(shelf.revocation("kpu"))
    assert shelf.reason() == shelf.reason(shelf.opened()) == Reason.REVOKED


def test_early_revocations_are_bounded_by_party(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_module, "EARLY_REVOCATIONS_PER_PARTY", 2)

    def revoke(number: str, party: str) -> None:
        other = read_agreement(shelf.agree(number=number), shelf.town.roster)
        shelf.documents.accept(make_revocation(shelf.town, other, party))

    for number in ("2030-01", "2030-02", "2030-02"):
        revoke(number, "dishub")
    with pytest.raises(SerambiError, match="2 revocations by dishub wait") as caught:
        revoke("2030-03", "dishub")
    assert caught.value.kind == Kind.LIMIT
    revoke("2030-03", "kpu")
    shelf.documents.accept(shelf.attestation)
    shelf.documents.accept(shelf.agree(number="2030-03"))
    assert shelf.reason() == Reason.REVOKED


def test_an_early_revocation_acts_though_the_disk_was_full(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.documents.accept(shelf.attestation)
    with monkeypatch.context() as disk:
        full_disk(disk)
        with pytest.raises(SerambiError, match="No space left"):
            shelf.documents.accept(shelf.revocation())
    shelf.documents.accept(shelf.agree())
    assert shelf.reason() == Reason.REVOKED
    shelf.documents.accept(shelf.revocation())
    assert shelf.reason(shelf.opened()) == Reason.REVOKED


@pytest.mark.parametrize("which", ["agreement", "attestation"])
def test_other_documents_that_cannot_be_read_are_left_out(
    shelf: Shelf, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.share()
    (path,) = (shelf.folder / "documents").glob(f"{which}-*.json")
    path.write_bytes(path.read_bytes().replace(b"A", b"B", 3))
    again = shelf.opened()
    assert shelf.reason(again) == Reason.NO_AGREEMENT
    assert f"{path} is left out" in caplog.text


def test_the_roster_must_be_there_and_the_pinned_one(shelf: Shelf, tmp_path: Path) -> None:
    digest = shelf.town.roster.digest
    with pytest.raises(SerambiError, match="roster cannot be read"):
        Documents(shelf.folder, SITE, tmp_path / "none.json", digest, shelf.clock)
    digest = hashlib.sha256(b"").hexdigest()
    with pytest.raises(SerambiError, match="pinned"):
        Documents(shelf.folder, SITE, tmp_path / "roster.json", digest, shelf.clock)


def approvable(shelf: Shelf) -> SignedAgreement:
    raw = shelf.agree(conditions={"four_eyes": True})
    shelf.documents.accept(shelf.attestation)
    shelf.documents.accept(raw)
    return read_agreement(raw, shelf.town.roster)


def looked(documents: Documents) -> Reason:
    state = documents.state(stops={}, clock_ok=True, seen_at=NOW)
    return decide(state, Ask("cam-1", "live", "routine_watch", "polres", "Regu jaga"), NOW).reason


def test_an_approval_opens_what_it_is_for_and_is_told_once(shelf: Shelf) -> None:
    signed = approvable(shelf)
    raw = make_approval(shelf.town, signed)
    assert looked(shelf.documents) == Reason.FOUR_EYES
    digest = read_approval(raw, shelf.town.roster).digest
    assert shelf.documents.accept(raw) == Accepted("approved", "2026-03", "bawaslu", digest)
    assert shelf.documents.accept(raw) == Accepted()
    assert looked(shelf.documents) == Reason.ALLOWED
    more = make_approval(shelf.town, signed, signed_by=["kpu"])
    assert shelf.documents.accept(more).party == "kpu"
    assert looked(shelf.opened()) == Reason.ALLOWED, "a restart keeps it"


@pytest.mark.parametrize("signed_by", [["polres"], ["dishub"], []])
def test_nobody_but_another_party_approves(shelf: Shelf, signed_by: list[str]) -> None:
    raw = make_approval(shelf.town, approvable(shelf), signed_by=signed_by)
    with pytest.raises(SerambiError, match=r"no other party|does not know for signing"):
        shelf.documents.accept(raw)
    assert looked(shelf.documents) == Reason.FOUR_EYES


@pytest.mark.parametrize("changes", [{"site": "simpang"}, {"agreement": "ab" * 32}])
def test_an_approval_is_of_this_site_and_an_agreement_it_knows(
    shelf: Shelf, changes: dict[str, Any]
) -> None:
    raw = make_approval(shelf.town, approvable(shelf), **changes)
    with pytest.raises(SerambiError, match="of no agreement"):
        shelf.documents.accept(raw)


def test_approvals_that_are_over_make_room(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_module, "APPROVALS_KEPT", 1)
    signed = approvable(shelf)
    first = make_approval(shelf.town, signed, until=NOW + 60)
    later = make_approval(shelf.town, signed, until=NOW + 600)
    shelf.documents.accept(first)
    with pytest.raises(SerambiError, match="1 approvals hold already"):
        shelf.documents.accept(later)
    shelf.clock.advance(60)
    shelf.documents.accept(later)
    assert len(list((shelf.folder / "documents").glob("approval-*"))) == 1
    with pytest.raises(SerambiError, match="is over"):
        shelf.documents.accept(first)
    shelf.clock.advance(600)
    shelf.opened()
    assert list((shelf.folder / "documents").glob("approval-*")) == []
