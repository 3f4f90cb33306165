"""Every key, fault, command and hostile manner of the simulator is documented."""

import json

import msgspec
import pytest

from serambi.sim import cameras
from serambi.sim.digest import MANNERS
from serambi.sim.faults import Faults
from serambi.sim.hostile import HOSTILE
from tests.docs.pages import page, section

PAGE = page("docs/reference/simulator.md")


def rows(heading: str) -> dict[str, str]:
    """First cell -> second, one entry for each name in the first."""
    found: dict[str, str] = {}
    for line in section(PAGE, heading).splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.split("|")]
            found |= dict.fromkeys(cells[1].replace("`", "").split(", "), cells[2])
    return found


def shown(default: object) -> str:
    return "empty" if default == "" else f"`{json.dumps(default)}`".replace('"', "")


@pytest.mark.parametrize(
    ("heading", "kind"), [("## Configuration", cameras.CameraConfig), ("## Faults", Faults)]
)
def test_keys(heading: str, kind: type[msgspec.Struct]) -> None:
    documented = rows(heading)
    fields = msgspec.structs.fields(kind)
    assert set(documented) == {field.name for field in fields}
    for field in fields:
        if field.default is not msgspec.NODEFAULT and field.name != "faults":
            assert documented[field.name] == shown(field.default), field.name


def test_commands_and_manners() -> None:
    assert set(rows("## Commands")) == set(cameras._COMMANDS)
    assert set(rows("## Hostile cameras")) == set(HOSTILE) - {""}
    logins = next(line for line in PAGE.splitlines() if line.startswith("| `auth`"))
    assert all(f"`{name}`" in logins for name in MANNERS)
