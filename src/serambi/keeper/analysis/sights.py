"""What each camera was last seen to show, compared with its approved pictures, and which are
suspended for it. A proven change stays through a restart, until a confirmation or another
attestation; whatever cannot be told ends by itself with a match. Doubt is not shared.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import SerambiError
from serambi.base.kept import StateFile
from serambi.base.limits import ANALYST_STALE_S

log = logging.getLogger(__name__)

_FILE = "sights.json"
_MAX_BYTES = 1024 * 1024

Sight = Literal["unseen", "match", "changed", "undecidable"]


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    at_ms: int
    attestation: str


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    format: Literal[1]
    changed: dict[str, _Change]
    told: dict[str, Sight] = {}
    """What the ledger was told last of each camera that did not match."""


@dataclass(slots=True)
class _State:
    """`since` is unix seconds, `heard_s` monotonic."""

    sight: Sight
    since: float
    heard_s: float
    picture: bytes = b""


class Sights:
    """Of the cameras that are `checked`. Used in the event loop only."""

    def __init__(self, folder: Path, checked: Collection[str], clock: Clock) -> None:
        """Raises CORRUPT when what is kept cannot be read."""
        self._file = StateFile(
            folder / _FILE, _Kept, what="which views have changed", max_bytes=_MAX_BYTES
        )
        self._clock = clock
        kept = self._file.read()
        self._changed = dict(kept.changed) if kept else {}
        self._told = dict(kept.told) if kept else {}
        now = clock.now()
        self._states = {c: _State("unseen", now, clock.monotonic()) for c in checked}
        self._unwritten = False

    @property
    def checked(self) -> Collection[str]:
        """The cameras whose views are looked at."""
        return self._states.keys()

    def changed_at(self, camera: str) -> float:
        """When its view was first proven to be another, unix seconds; 0 when it is not."""
        change = self._changed.get(camera)
        return change.at_ms / 1000 if change else 0.0

    def heard(self, camera: str) -> float:
        """When it was last looked at, monotonic seconds."""
        return self._states[camera].heard_s

    def connected(self, camera: str) -> None:
        """The camera sends anew: until it was looked at, nobody knows what it shows."""
        state = self._states.get(camera)
        if state is not None:
            self._turn(state, "unseen")

    def seen(self, camera: str, sight: Sight, picture: bytes, attestation: str) -> bool:
        """One answer of the analyst, by the approved pictures of `attestation` (its digest).
        Whether the camera's sight became another."""
        state = self._states.get(camera)
        if state is None:
            return False
        state.heard_s = self._clock.monotonic()
        if picture:
            state.picture = picture
        if sight == "changed" and camera not in self._changed:
            self._changed[camera] = _Change(unix_ms(self._clock.now()), attestation)
            self._unwritten = True
        return self._turn(state, sight)

    def _turn(self, state: _State, sight: Sight) -> bool:
        if state.sight == sight:
            return False
        state.sight, state.since = sight, self._clock.now()
        return True

    def picture(self, camera: str) -> bytes:
        """The newest picture that did not match, as JPEG: for the owner only. Empty when none."""
        state = self._states.get(camera)
        return state.picture if state is not None else b""

    def sight(self, camera: str) -> Sight | None:
        """What holds now; None for a camera that is not checked."""
        state = self._states.get(camera)
        if state is None:
            return None
        return "changed" if camera in self._changed else state.sight

    def told(self, camera: str) -> Sight:
        """What the ledger holds of its view, through restarts."""
        return self._told.get(camera, "match")

    def tell(self, camera: str, sight: Sight) -> None:
        """The ledger was told that it is `sight` now."""
        if sight == "match":
            self._told.pop(camera, None)
        else:
            self._told[camera] = sight
        self._unwritten = True

    def suspended(self, online: Collection[str]) -> dict[str, float]:
        """Camera -> since when (unix seconds) it must not be shared. A camera that sends nothing
        shows nothing: only a proven change suspends it."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        found = {}
        for camera, state in self._states.items():
            silent_s = now_s - state.heard_s
            if camera in self._changed:
                found[camera] = self._changed[camera].at_ms / 1000
            elif camera in online and state.sight != "match":
                found[camera] = state.since
            elif camera in online and silent_s > ANALYST_STALE_S:
                found[camera] = now - silent_s
        return found

    def reattested(self, attestations: Mapping[str, str]) -> list[str]:
        """Camera -> digest of the attestation that holds. Changes against another one are over;
        which cameras that concerns."""
        over = [
            c
            for c, change in self._changed.items()
            if attestations.get(c, "") not in ("", change.attestation)
        ]
        for camera in over:
            self.confirmed(camera)
        return over

    def confirmed(self, camera: str) -> None:
        """Two parties say that it stands as attested again. It is looked at before it is shared."""
        if self._changed.pop(camera, None) is not None:
            self._unwritten = True
        self.connected(camera)

    def save(self) -> None:
        """Write what is not written yet; call it in a thread. Raises UNAVAILABLE."""
        if not self._unwritten:
            return
        self._unwritten = False  # before: the loop may turn one while this writes
        try:
            self._file.write(_Kept(1, dict(self._changed), dict(self._told)))
        except SerambiError:
            self._unwritten = True
            raise
