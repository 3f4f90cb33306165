"""Asking other institutions for approval, over HTTP: what desks read, and what comes back."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from serambi.agreement.approval import read_approval, seal_asked
from serambi.base.clock import SystemClock
from serambi.base.errors import SerambiError
from serambi.base.limits import APPROVAL_MAX_S
from serambi.center import approvals as approvals_module
from serambi.center.accounts import Role
from serambi.identity import dsse
from serambi.party.carrier import HttpCarrier
from serambi.web.login import digest_of
from tests.fakes.center_town import Town, camera
from tests.fakes.running import Running, running

TOKEN = "token of a witness"
TERMS = "ab" * 32


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    town = Town(tmp_path, SystemClock())
    witnesses = {digest_of(TOKEN): "transport"}
    town.config = dataclasses.replace(town.config, witnesses=witnesses)
    async with running(town) as center:
        gateway = center.town.gateways["terminal"]
        gateway.cameras = tuple(
            camera(f"terminal-{n}", agreement="2026-03", four_eyes=True, terms=TERMS)
            for n in (1, 2)
        )
        center.town.speak()
        yield center


def wanted(**changes: Any) -> dict[str, Any]:
    until_ms = int((time.time() + 3600) * 1000)
    said = {"cameras": ["terminal-1"], "purpose": "traffic", "why": "Demo di depan terminal"}
    return {**said, "until_ms": until_ms, **changes}


async def test_what_is_asked_is_signed_and_listed(center: Running) -> None:
    async with center.client() as client:
        asked = (await client.post("/api/approvals", json=wanted())).json()
        assert (asked["site"], asked["cameras"], asked["approved_by"]) == (
            *("terminal", ["terminal-1"]),
            [],
        )
        assert (await client.get("/api/approvals")).json() == [asked]
        both = wanted(cameras=["terminal-2", "terminal-1"], until_ms=2**52)
        longest = (await client.post("/api/approvals", json=both)).json()
        assert longest["cameras"] == ["terminal-1", "terminal-2"]
        assert longest["until_ms"] - longest["at_ms"] <= APPROVAL_MAX_S * 1000


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"cameras": []}, 422),
        ({"cameras": ["no-such"]}, 404),
        ({"cameras": ["market-1"]}, 400),
        ({"cameras": ["terminal-1", "market-1"]}, 400),
        ({"why": ""}, 422),
        ({"action": "export"}, 422),
        ({"until_ms": 5}, 400),
    ],
)
async def test_what_cannot_be_asked(center: Running, changes: dict[str, Any], status: int) -> None:
    async with center.client() as client:
        assert (await client.post("/api/approvals", json=wanted(**changes))).status_code == status
        assert (await client.get("/api/approvals")).json() == []


async def test_who_opens_no_view_asks_for_none(center: Running) -> None:
    async with center.client(Role.COORDINATOR) as client:
        assert (await client.post("/api/approvals", json=wanted())).status_code == 403
        assert (await client.get("/api/approvals")).status_code == 403


async def test_what_is_asked_for_is_bounded(
    center: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals_module, "APPROVALS_KEPT", 1)
    async with center.client() as client:
        assert (await client.post("/api/approvals", json=wanted())).status_code == 201
        assert (await client.post("/api/approvals", json=wanted(why="again"))).status_code == 429


async def test_what_another_party_signs_is_shown_and_goes_to_the_sites(center: Running) -> None:
    town = center.town
    carrier = HttpCarrier(center.base, TOKEN)
    stranger = HttpCarrier(center.base, "another token")
    async with center.client() as client:
        with pytest.raises(SerambiError, match="401"):
            await asyncio.to_thread(stranger.asked)
        assert await asyncio.to_thread(carrier.asked) == []
        asked = (await client.post("/api/approvals", json=wanted())).json()
        (raw,) = await asyncio.to_thread(carrier.asked)
        assert read_approval(raw, town.roster).asked_by_center
        signed = dsse.add_signature(dsse.load(raw), town.parties["transport"])
        answers = (await client.post("/api/documents", content=dsse.dump(signed))).json()
        assert answers["terminal"]["allowed"] is True
        assert dsse.dump(signed) in town.gateways["terminal"].documents
        (shown,) = (await client.get("/api/approvals")).json()
        assert shown["digest"] == asked["digest"]
        assert [party["id"] for party in shown["approved_by"]] == ["transport"]
        # One that this center never asked for is carried, and shown to nobody.
        other = msgspec.structs.replace(read_approval(raw, town.roster).asked, why="another")
        strange = seal_asked(other, town.parties["transport"])
        assert (await client.post("/api/documents", content=strange)).status_code == 200
        assert (await client.get("/api/approvals")).json() == [shown]
    for each in (carrier, stranger):
        each.close()
