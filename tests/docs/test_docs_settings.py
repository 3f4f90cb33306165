"""Every setting is documented, with the default it has."""

import re
from collections.abc import Iterator

import msgspec
import pytest

from serambi.agreement.draft import Draft
from serambi.center import config as center
from serambi.center import login_settings as login
from serambi.center import map_settings as maps
from serambi.courier import config as courier
from serambi.keeper import config as keeper
from serambi.party import config as party
from tests.docs.pages import page, section, walk

PAGE = page("docs/reference/settings.md")


def fields(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, object]]:
    """(dotted name, default or None) of each setting, tables opened."""
    for field in msgspec.structs.fields(kind):
        inner = field.type
        nested = isinstance(inner, type) and issubclass(inner, msgspec.Struct)
        if nested and inner.__name__.startswith("_"):
            yield from fields(inner, f"{prefix}{field.name}.")
        else:
            default = field.default
            yield f"{prefix}{field.name}", None if default is msgspec.NODEFAULT else default


def row(where: str, name: str) -> str:
    """The row of a table that begins with `name`."""
    for line in where.splitlines():
        if line.startswith("|") and f"`{name}`" in line.split("|")[1]:
            return line
    raise AssertionError(f"{name} is not documented")


@pytest.mark.parametrize(("name", "default"), list(fields(keeper._File)))
def test_settings_of_the_keeper(name: str, default: object) -> None:
    found = row(section(PAGE, "## Keeper: `keeper.toml`"), name)
    shown = str(default).lower() if isinstance(default, bool) else default
    assert default is None or f"`{shown}`" in found.split("|")[2]


@pytest.mark.parametrize(("name", "default"), list(fields(keeper.Camera)))
def test_settings_of_cameras(name: str, default: object) -> None:
    found = row(section(PAGE, "## Keeper: `cameras.toml`"), f"camera.{name}")
    assert ("empty" in found.split("|")[2]) == (default == "")


@pytest.mark.parametrize(
    "name",
    sorted(courier._SETTINGS - {"tls"} | {f"tls.{name}" for name in courier._TLS_SETTINGS}),
)
def test_settings_of_the_courier(name: str) -> None:
    row(section(PAGE, "## Courier"), name)


CENTER = frozenset(
    center._KNOWN - {"login", "map"}
    | {f"map.{name}" for name in maps.MAP_KNOWN}
    | {f"login.{name}" for name in login.LOGIN_KNOWN - {"oidc"}}
    | {f"login.oidc.{name}" for name in login.OIDC_KNOWN}
)


@pytest.mark.parametrize("name", sorted(CENTER))
def test_settings_of_the_center(name: str) -> None:
    row(section(PAGE, "## Center"), name)


@pytest.mark.parametrize(("name", "default"), list(fields(party._File)))
def test_settings_of_a_party(name: str, default: object) -> None:
    found = row(section(PAGE, "## Party"), name)
    assert default in (None, "") or f"`{default}`" in found.split("|")[2]


@pytest.mark.parametrize("field", msgspec.structs.fields(Draft), ids=lambda field: str(field.name))
def test_fields_of_a_draft(field: msgspec.structs.FieldInfo) -> None:
    found = row(section(PAGE, "## Draft"), field.name)
    has_default = field.default is not msgspec.NODEFAULT
    assert bool(found.split("|")[2].strip()) == has_default


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {
        "## Keeper: `keeper.toml`": {name for name, _ in fields(keeper._File)},
        "## Keeper: `cameras.toml`": {f"camera.{name}" for name, _ in fields(keeper.Camera)},
        "## Center": set(CENTER),
        "## Party": {name for name, _ in fields(party._File)},
        "## Draft": {field.name for field in msgspec.structs.fields(Draft)},
    }
    for heading, names in known.items():
        for line in section(PAGE, heading).splitlines():
            if line.startswith("| `"):
                assert set(re.findall(r"`([^`]+)`", line.split("|")[1])) <= names, heading


def test_variables_of_the_environment() -> None:
    source = "\n".join(path.read_text("utf-8") for path in walk() if path.suffix == ".py")
    used = set(re.findall(r"\bSERAMBI_[A-Z_]*[A-Z]\b", source))
    assert used == set(re.findall(r"`(SERAMBI_\w+)`", section(PAGE, "## Environment")))
