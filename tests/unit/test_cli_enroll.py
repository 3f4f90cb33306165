"""A newcomer joins with files and commands alone: the code on the telephone, the request on a
stick, the fingerprint read aloud, the roster signed by all."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from serambi.cli.main import main
from serambi.identity import code as codes
from serambi.identity.chain import load_chain
from tests.builders import Town, make_roster

US = """
id = "rsud"
name = { id = "RSUD Kota", en = "City Hospital" }
role = { id = "rumah sakit", en = "hospital" }
contact = { id = "telepon 119", en = "telephone 119" }
witness = true
sites = ["igd"]
"""
OTHER = "0000-0000-0000"


class Table:
    """KPU's folder with its settings, the newcomer's folder, and nothing between them."""

    def __init__(self, folder: Path) -> None:
        self.town: Town = make_roster()
        self.kpu, self.rsud = folder / "kpu", folder / "rsud"
        for each in (self.kpu, self.rsud):
            each.mkdir()
        (self.kpu / "roster.json").write_bytes(self.town.raw)
        (self.kpu / "token").write_text("secret")
        (self.kpu / "token").chmod(0o600)
        (self.kpu / "party.toml").write_text(
            'format = 1\nparty = "kpu"\n[trust]\nroster = "roster.json"\n'
            f'genesis = "{self.town.roster.digest}"\n[center]\nurl = "http://127.0.0.1:1"\n'
        )
        (self.rsud / "us.toml").write_text(US)
        for name, key in self.town.keys.items():
            key.save(folder / name / "key")

    def run(self, *arguments: object, typed: str = "", code: int = 0) -> str:
        said = CliRunner().invoke(main, ["roster", *map(str, arguments)], input=typed)
        assert said.exit_code == code, said.output
        return said.output

    def invite(self, party: str = "rsud", code: int = 0) -> str:
        config = self.kpu / "party.toml"
        said = self.run(
            "invite", "--config", config, "--party", party, "--person", "Ani", code=code
        )
        return "".join(re.findall(r"\w{4}-\w{4}-\w{4}", said))

    def enroll(self, one_time: str, name: str = "request", code: int = 0) -> str:
        """-> the fingerprint that is printed"""
        out, keys = self.rsud / f"{name}.json", self.rsud / name
        arguments = ("enroll", "--from", self.rsud / "us.toml", "--keys", keys, "--out", out)
        said = self.run(*arguments, typed=f"{one_time}\n", code=code)
        return said if code else re.findall(r"fingerprint: (\S+)", said)[0]

    def confirm(
        self, typed: str, person: str = "Budi", name: str = "request", code: int = 0
    ) -> str:
        request = self.rsud / f"{name}.json"
        config, out = self.kpu / "party.toml", self.kpu / "next.json"
        named = ("--config", config, "--person", person, "--out", out, "--lang", "en")
        return self.run("confirm", request, *named, typed=f"{typed}\n", code=code)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(codes, "_COST", 2)
    return Table(tmp_path)


def test_a_newcomer_joins_from_code_to_roster(table: Table) -> None:
    fingerprint = table.enroll(table.invite())
    said = table.confirm(fingerprint[-19:])
    assert fingerprint[:59] in said
    assert fingerprint[-19:] not in said.split("The last four groups")[0]
    for words in ("City Hospital (rsud) joins", "Budi of KPU (en)", "the gateway igd"):
        assert words in said
    roster = table.kpu / "next.json"
    keys = [table.rsud / "request" / name for name in ("sign", "witness", "gateway-igd")]
    keys += [table.kpu.parent / name / "key" for name in table.town.keys]
    named = [word for key in keys for word in ("--key", key)]
    said = table.run("sign", roster, "--after", table.kpu / "roster.json", *named, "--lang", "en")
    assert "All have signed." in said
    chain = table.kpu.parent / "chain"
    chain.mkdir()
    (table.kpu / "roster.json").rename(chain / "0001.json")
    roster.rename(chain / "0002.json")
    assert load_chain(chain)[-1].party("rsud").name.en == "City Hospital"


def test_nobody_is_enrolled_by_anything_less(table: Table) -> None:
    assert "does not invite itself" in table.run(
        "invite", "--config", table.kpu / "party.toml", "--party", "kpu", "--person", "Ani", code=1
    )
    assert "not a code" in table.enroll("ABCD", code=1)
    table.enroll(OTHER)
    assert "was not invited here" in table.confirm("", code=1)
    code = table.invite()
    assert "not the code that was given" in table.confirm("", code=1)
    fingerprint = table.enroll(code, "right")
    assert "does not compare" in table.confirm(fingerprint[-19:], "Ani", "right", code=1)
    assert "not the last groups" in table.confirm("0000", "Budi", "right", code=1)
    table.enroll(code, "swapped")
    assert "used already" in table.confirm("", "Budi", "swapped", code=1)
    assert not (table.kpu / "next.json").exists()
    assert "there is a file already" in table.enroll(code, "right", code=1)
    (table.kpu / "next.json").write_text("ours")
    assert "there is a file already" in table.confirm(fingerprint[-19:], "Budi", "right", code=1)
    (table.rsud / "us.toml").write_text('color = "red"')
    assert "cannot be read" in table.enroll(code, "colored", code=1)
