"""`serambi roster`: the next roster is drafted, signed by all and checked, with files."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from serambi.base.clock import ManualClock
from serambi.cli.main import main
from serambi.identity.chain import load_chain
from serambi.identity.code import in_groups
from serambi.identity.enrollment import fingerprint
from serambi.identity.keys import SigningKey
from serambi.ledger.store import LedgerStore
from tests.builders import NOW, SITE, Town, make_agreement, make_attestation, make_roster

AT = "2026-12-01T00:00:00Z"


class Table:
    """The town's folder: `chain/` with the rosters, a folder for each key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.town: Town = make_roster()
        self.new = SigningKey.generate()
        (folder / "chain").mkdir()
        (folder / "chain" / "0001.json").write_bytes(self.town.raw)
        for name, key in {**self.town.keys, "new": self.new}.items():
            key.save(folder / name)

    def run(self, *arguments: str | Path, code: int = 0) -> Result:
        said = CliRunner().invoke(main, ["roster", *map(str, arguments)])
        assert said.exit_code == code, said.output
        return said

    def next(self, changes: str, code: int = 0) -> Result:
        (self.folder / "changes.toml").write_text(f'at = "{AT}"\n{changes}')
        out = self.folder / "next.json"
        arguments = ("--from", self.folder / "changes.toml", "--out", out, "--lang", "en")
        return self.run("next", self.folder / "chain", *arguments, code=code)

    def sign(self, *names: str, code: int = 0) -> str:
        last = ""
        for name in names:
            arguments = ("--after", self.folder / "chain", "--key", self.folder / name)
            last = self.run(
                "sign", self.folder / "next.json", *arguments, "--lang", "en", code=code
            ).output
        return last

    def check(self, *more: str | Path, code: int = 0) -> str:
        return self.run("check", self.folder / "chain", *more, code=code).output

    @property
    def new_key(self) -> str:
        public = base64.b64encode(self.new.public.raw).decode()
        return f'[[key]]\nparty = "kpu"\npublic = "{public}"\n'

    @property
    def rotation(self) -> str:
        return f'retire = ["{self.town.keys["kpu"].key_id}"]\n{self.new_key}'


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path)


def test_a_key_is_changed_from_draft_to_chain(table: Table) -> None:
    drafted = table.next(table.rotation).output
    assert f"A new key of KPU (en) (kpu) for signatures: {table.new.key_id}" in drafted
    assert "is no longer used" in drafted
    assert "Still to sign: kpu, bawaslu, polres, key " in drafted
    waiting = ("--next", table.folder / "next.json")
    assert "Masih" not in table.check(*waiting, code=1)
    assert "Still to sign: key " in table.sign("kpu", "bawaslu", "polres")
    assert "All have signed." in table.sign("new")
    table.check(*waiting)
    (table.folder / "next.json").rename(table.folder / "chain" / "0002.json")
    assert "OK: 2 rosters" in table.check()
    shown = table.run("show", table.folder / "chain", "--lang", "en").output
    assert "roster 2" in shown
    assert in_groups(fingerprint(table.new.public)) in shown


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_change_is_said_in_words(table: Table, language: str) -> None:
    lost = table.town.keys["polres"].key_id
    sha256 = hashlib.sha256(table.new.public.raw).hexdigest()
    public = base64.b64encode(table.new.public.raw).decode()
    words = '{ id = "a", en = "b" }'
    changes = f"""
[[join]]
id = "rsud"
name = {words}
role = {words}
contact = {words}
[[lost]]
key_id = "{lost}"
since = "{AT}"
[[key]]
party = "polres"
public = "{public}"
[[confirmed]]
key_id = "{table.new.key_id}"
sha256 = "{sha256}"
party = "kpu"
person = "Ani"
"""
    table.next(changes)
    arguments = ("--next", table.folder / "next.json", "--lang", language)
    said = table.check(*arguments, code=1)
    for word in (sha256, lost, "Ani", AT, "rsud"):
        assert word in said
    assert ("joins" in said) == (language == "en")
    (table.folder / "next.json").unlink()
    left = table.next('leave = ["bawaslu"]').output
    assert "BAWASLU (en) (bawaslu) leaves" in left


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ('leave = ["nobody"]', "no party nobody"),
        ('retire = ["00"]', "no key 00"),
        ("color = 3", "cannot be read"),
        ('[[key]]\nparty = "kpu"\npublic = "*"', "not base64"),
        ('[[key]]\nparty = "nobody"\npublic = "KEY"', "unknown party"),
    ],
)
def test_a_wrong_draft_is_refused_in_one_sentence(table: Table, changes: str, why: str) -> None:
    public = base64.b64encode(table.new.public.raw).decode()
    assert why in table.next(changes.replace("KEY", public), code=1).output
    assert not (table.folder / "next.json").exists()


def test_a_draft_that_people_have_is_not_written_over(table: Table) -> None:
    table.next(table.rotation)
    assert "there is a file already" in table.next(table.rotation, code=1).output


def test_a_stranger_does_not_sign(table: Table) -> None:
    SigningKey.generate().save(table.folder / "stranger")
    table.next(table.rotation)
    assert "neither in the roster before" in table.sign("stranger", code=1)


def test_a_key_under_a_passphrase_signs(table: Table, tmp_path: Path) -> None:
    table.town.keys["kpu"].save(tmp_path / "safe", b"eight words or so")
    table.next(table.rotation)
    arguments = ["roster", "sign", str(tmp_path / "next.json"), "--after", str(tmp_path / "chain")]
    arguments += ["--key", str(tmp_path / "safe")]
    said = CliRunner().invoke(main, arguments, input="eight words or so\n")
    assert said.exit_code == 0, said.output


def verify(folder: Path, trust: Path) -> Sequence[str]:
    said = CliRunner().invoke(main, ["ledger", "verify", str(folder), "--trust", str(trust)])
    return (str(said.exit_code), said.output.splitlines()[-1])


def test_an_old_ledger_and_an_old_agreement_are_checked_by_a_chain(table: Table) -> None:
    old = table.town.gateways[SITE]
    origin = f"kpu/{SITE}/keeper"
    LedgerStore.open(table.folder / "ledger", origin, old, ManualClock(NOW)).close()
    gateway = table.new_key + f'use = "gateway"\nsite = "{SITE}"\n'
    table.next(f'retire = ["{old.key_id}"]\n{gateway}')
    table.sign("kpu", "bawaslu", "polres", "new")
    (table.folder / "next.json").rename(table.folder / "chain" / "0002.json")
    assert verify(table.folder / "ledger", table.folder / "chain")[0] == "0"
    alone = verify(table.folder / "ledger", table.folder / "chain" / "0002.json")
    assert alone[0] == "1"
    assert "not signed by a key" in alone[1]
    attestation = make_attestation(table.town)
    paper = table.folder / "agreement.json"
    paper.write_bytes(make_agreement(table.town, attestations=[attestation]))
    arguments = ["agreement", "show", str(paper), "--roster", str(table.folder / "chain")]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert len(load_chain(table.folder / "chain")) == 2
