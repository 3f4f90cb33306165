"""Tests that share a running town are run by one worker, one after the other."""

import pytest


@pytest.mark.xdist_group("kept-together")
def test_workers_are_told_of_groups(request: pytest.FixtureRequest) -> None:
    """By the name of the test; a pytest that names tests otherwise breaks this without a word."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("no workers share the tests")
    assert request.node.nodeid.endswith("@kept-together")
