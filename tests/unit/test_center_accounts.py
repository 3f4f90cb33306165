"""Accounts, tokens, codes; the database's format; the settings file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text, update

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import LOGIN_FAILURES
from serambi.center.accounts import CODE_TTL_S, Accounts, Role
from serambi.center.config import read_config
from serambi.center.database import meta, open_database
from serambi.center.main import renew_certificate
from serambi.identity.certificates import create_authority
from serambi.web.login import digest_of
from tests.fakes.running import quick_passwords


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_790_000_000.0)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "center.db")
    yield engine
    engine.dispose()


@pytest.fixture
def accounts(engine: Engine, clock: ManualClock) -> Accounts:
    accounts = Accounts(engine, clock, quick_passwords())
    accounts.create_account("ani", "Ani", Role.OPERATOR, "Regu A", "beringin")
    return accounts


async def test_a_password(accounts: Accounts) -> None:
    found = await accounts.check_password("ani", "beringin", "10.0.0.1")
    assert (found.account, found.role, found.unit) == ("ani", Role.OPERATOR, "Regu A")
    errors = []
    for account, password in (("ani", "x"), ("budi", "beringin"), ("", "")):
        with pytest.raises(SerambiError) as caught:
            await accounts.check_password(account, password, "10.0.0.1")
        errors.append((caught.value.kind, str(caught.value)))
    assert len(set(errors)) == 1
    assert errors[0][0] is Kind.UNAUTHENTICATED


async def test_guessing_stops_and_the_right_password_waits_too(accounts: Accounts) -> None:
    for _ in range(LOGIN_FAILURES):
        with pytest.raises(SerambiError):
            await accounts.check_password("ani", "x", "10.0.0.1")
    with pytest.raises(SerambiError) as caught:
        await accounts.check_password("ani", "beringin", "10.0.0.2")
    assert caught.value.kind is Kind.LIMIT


async def test_signing_in_often_is_no_failure(accounts: Accounts) -> None:
    for _ in range(3 * LOGIN_FAILURES):
        await accounts.check_password("ani", "beringin", "10.0.0.1")


@pytest.mark.parametrize(("account", "kind"), [("ani", Kind.CONFLICT), ("A b", Kind.BAD_INPUT)])
def test_accounts_are_unique_and_well_named(accounts: Accounts, account: str, kind: Kind) -> None:
    with pytest.raises(SerambiError) as caught:
        accounts.create_account(account, "Ani", Role.OPERATOR, "x", "x")
    assert caught.value.kind is kind


def test_tokens_are_kept_as_digests(accounts: Accounts, engine: Engine) -> None:
    token = accounts.create_token("ani", "script")
    assert accounts.find_token(digest_of(token)) == "ani"
    assert accounts.find_token(digest_of("other")) is None
    with engine.connect() as connection:
        kept = connection.execute(text("select * from tokens")).all()
    assert token not in str(kept)
    with pytest.raises(SerambiError):
        accounts.create_token("nobody", "script")


def test_a_code_works_once_and_not_for_ever(accounts: Accounts, clock: ManualClock) -> None:
    code, late = accounts.create_code("ani"), accounts.create_code("ani")
    found = accounts.use_code(code)
    assert found is not None
    assert found.account == "ani"
    assert accounts.use_code(code) is None
    clock.advance(CODE_TTL_S)
    assert accounts.use_code(late) is None
    with pytest.raises(SerambiError):
        accounts.create_code("nobody")


def test_old_sign_ins_are_swept(accounts: Accounts, clock: ManualClock) -> None:
    now_ms = int(clock.now() * 1000)
    accounts.add("a", "ani", now_ms + 1000)
    assert accounts.find_login("a") == ("ani", now_ms + 1000)
    clock.advance(2)
    accounts.add("b", "ani", now_ms + 9000)
    assert accounts.find_login("a") is None
    accounts.remove("b")
    assert accounts.find_login("b") is None


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "center.db"
    engine = open_database(path)
    with engine.begin() as connection:
        connection.execute(update(meta).values(value="2"))
    engine.dispose()
    with pytest.raises(SerambiError) as caught:
        open_database(path)
    assert caught.value.kind is Kind.CONFLICT
    assert path.stat().st_mode & 0o077 == 0


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "center.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(SerambiError) as caught:
        open_database(path)
    assert caught.value.kind is Kind.CORRUPT
    assert str(path) in caught.value.where


SETTINGS = """
party = "command-center"
port = 0
genesis = "ab"
listen = ["quic/127.0.0.1:7447"]
"""


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "center.toml"
    path.write_text(SETTINGS)
    config = read_config(path)
    assert (config.party, config.host, config.port) == ("command-center", "127.0.0.1", 0)
    assert config.database == tmp_path.resolve() / "center.db"
    assert config.roster == tmp_path.parent.resolve() / "roster.json"
    assert config.web_tls is None
    path.write_text(SETTINGS + 'web_certificate = "c.pem"\nweb_key = "k.pem"\n')
    folder = tmp_path.resolve()
    assert read_config(path).web_tls == (folder / "c.pem", folder / "k.pem")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("color = 1", "color"),
        ("host = 1", "host"),
        ("key = 5", "key"),
        ("= 3", "cannot be read"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, line: str, named: str) -> None:
    path = tmp_path / "center.toml"
    path.write_text(SETTINGS + line + "\n")
    with pytest.raises(SerambiError, match=named):
        read_config(path)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("port = 0", "port = 70000", "port"),
        ("port = 0", "port = true", "port"),
        ('party = "command-center"', 'party = "A B"', "party"),
        ('genesis = "ab"', "", "genesis"),
        ('["quic/127.0.0.1:7447"]', "[]", "listen"),
    ],
)
def test_missing_and_impossible_settings_are_named(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = tmp_path / "center.toml"
    path.write_text(SETTINGS.replace(old, new))
    with pytest.raises(SerambiError, match=named):
        read_config(path)


def test_settings_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SerambiError):
        read_config(tmp_path / "center.toml")


def test_the_center_renews_its_certificate_where_it_has_the_authority(
    tmp_path: Path, clock: ManualClock
) -> None:
    create_authority(tmp_path / "ca", clock.now())
    path = tmp_path / "center.toml"
    path.write_text(SETTINGS + 'authority = "ca"\nnames = ["localhost", "127.0.0.1"]\n')
    config = read_config(path)
    certificate = config.tls / "cert.pem"
    renew_certificate(config, clock)
    first = certificate.read_bytes()
    renew_certificate(config, clock)
    assert certificate.read_bytes() == first
    clock.advance(20 * 3600)
    renew_certificate(config, clock)
    assert certificate.read_bytes() != first
    path.write_text(SETTINGS + 'tls = "other"\n')
    renew_certificate(read_config(path), clock)
    assert not (tmp_path / "other").exists()
