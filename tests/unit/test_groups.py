"""Tests that share a running town are run by one worker, one after the other; and by their own
names when they are tried once more."""

import json
from pathlib import Path

import pytest

import dev


@pytest.mark.xdist_group("kept-together")
def test_workers_are_told_of_groups(request: pytest.FixtureRequest) -> None:
    """By the name of the test; a pytest that names tests otherwise breaks this without a word."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("no workers share the tests")
    assert request.node.nodeid.endswith("@kept-together")


def test_what_failed_in_a_group_is_tried_again_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    assert dev.last_failed() == []
    kept = tmp_path / ".pytest_cache" / "v" / "cache"
    kept.mkdir(parents=True)
    names = {"a.py::test_a[x@y]@demo": True, "b.py::test_b[x@y]": True, "c.py::test_c": True}
    (kept / "lastfailed").write_text(json.dumps(names))
    assert dev.last_failed() == ["a.py::test_a[x@y]", "b.py::test_b[x@y]", "c.py::test_c"]
