"""One command that fails is no end of the others."""

import logging
from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from tests.simulation.fabric_town import SITE, town


async def test_a_handler_that_crashes_costs_its_own_command_and_not_the_link(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def on_command(raw: bytes) -> bytes:
        if raw == b"bad":
            raise RuntimeError("a defect")
        return raw[::-1]

    async with town(tmp_path, SITE) as place:
        site = place.site(on_command=on_command)
        async with place.connected(site):
            links = site.links
            for number in range(1, 11):  # more than there are tasks that answer
                with pytest.raises(SerambiError) as refused:
                    await place.center.command(SITE, b"bad", 10)
                assert refused.value.kind is Kind.UNAVAILABLE
                assert site.counts.commands_crashed == number
            assert await place.center.command(SITE, b"good", 10) == b"doog"
            assert site.links == links
            assert (SITE, False) not in place.presence
    crashes = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(crashes) == 10
    assert all("a command crashed" in record.getMessage() for record in crashes)
    assert all(record.exc_info for record in crashes)
