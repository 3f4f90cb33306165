"""The desk over HTTP, without a browser: signing in, bringing and fetching files, drafting, what a
refusal looks like; and what does not depend on the web at all."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from serambi.agreement.model import read_agreement
from serambi.agreement.reply import Reply, seal_reply
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.base.limits import LOGIN_FAILURES
from serambi.cli.party import party_group
from serambi.identity.keys import SigningKey, is_encrypted
from serambi.party.signing.accounts import Accounts
from serambi.party.signing.changes import changes_in_words, changes_of_machine
from serambi.party.signing.drafting import Fields, draft_from, fields_of
from serambi.party.signing.paper_pdf import paper_pdf
from serambi.web.words import Words
from tests.builders import NOW, make_agreement, make_attestation, make_revocation
from tests.fakes.signing_town import (
    ACCOUNT,
    OneDesk,
    one_desk,
    one_hand,
    passphrase_of,
    password_of,
)

PASSPHRASE = passphrase_of("kpu")
ZONE = "Asia/Jakarta"


@asynccontextmanager
async def client(desk: OneDesk) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody of the institution, in English."""
    headers = {"origin": desk.url, "accept-language": "en"}
    async with httpx.AsyncClient(base_url=desk.url, headers=headers, trust_env=False) as http:
        yield http


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[OneDesk]:
    async with one_desk(tmp_path) as desk:
        yield desk


@pytest.fixture
async def http(desk: OneDesk) -> AsyncIterator[httpx.AsyncClient]:
    async with client(desk) as http:
        said = {"account": ACCOUNT, "password": password_of("kpu")}
        assert (await http.post("/login", data=said)).status_code == 303
        yield http


def form(desk: OneDesk, number: str, **more: str) -> dict[str, str]:
    shown = desk.shown(number)
    return {"shown": shown.digest, "tag": shown.tag, "secret": PASSPHRASE, **more}


async def test_nobody_reads_without_signing_in(desk: OneDesk) -> None:
    async with client(desk) as stranger:
        page = await stranger.get("/")
        assert page.status_code == 200
        assert "2026-0" not in page.text
        paper = f"/papers/{desk.papers['2026-04']}"
        for path in (paper, f"{paper}/file", f"{paper}/pdf", "/draft"):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
        answer = await stranger.post(f"{paper}/sign", data=form(desk, "2026-04", text="read"))
        assert answer.status_code == 303
        for _ in range(LOGIN_FAILURES):
            wrong = {"account": ACCOUNT, "password": "guess"}
            assert (await stranger.post("/login", data=wrong)).status_code == 401
        right = {"account": ACCOUNT, "password": password_of("kpu")}
        assert (await stranger.post("/login", data=right)).status_code == 429
    assert "kpu" not in desk.signed("2026-04").signed_by


async def test_signing_needs_the_box_the_secret_and_the_same_page(
    desk: OneDesk, http: httpx.AsyncClient
) -> None:
    paper = f"/papers/{desk.papers['2026-04']}"
    assert (await http.post(f"{paper}/sign", data=form(desk, "2026-04"))).status_code == 400
    other = form(desk, "2026-05", text="read")
    assert (await http.post(f"{paper}/sign", data=other)).status_code == 409
    old = form(desk, "2026-04", text="read") | {"tag": "0" * 64}
    answer = await http.post(f"{paper}/sign", data=old)
    assert answer.status_code == 409
    assert "read it again" in answer.text
    for _ in range(LOGIN_FAILURES):
        wrong = form(desk, "2026-04", text="read") | {"secret": "guess"}
        answer = await http.post(f"{paper}/sign", data=wrong)
        assert answer.status_code == 403
        assert "guess" not in answer.text
    good = form(desk, "2026-04", text="read")
    assert (await http.post(f"{paper}/sign", data=good)).status_code == 429
    desk.clock.advance(600)
    assert (await http.post(f"{paper}/sign", data=good)).status_code == 303
    assert "kpu" in desk.signed("2026-04").signed_by
    assert (await http.post(f"{paper}/dance", data=good)).status_code == 400


async def test_who_did_what_is_written_down(desk: OneDesk, http: httpx.AsyncClient) -> None:
    paper = f"/papers/{desk.papers['2026-04']}"
    remark = form(desk, "2026-04", text="<b>Kapan?</b>")
    assert (await http.post(f"{paper}/remark", data=remark)).status_code == 303
    wrong = form(desk, "2026-04", text="read") | {"secret": "guess"}
    await http.post(f"{paper}/sign", data=wrong)
    page = (await http.get(paper)).text
    assert "ani wrote a remark" in page
    assert "&lt;b&gt;Kapan?&lt;/b&gt;" in page
    lines = [json.loads(line) for line in (desk.home / "desk.log").read_text().splitlines()]
    assert [(line["by"], line["act"]) for line in lines] == [(ACCOUNT, "remark")]
    assert PASSPHRASE not in (desk.home / "desk.log").read_text()


