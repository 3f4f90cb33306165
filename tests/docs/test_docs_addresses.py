"""The pages about the keeper's interface and the fabric name everything that there is."""

from pathlib import Path

import pytest

from serambi.base.clock import SystemClock
from serambi.fabric import frames
from serambi.identity.keys import SigningKey
from serambi.keeper.config import KeeperConfig, read_config
from serambi.keeper.keeper import Keeper
from serambi.keeper.main import keeper_app
from tests.builders import SITE, make_roster
from tests.docs.pages import page, section


@pytest.fixture
def config(tmp_path: Path) -> KeeperConfig:
    """Of a keeper without cameras; whatever has a default is left out."""
    town = make_roster()
    (tmp_path / "roster.json").write_bytes(town.raw)
    key: SigningKey = town.gateways[SITE]
    key.save(tmp_path / "key")
    (tmp_path / "cameras.toml").write_text("")
    (tmp_path / "keeper.toml").write_text(
        f'format = 1\nsite = "{SITE}"\nowner = "kpu"\n'
        'name = { id = "Gudang", en = "Warehouse" }\ncontact = { id = "Pos", en = "Post" }\n'
        f'owner_token_sha256 = "{"0" * 64}"\n'
        f'[trust]\nroster = "roster.json"\ngenesis = "{town.roster.digest}"\n'
        "[http]\n[retention]\n"
    )
    return read_config(tmp_path / "keeper.toml")


def test_a_short_settings_file_gets_the_documented_defaults(config: KeeperConfig) -> None:
    assert (config.host, config.port, config.zone) == ("127.0.0.1", 0, "Asia/Jakarta")
    assert (config.keep_s, config.keep_bytes) == (14 * 86_400, 200 * 10**9)


@pytest.fixture
async def addresses(config: KeeperConfig) -> list[str]:
    """Of a keeper that is built and never run."""
    clock = SystemClock()
    keeper = Keeper(config, clock)
    try:
        paths = keeper_app(keeper, config, clock).openapi()["paths"]
    finally:
        keeper.close()
    return [f"{method.upper()} {path}" for path, ways in paths.items() for method in ways]


async def test_addresses_of_the_keeper(addresses: list[str]) -> None:
    text = page("docs/reference/keeper.md")
    assert addresses
    for address in addresses:
        assert f"`{address}`" in text


def test_kinds_of_frames() -> None:
    text = section(page("docs/reference/fabric.md"), "## Between keeper and courier")
    for number in frames._LIMITS:
        assert f"\n| {number} " in text
    assert len(frames._LIMITS) == text.count("\n| ") - 1
