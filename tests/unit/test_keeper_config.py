"""Settings: a wrong one gives a sentence with file and field, and never a secret."""

import logging
from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.keeper.config import KeeperConfig, read_config
from tests.builders import Town, make_roster
from tests.fakes.keeper_site import Site


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster()


@pytest.fixture
def site(tmp_path: Path, town: Town) -> Site:
    return Site(tmp_path, town)


def test_good_settings_are_read(site: Site, town: Town) -> None:
    config = site.config
    assert isinstance(config, KeeperConfig)
    assert (config.site, config.owner) == ("gudang-kpu", "kpu")
    assert config.origin == "kpu/gudang-kpu/keeper"
    assert config.folder == site.folder
    assert config.roster == site.folder / "roster.json"
    assert config.genesis == town.roster.digest
    assert (config.host, config.port) == ("127.0.0.1", 0)
    assert (config.keep_s, config.keep_bytes) == (14 * 86_400, 200_000_000_000)
    assert [camera.id for camera in config.cameras] == ["cam-1", "cam-2", "cam-3", "cam-4", "cam-5"]
    assert config.cameras[3].facing == "inside"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("keeper", "format = 1", "format = 2", "format 2"),
        ("keeper", "format = 1\n", "", "format"),
        ("keeper", 'site = "gudang-kpu"', 'site = "Gudang KPU"', "site 'Gudang KPU'"),
        ("keeper", 'owner = "kpu"', 'owner = "../kpu"', "owner '../kpu'"),
        ("keeper", 'owner = "kpu"', "owner = 7", "owner"),
        ("keeper", 'en = "KPU warehouse"', 'fr = "depot"', "name"),
        ("keeper", "Asia/Jakarta", "Asia/Atlantis", "zone 'Asia/Atlantis'"),
        ("keeper", "Asia/Jakarta", "../../etc/passwd", "zone"),
        ("keeper", 'genesis = "', 'genesis = "zz', "trust.genesis"),
        ("keeper", 'token_sha256 = "', 'token_sha256 = "A', "owner_token_sha256"),
        ("keeper", "[trust]", "[http]\nport = 70000\n[trust]", "http.port 70000"),
        ("keeper", "[trust]", "[http]\nport = -1\n[trust]", "http.port -1"),
        ("keeper", "[trust]", "[retention]\ndays = 0\n[trust]", "retention.days"),
        ("keeper", "[trust]", "[retention]\ndays = nan\n[trust]", "retention.days"),
        ("keeper", "[trust]", "[retention]\ngigabytes = inf\n[trust]", "retention.gigabytes"),
        ("keeper", "[trust]", "[retention]\ngigabytes = -5\n[trust]", "retention.gigabytes"),
        ("keeper", "[trust]", "[colour]\n[trust]", "colour"),
        ("keeper", "[trust]", "[trust", "line"),
        ("cameras", 'id = "cam-2"', 'id = "cam-1"', "two cameras have the same id"),
        ("cameras", 'id = "cam-2"', 'id = "cam/2"', "camera.id 'cam/2'"),
        ("cameras", 'facing = "inside"', 'facing = "insdie"', "facing"),
        ("cameras", "rtsp://127.0.0.1/cam-1/main", "http://127.0.0.1/x", "camera 101"),
        ("cameras", "rtsp://127.0.0.1", "rtsp://me:geheim@127.0.0.1", "without credentials"),
        ("cameras", 'user = "viewer"', 'users = "viewer"', "users"),
        ("cameras", 'number = "101"', "number = 101", "number"),
    ],
)
def test_a_wrong_setting_is_named(site: Site, file: str, old: str, new: str, says: str) -> None:
    path = site.folder / f"{file}.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SerambiError) as caught:
        read_config(site.folder / "keeper.toml")
    assert caught.value.kind == Kind.BAD_INPUT
    assert says in str(caught.value)
    assert caught.value.where == str(path)
    assert caught.value.hint
    assert "secret-of" not in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("file", ["keeper", "cameras"])
@pytest.mark.parametrize("how", ["absent", "folder", "binary"])
def test_files_that_are_not_there_or_not_text(site: Site, file: str, how: str) -> None:
    path = site.folder / f"{file}.toml"
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SerambiError) as caught:
        read_config(site.folder / "keeper.toml")
    assert caught.value.where == str(path)
    assert caught.value.kind == (Kind.NOT_FOUND if how == "absent" else Kind.BAD_INPUT)


def test_passwords_show_nowhere(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    config = site.config
    assert config.cameras[0].password == "secret-of-cam-1"
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("x").info("%s %r %s", config, config, config.cameras)
    assert "secret-of" not in caplog.text
    assert "secret-of" not in f"{config.cameras[0]} {config!r}"


def test_a_password_in_the_wrong_line_is_not_repeated(site: Site) -> None:
    """Found by fuzzing."""
    path = site.folder / "cameras.toml"
    path.write_text(path.read_text().replace('"street"', '"secret-of-cam-1"', 1))
    with pytest.raises(SerambiError, match=r"Invalid enum value - at .*facing") as caught:
        read_config(site.folder / "keeper.toml")
    assert "secret-of" not in str(caught.value)
