"""Fixtures that every kind of test may use."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# No test is timed: the machine may have much else to do.
settings.register_profile("serambi", deadline=None)
settings.load_profile("serambi")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes and long texts may hold keys and signatures, others in each worker: by number then."""
    long = isinstance(val, bytes) or (isinstance(val, str) and len(val) > 80)
    return argname if long else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Test material that is not part of the project: SERAMBI_TEST_DATA or ../shared/data."""
    folder = Path(os.environ.get("SERAMBI_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no shared test material at {folder}")
    return folder
