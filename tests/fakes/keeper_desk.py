"""The views of one site over a real ledger, a real door, and a socket that remembers."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from serambi.agreement.decide import State
from serambi.agreement.model import read_agreement
from serambi.agreement.revocation import Revocation, read_revocation
from serambi.base.clock import ManualClock
from serambi.identity.keys import SigningKey
from serambi.keeper.glass import Glass
from serambi.keeper.release import Release
from serambi.keeper.session import Outcome
from serambi.keeper.sessions import Sessions
from serambi.ledger.entry import Entry
from tests.builders import (
    NOW,
    SITE,
    make_agreement,
    make_attestation,
    make_request,
    make_revocation,
    make_roster,
    make_state,
)
from tests.fakes.keeper_site import Watcher, ledger_of, watched_journal

CAMERAS = ("cam-1", "cam-2")


class KeeperDesk:
    """Sessions over a real ledger, a real door, and a socket that remembers."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.town = make_roster()
        self.clock = ManualClock(NOW)
        self.events: list[str] = []
        self.attestations = [make_attestation(self.town, camera) for camera in CAMERAS]
        self.agreements = [self.agree("2026-03", **changes)]
        self.revocations: dict[str, Revocation] = {}
        self.stops: dict[str, float] = {}
        self.clock_ok = True
        self.watcher = Watcher(self.events)
        self.release = Release(self.watcher, self.clock)
        self.journal = watched_journal(folder, self.town, self.clock, self.events)
        self.glass = Glass(folder, b"salt" * 4, self.clock, self.journal)
        self.changes = 0
        self.sessions = Sessions(
            site=SITE,
            roster=lambda: self.town.roster,
            state=self.state,
            release=self.release,
            prelude=self.prelude,
            journal=self.journal,
            glass=self.glass,
            clock=self.clock,
            changed=self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    def prelude(self, camera: str, stream: str) -> Iterable[bytes]:
        return b"config", b"key"

    def agree(self, number: str, **changes: Any) -> bytes:
        return make_agreement(
            self.town, CAMERAS, attestations=self.attestations, number=number, **changes
        )

    def revoke(self, number: int, party: str = "bawaslu") -> None:
        signed = read_agreement(self.agreements[number], self.town.roster)
        raw = make_revocation(self.town, signed, party)
        self.revocations[signed.digest] = read_revocation(raw, self.town.roster)

    def state(self) -> State:
        return make_state(
            self.town,
            *self.agreements,
            attestations=self.attestations,
            revocations=self.revocations,
            stops=self.stops,
            clock_ok=self.clock_ok,
            justify_by=self.glass.justify_by(),
        )

    async def ask(self, camera: str = "cam-1", **changes: Any) -> Outcome:
        key: SigningKey | None = changes.pop("key", None)
        raw = make_request(self.town, camera, now=self.clock.now(), key=key, **changes)
        return await self.sessions.handle(raw)

    async def opened(self, camera: str = "cam-1", **changes: Any) -> str:
        outcome = await self.ask(camera, **changes)
        assert outcome.allowed, outcome.reason
        return outcome.session

    @property
    def ledger(self) -> list[Entry]:
        return ledger_of(self.journal.store)

    def close(self) -> None:
        self.journal.store.close()

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(entry.kind, entry.reason) for entry in self.ledger]
