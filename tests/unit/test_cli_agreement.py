"""`serambi agreement` and `serambi party` as people call them."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from serambi.agreement.model import read_agreement
from serambi.agreement.revocation import read_revocation
from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.cli.agreement import agreement_group
from serambi.cli.draft import read_file
from serambi.cli.party import party_group
from serambi.cli.plain import printable
from serambi.identity.keys import SigningKey
from tests.builders import (
    SITE,
    Town,
    make_agreement,
    make_attestation,
    make_roster,
    words,
)

DAY_S = 86_400.0
NOW = SystemClock().now()
DRAFT = """\
number = "2026-03"
title = { id = "Pengamanan gudang", en = "Protecting the warehouse" }
parties = ["kpu", "bawaslu", "polres"]
viewer = "polres"
legal_basis = { id = "Kesepakatan", en = "Accord" }
valid_from = "2020-01-01T00:00:00Z"
valid_until = "UNTIL"

[[purposes]]
id = "routine_watch"
text = { id = "Pengamanan gudang logistik pemilu", en = "Protecting the election warehouse" }

[[sites]]
site = "gudang-kpu"
cameras = ["cam-2", "cam-1"]
actions = ["live", "playback"]
zone = "Asia/Jakarta"
hours = [
  { days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from = "18:00", to = "06:00" },
  { days = ["sun", "sat"], from = "00:00", to = "24:00" },
]
""".replace("UNTIL", instant_text(NOW + 30 * DAY_S))


class Desk:
    """A folder with the roster, everybody's keys, two attestations and a draft."""

    def __init__(self, folder: Path) -> None:
        self.town: Town = make_roster(("kpu", "bawaslu", "polres", "dishub"))
        self.folder = folder
        self.roster = folder / "roster.json"
        self.roster.write_bytes(self.town.raw)
        self.attestations = folder / "attestations"
        self.attestations.mkdir()
        for camera in ("cam-1", "cam-2"):
            self.attest(make_attestation(self.town, camera), camera)
        for party, key in self.town.keys.items():
            key.save(folder / party)
        self.draft = folder / "draft.toml"
        self.draft.write_text(DRAFT)
        self.file = folder / "agreement.json"

    def attest(self, raw: bytes, name: str) -> None:
        (self.attestations / f"{name}.json").write_bytes(raw)

    def run(self, *arguments: object) -> Result:
        return CliRunner().invoke(agreement_group, [str(argument) for argument in arguments])

    def new(self) -> Result:
        return self.run(
            *("new", "--from", self.draft, "--roster", self.roster),
            *("--attestations", self.attestations, "--out", self.file),
        )

    def sign(self, party: str) -> Result:
        return self.run(
            *("sign", self.file, "--key", self.folder / party, "--roster", self.roster),
            *("--attestations", self.attestations),
        )

    def verify(self, *more: object) -> Result:
        return self.run("verify", self.file, "--roster", self.roster, *more)

    def revoke(self, party: str, out: Path) -> Result:
        return self.run(
            *("revoke", self.file, "--key", self.folder / party),
            *("--roster", self.roster, "--out", out),
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def refused(result: Result, why: str) -> None:
    """One sentence, no traceback, exit code 1."""
    assert result.exit_code == 1, result.output
    assert why in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_from_draft_to_an_agreement_signed_by_all(desk: Desk) -> None:
    drafted = desk.new()
    assert drafted.exit_code == 0, drafted.output
    assert "Still to sign: kpu, bawaslu, polres." in drafted.output
    for party, left in (
        ("polres", "Still to sign: kpu, bawaslu."),
        ("kpu", "Still to sign: bawaslu."),
        ("kpu", "Still to sign: bawaslu."),
        ("bawaslu", "All parties have signed."),
    ):
        refused(desk.verify(), "Not valid: not signed by")
        signed = desk.sign(party)
        assert signed.exit_code == 0, signed.output
        assert signed.output.splitlines() == [f"Signed by {party}.", left]
    result = desk.verify("--attestations", desk.attestations)
    assert result.exit_code == 0, result.output
    assert "2 cameras are attested" in result.output
    assert result.output.splitlines()[-1].startswith("Valid until ")
    assert read_agreement(desk.file.read_bytes(), desk.town.roster).complete


def test_show_fits_on_a_page_in_both_languages(desk: Desk) -> None:
    desk.new()
    desk.sign("kpu")
    for lang, said in {
        "id": (
            "Perjanjian 2026-03: Pengamanan gudang",
            "Yang boleh melihat: POLRES (id)",
            "Boleh: melihat langsung, memutar rekaman",
            "setiap hari 18:00-06:00; Sab, Min 00:00-24:00 (Asia/Jakarta)",
            "Tidak pernah: gambar dari dalam gedung, suara, pencocokan wajah",
            "Sudah menandatangani: KPU (id)",
            "Belum menandatangani: BAWASLU (id), POLRES (id)",
        ),
        "en": (
            "Agreement 2026-03: Protecting the warehouse",
            "Who may see: POLRES (en)",
            "Cameras: 2 (cam-2, cam-1)",
            "Copies at the center: deleted after 72 hours",
            "Never: pictures from inside buildings, sound, face matching",
            "Still to sign: BAWASLU (en), POLRES (en)",
        ),
    }.items():
        result = desk.run("show", desk.file, "--roster", desk.roster, "--lang", lang)
        assert result.exit_code == 0, result.output
        assert len(result.output.splitlines()) <= 25
        for text in said:
            assert text in result.output


def test_show_says_when_all_have_signed_and_when_nothing_is_open(desk: Desk) -> None:
    town = desk.town
    desk.file.write_bytes(make_agreement(town, hours=[], signed_by=[]))
    empty = desk.run("show", desk.file, "--roster", desk.roster, "--lang", "en").output
    assert "Hours: never" in empty
    assert "Signed by: nobody" in empty
    desk.file.write_bytes(make_agreement(town))
    whole = desk.run("show", desk.file, "--roster", desk.roster, "--lang", "en").output
    assert "Hours: at all times (Asia/Jakarta)" in whole
    assert whole.splitlines()[-1] == "All parties have signed"


def test_a_signed_title_cannot_draw_on_the_screen(desk: Desk) -> None:
    desk.file.write_bytes(make_agreement(desk.town, title=words("a\x1b[2J\u202eb")))
    shown = desk.run("show", desk.file, "--roster", desk.roster).output
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert printable("warung é") == "warung é"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('viewer = "polres"', 'viewer = "dishub"', "is not a party"),
        ('["kpu", "bawaslu", "polres"]', '["polres", "bawaslu"]', "the owner of site gudang-kpu"),
        ('["kpu", "bawaslu", "polres"]', '["kpu", "polres", "x"]', "knows no party 'x'"),
        ('"live", "playback"', '"live", "audio"', "audio"),
        ('number = "2026-03"', 'number = "2026-03"\naudio = true', "what has no field"),
        ('number = "2026-03"', 'number = "2026-03', "cannot be read"),
        ("valid_until", "valid_till", "cannot be read"),
        ("Protecting the election warehouse", "Public safety and security", "concrete"),
        ('"cam-2", "cam-1"', '"cam-2", "cam-9"', "cam-9 has no attestation"),
        ("Asia/Jakarta", "Asia/Blitar", "time zone"),
    ],
)
def test_a_draft_that_cannot_stand_is_refused(desk: Desk, old: str, new: str, why: str) -> None:
    assert old in DRAFT
    desk.draft.write_text(DRAFT.replace(old, new))
    refused(desk.new(), why)
    assert not desk.file.exists()


