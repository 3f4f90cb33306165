"""The page about the center's interface names everything that there is."""

from pathlib import Path

import pytest

from serambi.center.app import create_app
from serambi.web.errors import STATUS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md").read_text()


def addresses() -> list[str]:
    paths = create_app().openapi()["paths"]
    return [f"{method.upper()} {path}" for path, ways in paths.items() for method in ways]


@pytest.mark.parametrize("address", addresses())
def test_every_address_is_documented(address: str) -> None:
    assert f"`{address}" in PAGE


@pytest.mark.parametrize("kind", list(STATUS))
def test_every_kind_of_error_is_documented(kind: str) -> None:
    assert f"`{kind}`" in PAGE
