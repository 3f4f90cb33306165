"""The shelf of a signing desk: what it believes, what it keeps, what it takes from whom."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from serambi.agreement.model import AGREEMENT_TYPE
from serambi.agreement.reply import Reply, ReplyKind, read_reply, seal_reply
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.party.signing import papers as papers_module
from serambi.party.signing.papers import Papers
from tests.builders import (
    NOW,
    Town,
    make_agreement,
    make_attestation,
    make_revocation,
    make_roster,
)

PARTIES = ("kpu", "bawaslu", "polres")


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster(PARTIES)


@pytest.fixture
def papers(tmp_path: Path, town: Town) -> Papers:
    return Papers(tmp_path, "kpu", town.roster)


def reply(
    town: Town, digest: str, party: str, kind: ReplyKind = "remark", text: str = "Kapan?"
) -> bytes:
    return seal_reply(Reply(1, kind, digest, party, instant_text(NOW), text), town.keys[party])


def agreement(town: Town, number: str = "2026-04", signed_by: tuple[str, ...] = ()) -> bytes:
    return make_agreement(town, number=number, signed_by=signed_by)


def test_signatures_that_come_apart_come_together(papers: Papers, town: Town) -> None:
    for party in PARTIES:
        digest = papers.take(agreement(town, signed_by=(party,)))
    assert papers.agreement(digest)[0].complete
    papers.take(agreement(town))
    assert papers.agreement(digest)[0].complete, "none is lost to a copy without it"


def test_everything_is_there_after_a_restart(papers: Papers, town: Town, tmp_path: Path) -> None:
    digest = papers.take(agreement(town, signed_by=("kpu",)))
    papers.take(make_attestation(town))
    papers.take(reply(town, digest, "bawaslu"))
    again = Papers(tmp_path, "kpu", town.roster)
    assert again.agreement(digest) == papers.agreement(digest)
    assert again.attestations() == papers.attestations()
    assert [said.reply.text for said in again.replies(digest)] == ["Kapan?"]


def test_a_file_that_is_not_what_its_name_says_is_left_out(
    papers: Papers, town: Town, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    digest = papers.take(agreement(town))
    kept = tmp_path / "papers" / f"{digest}.json"
    kept.write_bytes(agreement(town, number="2026-99"))
    again = Papers(tmp_path, "kpu", town.roster)
    with pytest.raises(SerambiError, match="no such paper"):
        again.agreement(digest)
    assert again.agreements() == []
    assert "not what its name says" in caplog.text


def test_what_nobody_signed_is_not_kept(papers: Papers, town: Town) -> None:
    stranger = SigningKey.generate()
    raw = dsse.dump(dsse.add_signature(dsse.load(agreement(town, signed_by=("kpu",))), stranger))
    digest = papers.take(raw)
    assert papers.agreement(digest)[1] == agreement(town, signed_by=("kpu",))
    revocation = make_revocation(town, papers.agreement(digest)[0], "kpu")
    with pytest.raises(SerambiError, match="is not known here"):
        papers.take(revocation)


def test_the_door_takes_what_a_party_answers_for(papers: Papers, town: Town) -> None:
    draft = agreement(town)
    with pytest.raises(SerambiError, match="no party has signed or proposed"):
        papers.hear(draft)
    digest = hashlib.sha256(dsse.load(draft).payload).hexdigest()
    assert papers.hear(reply(town, digest, "bawaslu", "proposal", ""))
    assert papers.hear(draft)
    assert not papers.hear(draft), "nothing new"
    assert papers.hear(agreement(town, signed_by=("polres",)))
    assert papers.hear(agreement(town, "2026-06", PARTIES)), "one that all have signed"


def test_the_door_takes_nothing_about_others(town: Town, tmp_path: Path) -> None:
    wide = make_roster((*PARTIES, "rsud"))
    rsud = Papers(tmp_path, "rsud", wide.roster)
    raw = make_agreement(wide, parties=PARTIES, signed_by=PARTIES)
    with pytest.raises(SerambiError, match="rsud is not a party") as refused:
        rsud.hear(raw)
    assert refused.value.kind is Kind.DENIED


def test_nobody_fills_the_shelf_for_the_others(
    papers: Papers, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(papers_module._MOST, AGREEMENT_TYPE, 2)
    for number in ("2026-10", "2026-11"):
        papers.hear(agreement(town, number, ("bawaslu",)))
    with pytest.raises(SerambiError, match="2 papers of bawaslu are kept") as refused:
        papers.hear(agreement(town, "2026-12", ("bawaslu",)))
    assert refused.value.kind is Kind.LIMIT
    papers.hear(agreement(town, "2026-12", ("polres",)))
    papers.take(agreement(town, "2026-13", ("bawaslu",)))
    papers.hear(agreement(town, "2026-10", ("polres",)))


def test_a_draft_stays_here_until_it_is_proposed(papers: Papers, town: Town) -> None:
    digest = papers.take(agreement(town))
    papers.take(make_attestation(town))
    assert digest not in dict(papers.to_tell())
    papers.take(reply(town, digest, "kpu", "proposal", ""))
    told = [name for name, _ in papers.to_tell()]
    assert told[-1] == digest
    assert len(told) == 3, "attestation, proposal, then the draft"


def test_replies_by_strangers_to_a_paper_count_for_nothing(tmp_path: Path) -> None:
    wide = make_roster((*PARTIES, "rsud"))
    papers = Papers(tmp_path, "kpu", wide.roster)
    digest = papers.take(make_agreement(wide, parties=PARTIES, signed_by=()))
    papers.take(reply(wide, digest, "rsud", "refusal"))
    assert papers.replies(digest) == []


def test_the_attestation_that_holds_longest_counts(papers: Papers, town: Town) -> None:
    papers.take(make_attestation(town, valid_until=NOW + 20 * 86_400))
    papers.take(make_attestation(town, valid_until=NOW + 10 * 86_400))
    papers.take(make_attestation(town, valid_until=NOW + 30 * 86_400, signed_by=("kpu",)))
    assert papers.attestations()["cam-1"].valid_until == NOW + 20 * 86_400


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"agreement": "x"}, "no digest"),
        ({"text": " "}, "says nothing"),
        ({"text": "x" * 2001}, "at most 2000 characters"),
        ({"at": "yesterday"}, "is not an instant"),
    ],
)
def test_replies_that_are_none(town: Town, changes: dict[str, str], what: str) -> None:
    good = Reply(1, "remark", "0" * 64, "kpu", instant_text(NOW), "Kapan?")
    with pytest.raises(SerambiError, match=what):
        seal_reply(msgspec.structs.replace(good, **changes), town.keys["kpu"])


def test_nobody_speaks_for_another(town: Town) -> None:
    said = Reply(1, "refusal", "0" * 64, "kpu", instant_text(NOW), "")
    with pytest.raises(SerambiError, match="not signed by 'kpu'"):
        read_reply(seal_reply(said, town.keys["polres"]), town.roster)
    with pytest.raises(SerambiError, match="not a reply"):
        read_reply(agreement(town), town.roster)