async def test_a_key_that_lies_open_still_asks_for_the_person(
    desk: OneDesk, http: httpx.AsyncClient
) -> None:
    for file in (desk.home / "key").iterdir():
        file.unlink()
    paper = f"/papers/{desk.papers['2026-04']}"
    good = form(desk, "2026-04", text="read")
    assert (await http.post(f"{paper}/sign", data=good)).status_code == 404
    assert "not in its place" in (await http.get(paper)).text
    desk.town.keys["kpu"].save(desk.home / "key")
    assert (await http.post(f"{paper}/sign", data=good)).status_code == 403
    own = good | {"secret": password_of("kpu")}
    assert (await http.post(f"{paper}/sign", data=own)).status_code == 303


async def test_files_in_and_out(desk: OneDesk, http: httpx.AsyncClient) -> None:
    raw = make_agreement(
        desk.town, attestations=[make_attestation(desk.town)], number="2026-09", signed_by=("rsud",)
    )
    answer = await http.post("/papers", files={"file": ("x.json", raw)})
    assert answer.status_code == 303
    paper = answer.headers["location"]
    assert (await http.get(f"{paper}/file")).content == raw
    pdf = await http.get(f"{paper}/pdf")
    assert pdf.content.startswith(b"%PDF")
    assert 'filename="2026-09.pdf"' in pdf.headers["content-disposition"]
    revocation = make_revocation(desk.town, read_agreement(raw, desk.town.roster), "rsud")
    answer = await http.post("/papers", files={"file": ("x.json", revocation)})
    assert answer.headers["location"] == paper
    assert "Withdrawn by RSUD" in (await http.get(paper)).text
    assert (await http.get(f"{paper}/revocations/rsud")).content == revocation
    assert (await http.get(f"{paper}/revocations/kpu")).status_code == 404
    for bad in (b"{}", b"x" * 1_500_000):
        answer = await http.post("/papers", files={"file": ("x.json", bad)})
        assert answer.status_code in (400, 413, 429)
        assert "This cannot be done" in answer.text or answer.status_code == 413


async def test_a_draft_by_form(desk: OneDesk, http: httpx.AsyncClient) -> None:
    fields = fields_of(desk.signed("2026-04"), ZONE) | {"number": ["2026-20"]}
    answer = await http.post("/draft", data=fields)
    assert answer.status_code == 303
    page = (await http.get(answer.headers["location"])).text
    assert "nobody has signed yet" in page
    fields["purpose_0_en"] = ["public safety"]
    answer = await http.post("/draft", data=fields)
    assert answer.status_code == 400
    assert "is not concrete enough" in answer.text
    assert 'value="2026-20"' in answer.text, "nothing typed is lost"
    for path in ("/draft", f"/draft?of={desk.papers['2026-03']}"):
        assert (await http.get(path)).status_code == 200


async def test_headers_and_names(desk: OneDesk, http: httpx.AsyncClient) -> None:
    page = await http.get("/")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    for host in ("center.example", f"center.example:{desk.port}", "localhost.center.example"):
        assert (await http.get("/", headers={"host": host})).status_code == 400
    assert (await http.get("/papers/0")).status_code == 404
    await http.post("/logout")
    assert "2026-0" not in (await http.get("/")).text


# -- without the web -------------------------------------------------------------------------


def changed(fields: Fields, **changes: list[str]) -> Fields:
    return {**fields, **changes}


