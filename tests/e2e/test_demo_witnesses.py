"""The demo's five parties: they see every ledger, and say so."""

from typing import Any

import httpx

from serambi.identity.roster import read_roster
from serambi.ledger.verify import verify
from tests.e2e.conftest import DEMO
from tests.e2e.town import Town, until

pytestmark = DEMO


def health(town: Town) -> dict[str, dict[str, Any]]:
    """What each party says of itself."""
    found = {}
    for party in town.told["parties"]:
        answer = httpx.get(f"{party['url']}/health", timeout=20, trust_env=False)
        found[party["party"]] = answer.raise_for_status().json()
    return found


def cosigned(town: Town, site: str, size: int) -> bool:
    said = town.owners[site].get("/api/health").raise_for_status().json()
    return bool(said["ledger_cosigned"] >= size)


def test_what_happens_at_a_site_is_cosigned_within_seconds(town: Town) -> None:
    camera = town.shared[0]
    wish = {"camera": camera.id, "action": "live", "purpose": "routine_watch"}
    session = town.operator.post("/api/sessions", json=wish).raise_for_status().json()["id"]
    town.operator.delete(f"/api/sessions/{session}").raise_for_status()
    size = town.owners[camera.site].get("/api/health").json()["ledger_size"]
    until("a quorum has cosigned the view", lambda: cosigned(town, camera.site, size), 60.0)
    for party, said in health(town).items():
        assert said["alarms"] == [], party
        assert len(said["logs"]) >= 3


def test_each_party_has_sound_copies(town: Town) -> None:
    roster = read_roster((town.folder / "roster.json").read_bytes(), None)
    for party, said in health(town).items():
        for origin in said["logs"]:
            report = verify(town.folder / "parties" / party / "mirrors" / origin, roster)
            assert report.ok, report.why