def test_a_camera_that_looks_inside_is_refused_when_drafting(desk: Desk) -> None:
    desk.attest(make_attestation(desk.town, "cam-2", facing="inside"), "cam-2")
    refused(desk.new(), "looks inside")
    assert not desk.file.exists()


def test_a_camera_that_looks_inside_is_refused_when_signing(desk: Desk) -> None:
    inside = make_attestation(desk.town, "cam-1", facing="inside")
    desk.file.write_bytes(make_agreement(desk.town, attestations=[inside], signed_by=[]))
    desk.attest(inside, "cam-1")
    before = desk.file.read_bytes()
    refused(desk.sign("kpu"), "looks inside")
    assert desk.file.read_bytes() == before
    refused(desk.verify("--attestations", desk.attestations), "Not valid: ")


def test_a_camera_attested_anew_is_not_signed_for(desk: Desk) -> None:
    desk.new()
    desk.attest(make_attestation(desk.town, "cam-2", heading_deg=1), "cam-2")
    refused(desk.sign("kpu"), "attested anew")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"signed_by": ["kpu"]}, "not signed by its owner and one other"),
        ({"site": "elsewhere", "owner": "kpu"}, "not the owner of site elsewhere"),
    ],
)
def test_an_attestation_that_does_not_hold_is_refused(
    desk: Desk, changes: dict[str, object], why: str
) -> None:
    desk.attest(make_attestation(desk.town, "cam-1", **changes), "cam-1")  # type: ignore[arg-type]
    refused(desk.new(), why)


def test_two_attestations_that_disagree_are_for_people_to_sort_out(desk: Desk) -> None:
    desk.attest(make_attestation(desk.town, "cam-1", heading_deg=1), "cam-1-new")
    refused(desk.new(), "attested twice")
    desk.attest(make_attestation(desk.town, "cam-1"), "cam-1-new")
    assert desk.new().exit_code == 0


