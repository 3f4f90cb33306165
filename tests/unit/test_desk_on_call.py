"""The lists of who is on call: a file of secrets, refused where it is wrong or readable."""

from datetime import datetime
from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.center.desk.on_call import Institution, OnCall, Way, read_on_call
from tests.builders import make_roster

ROSTER = make_roster()
HEAD = 'format = 1\nurl = "https://pusat.test/"\n[[institution]]\nparty = "kpu"\n'
HIDDEN = "never-to-be-seen-anywhere-0123456789"
MAIL = f'[[institution.way]]\nname = "surel"\napprise = "mailto://{HIDDEN}@kota.test"\n'
HOOK = f'[[institution.way]]\nname = "papan"\nwebhook = "https://a.test/x"\nsecret = "{HIDDEN}"\n'


def read(folder: Path, text: str, mode: int = 0o600) -> OnCall:
    path = folder / "on-call.toml"
    path.write_text(text)
    path.chmod(mode)
    return read_on_call(path, ROSTER.roster.document.parties, "Asia/Jakarta")


def test_an_institution_is_found_as_people_write_it(tmp_path: Path) -> None:
    found = read(tmp_path, HEAD + 'quiet = ["22:00", "06:00"]\n' + MAIL + HOOK)
    assert found.url == "https://pusat.test"
    kpu = found.find(" KPU ")
    assert kpu is not None
    assert kpu.quiet == ("22:00", "06:00")
    assert [way.name for way in kpu.way] == ["surel", "papan"]
    assert found.find("kpu") is kpu
    assert found.find("Polres") is None
    nobody = read_on_call(None, (), "Asia/Jakarta")
    assert nobody.find("kpu") is None


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SerambiError, match="others can read") as caught:
        read(tmp_path, HEAD + MAIL, mode)
    assert caught.value.kind == Kind.DENIED
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD.replace("= 1", "= 2") + MAIL, "format"),
        (HEAD.replace("https", "http") + MAIL, "url"),
        (HEAD.replace('"https://pusat.test/"', '"https://[/"') + MAIL, "url"),
        (HEAD.replace("kpu", "nobody") + MAIL, "no party 'nobody'"),
        (HEAD + "way = []\n", "1 to 8 ways"),
        (HEAD + MAIL * 2, "two ways of one name"),
        (HEAD + MAIL + '[[institution]]\nparty = "kpu"\n' + MAIL, "two lists"),
        (HEAD + 'quiet = ["22:00", "6"]\n' + MAIL, "quiet"),
        (HEAD + 'quiet = ["22:00"]\n' + MAIL, "institution[0].quiet"),
        (HEAD + 'language = "jv"\n' + MAIL, "language"),
        (HEAD + MAIL.replace("surel", ""), "name"),
        (HEAD + MAIL + 'webhook = "https://a.test"\n', "either"),
        (HEAD + MAIL + f'secret = "{HIDDEN}"\n', "a webhook has a secret"),
        (HEAD + HOOK.replace("https://a", "http://a"), "https://"),
        (HEAD + HOOK.replace(HIDDEN, HIDDEN[:31]), "less than 32"),
        (HEAD + HOOK.replace(f'"{HIDDEN}"', "7"), "secret"),
        (HEAD + MAIL + 'tokn = "x"\n', "institution[0].way[0]"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_with_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SerambiError) as caught:
        read(tmp_path, text)
    assert caught.value.kind == Kind.BAD_INPUT
    assert said in caught.value.what
    assert HIDDEN[:31] not in str(caught.value)
    assert HIDDEN[:31] not in repr(caught.value.__context__)


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        (("22:00", "06:00"), "2026-11-23T21:59", None),
        (("22:00", "06:00"), "2026-11-23T22:00", "2026-11-24T06:00"),
        (("22:00", "06:00"), "2026-11-24T05:59", "2026-11-24T06:00"),
        (("22:00", "06:00"), "2026-11-24T06:00", None),
        (("12:00", "13:30"), "2026-11-23T12:30", "2026-11-23T13:30"),
        (("12:00", "13:30"), "2026-11-23T13:30", None),
        (None, "2026-11-23T03:00", None),
    ],
)
def test_quiet_hours(quiet: tuple[str, str] | None, at: str, until: str | None) -> None:
    one = Institution(party="kpu", way=(Way(name="x", apprise="y"),), quiet=quiet)
    found = one.quiet_until(datetime.fromisoformat(at))
    assert found == (until and datetime.fromisoformat(until))