def test_the_form_drafts_the_same_again(tmp_path: Path) -> None:
    desk, _ = one_hand(tmp_path)
    signed = desk.signed("2026-04")
    fields = fields_of(signed, ZONE)
    known = desk.hand.papers.attestations()
    assert read_agreement(draft_from(fields, known, ZONE), desk.town.roster).digest == signed.digest
    more = changed(fields, **{"gudang-kpu:condition": ["four_eyes", "break_glass"]})
    strict = read_agreement(draft_from(more, known, ZONE), desk.town.roster)
    (site,) = strict.agreement.sites
    assert (site.incident_needed, site.four_eyes, site.break_glass) == (False, True, True)
    assert fields_of(strict, ZONE) == more


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"gudang-kpu:camera": ["cam-99"]}, "cam-99 has no attestation"),
        ({"gudang-kpu:camera": []}, "at least one site"),
        ({"gudang-kpu:action": ["audio"]}, "audio"),
        ({"gudang-kpu:day": []}, "days"),
        ({"gudang-kpu:condition": ["nobody_looks"]}, "nobody_looks"),
        ({"valid_until": ["soon"]}, "is not a day and time"),
        ({"valid_until": ["2020-01-01T00:00"]}, "ends before it begins"),
        ({"center_hours": ["many"]}, "is not a number"),
        ({"heartbeat_s": ["5"]}, "60 to 86400"),
        ({"party": ["kpu"]}, "at least two parties"),
        ({"viewer": ["siapa"]}, "not a party"),
        ({"number": ["../x"]}, "number"),
    ],
)
def test_what_cannot_become_a_draft(
    tmp_path: Path, changes: dict[str, list[str]], what: str
) -> None:
    desk, _ = one_hand(tmp_path)
    fields = changed(fields_of(desk.signed("2026-04"), ZONE), **changes)
    with pytest.raises(SerambiError, match=what):
        draft_from(fields, desk.hand.papers.attestations(), ZONE)


def test_what_differs_between_versions(tmp_path: Path) -> None:
    desk, _ = one_hand(tmp_path)
    attestation = make_attestation(desk.town)
    old, new = (
        make_agreement(desk.town, attestations=[attestation], heartbeat_s=h, signed_by=signers)
        for h, signers in ((900, ("kpu",)), (600, ()))
    )
    roster = desk.town.roster
    signed = [read_agreement(raw, roster) for raw in (old, new)]
    assert changes_in_words(signed[0], signed[1], roster, "en") == []
    found = changes_of_machine(old, new)
    assert [(c.sign, c.text) for c in found] == [
        ("-", '"heartbeat_s": 900,'),
        ("+", '"heartbeat_s": 600,'),
    ]


def test_the_same_agreement_gives_the_same_pdf(tmp_path: Path) -> None:
    desk, _ = one_hand(tmp_path)
    known = {c: a.attestation for c, a in desk.hand.papers.attestations().items()}
    words, roster = Words.load(), desk.town.roster
    one, same, other = (
        paper_pdf(desk.signed(number), roster, known, words)
        for number in ("2026-04", "2026-04", "2026-05")
    )
    assert one == same
    assert one != other
    assert desk.papers["2026-04"].encode() in one.replace(b"\\", b""), "the hash is its subject"
    assert len(re.findall(rb"/Type /Page\b", one)) == 2


async def test_accounts_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk, _ = one_hand(tmp_path)
    (tmp_path / "roster.json").write_bytes(desk.town.raw)
    (tmp_path / "token").write_text("t")
    (tmp_path / "token").chmod(0o600)
    config = tmp_path / "party.toml"
    config.write_text(
        'format = 1\nparty = "kpu"\n[trust]\nroster = "roster.json"\n'
        f'genesis = "{desk.town.roster.digest}"\n[center]\nurl = "http://127.0.0.1:1"\n'
    )
    command = ["account", "--config", str(config), "--name", "budi"]
    done = await asyncio.to_thread(
        CliRunner().invoke, party_group, command, input="a good one\na good one\n"
    )
    assert done.exit_code == 0, done.output
    accounts = Accounts(tmp_path)
    assert await accounts.check("budi", "a good one")
    assert not await accounts.check("budi", "another")
    assert not await accounts.check("siapa", "a good one")
    assert (tmp_path / "accounts.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "accounts.json").write_text("{")
    with pytest.raises(SerambiError, match="who may sign in at the desk is not known") as refused:
        accounts.any()
    assert refused.value.kind is Kind.CORRUPT


def test_a_key_under_a_passphrase_by_command(tmp_path: Path) -> None:
    command = ["keygen", "--party", "kpu", "--passphrase", "--out", str(tmp_path / "key")]
    short = CliRunner().invoke(party_group, command, input="short\nshort\n")
    assert short.exit_code == 1
    assert "less than 12 characters" in short.output
    done = CliRunner().invoke(party_group, command, input=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert done.exit_code == 0
    assert PASSPHRASE not in done.output
    assert is_encrypted(tmp_path / "key")
    SigningKey.load(tmp_path / "key", PASSPHRASE.encode())


def test_a_refusal_is_told_with_its_reason(tmp_path: Path) -> None:
    desk, _ = one_hand(tmp_path)
    said = Reply(1, "refusal", desk.papers["2026-04"], "rsud", instant_text(NOW), "Belum rapat")
    desk.hand.papers.hear(seal_reply(said, desk.town.keys["rsud"]))
    (found,) = desk.hand.standing(desk.signed("2026-04")).refusals
    assert found.reply.text == "Belum rapat"