def test_only_a_party_of_the_agreement_signs_and_revokes(desk: Desk, tmp_path: Path) -> None:
    desk.new()
    before = desk.file.read_bytes()
    SigningKey.generate().save(desk.folder / "stranger")
    desk.town.center.save(desk.folder / "center")
    for who, why in (
        ("dishub", "dishub is not a party"),
        ("stranger", "signs for no party"),
        ("center", "signs for no party"),
    ):
        refused(desk.sign(who), why)
        refused(desk.revoke(who, tmp_path / "r.json"), why)
    assert desk.file.read_bytes() == before
    assert not (tmp_path / "r.json").exists()


def test_an_agreement_that_ended_is_neither_signed_nor_valid(desk: Desk) -> None:
    ended = make_agreement(
        desk.town,
        attestations=[make_attestation(desk.town, "cam-1")],
        valid_from=NOW - 2 * DAY_S,
        valid_until=NOW - DAY_S,
    )
    desk.file.write_bytes(ended)
    refused(desk.sign("kpu"), "ended on")
    refused(desk.verify(), "Not valid: it ended on")


def test_an_agreement_that_begins_later_says_so(desk: Desk) -> None:
    desk.file.write_bytes(
        make_agreement(desk.town, valid_from=NOW + DAY_S, valid_until=NOW + 2 * DAY_S)
    )
    assert desk.verify().output.splitlines()[-1].startswith("Valid from ")


def test_one_party_revokes(desk: Desk, tmp_path: Path) -> None:
    desk.new()
    out = tmp_path / "revocation.json"
    result = desk.revoke("bawaslu", out)
    assert result.exit_code == 0, result.output
    revocation = read_revocation(out.read_bytes(), desk.town.roster)
    agreement = read_agreement(desk.file.read_bytes(), desk.town.roster)
    assert (revocation.party, revocation.agreement) == ("bawaslu", agreement.digest)
    refused(desk.revoke("kpu", out), "there is a file already")


def test_a_document_in_hand_is_never_written_over(desk: Desk) -> None:
    desk.new()
    desk.sign("kpu")
    before = desk.file.read_bytes()
    refused(desk.new(), "there is a file already")
    assert desk.file.read_bytes() == before


def test_every_single_changed_byte_is_refused(desk: Desk) -> None:
    whole = make_agreement(desk.town, valid_from=NOW - 1, valid_until=NOW + DAY_S)
    desk.file.write_bytes(whole)
    assert desk.verify().exit_code == 0
    for at in range(0, len(whole), 37):
        desk.file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        result = desk.verify()
        refused(result, "Not valid: ")
        assert result.output.splitlines()[-1].startswith("Not valid: ")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 10_000, b" " * 3_000_000])
def test_files_that_are_no_documents_are_refused(desk: Desk, content: bytes) -> None:
    desk.new()
    good = desk.file.read_bytes()
    desk.file.write_bytes(content)
    refused(desk.verify(), "Not valid: ")
    refused(desk.sign("kpu"), "Error: ")
    desk.file.write_bytes(good)
    desk.roster.write_bytes(content)
    refused(desk.verify(), "Not valid: ")
    refused(desk.sign("kpu"), "Error: ")


def test_wrong_use_is_exit_code_2(desk: Desk) -> None:
    assert desk.run("verify", desk.folder / "absent", "--roster", desk.roster).exit_code == 2
    assert desk.run("sign", desk.draft).exit_code == 2
    assert desk.run("show", desk.draft, "--roster", desk.roster, "--lang", "jv").exit_code == 2


def test_a_folder_that_cannot_be_written_is_one_sentence(desk: Desk) -> None:
    desk.file = desk.folder / "absent" / "agreement.json"
    refused(desk.new(), "No such file or directory")


def test_keygen_makes_a_key_once(tmp_path: Path) -> None:
    out = tmp_path / "keys"
    arguments = ["keygen", "--party", "kpu", "--out", str(out)]
    first = CliRunner().invoke(party_group, arguments)
    assert first.exit_code == 0, first.output
    assert SigningKey.load(out).key_id in first.output
    before = (out / "key.pem").read_bytes()
    refused(CliRunner().invoke(party_group, arguments), "there is a key already")
    assert (out / "key.pem").read_bytes() == before
    refused(
        CliRunner().invoke(party_group, ["keygen", "--party", "K P U", "--out", str(out)]),
        "not a valid id",
    )


def test_keygen_never_shows_the_private_key(tmp_path: Path) -> None:
    result = CliRunner().invoke(party_group, ["keygen", "--party", "kpu", "--out", str(tmp_path)])
    body = (tmp_path / "key.pem").read_text().splitlines()[1]
    assert body not in result.output
    assert SITE not in result.output


def test_a_folder_of_countless_attestations_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.cli.draft.DOCUMENTS_MAX", 1)
    refused(desk.new(), "more than 1 files")


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(SerambiError) as caught:
        read_file(tmp_path / "absent")
    assert caught.value.kind == Kind.NOT_FOUND
