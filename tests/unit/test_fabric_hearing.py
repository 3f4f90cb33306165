"""A link that stands and carries nothing is told from one that is slow, cut or busy."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.fabric import profile
from serambi.fabric.hearing import until_deaf

SILENT, ANSWERED, CUT = "silent", "answered", "cut"


async def asked_before_deaf(lot: Iterator[str]) -> int:
    """How many looks it took to call the center deaf; StopIteration's end means never."""
    looks = 0
    now = SILENT

    def connected() -> bool:
        nonlocal looks, now
        looks += 1
        now = next(lot)
        return now != CUT

    async def answered() -> bool:
        assert now != CUT, "nothing is asked over a link that is cut"
        return now == ANSWERED

    await until_deaf(connected, answered)
    return looks


@given(st.lists(st.sampled_from((SILENT, ANSWERED, CUT)), max_size=30))
def test_only_silence_in_a_row_over_a_standing_link_is_deafness(lot: list[str]) -> None:
    expected, row = 0, 0
    for index, now in enumerate([*lot, *[SILENT] * profile.DEAF_AFTER], 1):
        row = row + 1 if now == SILENT else 0
        if row == profile.DEAF_AFTER:
            expected = index
            break

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile, "HEAR_EVERY_S", 0)
        looks = asyncio.run(asked_before_deaf(iter([*lot, *[SILENT] * profile.DEAF_AFTER])))
    assert looks == expected


def test_deafness_outlasts_a_lease_and_a_busy_center() -> None:
    """Else every cut link would be opened twice, and a slow center be left by all at once."""
    assert profile.HEAR_EVERY_S * profile.DEAF_AFTER > 2 * profile.LEASE_MS / 1000
