"""Looks after the cameras' views and rules: who is watched by what, and what follows from it.

A view that is not the approved one suspends its camera, in `suspended`; a rule that was met becomes
an entry of the ledger, which reaches the center only where an agreement gives alerts. Pictures stay
here, for the owner.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from serambi.agreement.attestation import SignedAttestation
from serambi.agreement.confirmation import SignedConfirmation
from serambi.base.clock import Clock
from serambi.base.limits import (
    ALERT_AGAIN_S,
    ALERTS_WAITING,
    DOCUMENT_MAX_BYTES,
    REFERENCE_MAX_BYTES,
)
from serambi.base.tasks import keep_running
from serambi.keeper.analysis.analyst import Analyst, Strain
from serambi.keeper.analysis.messages import FromAnalyst, Happened, Moved, Seen, Trouble, Watch
from serambi.keeper.analysis.sights import Sight, Sights
from serambi.keeper.config import KeeperConfig
from serambi.keeper.journal import Journal
from serambi.ledger.entry import Entry, EntryKind
from serambi.media.access_unit import AccessUnit, VideoConfig

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_LOOKED_AT = "sub"
_REASONS: Mapping[str, str] = {"changed": "view_changed", "undecidable": "view_unclear"}


class Documents(Protocol):
    """What was signed about the cameras, by camera id."""

    @property
    def attestations(self) -> Mapping[str, SignedAttestation]: ...
    @property
    def confirmations(self) -> Mapping[str, SignedConfirmation]: ...


class Lookout:
    """`push` may be called from any thread, the rest in the event loop. `agreement_of` and
    `gives_alerts` name the agreement that names a camera, and that gives alerts of it now; ""
    for none."""

    def __init__(
        self,
        config: KeeperConfig,
        clock: Clock,
        journal: Journal,
        documents: Documents,
        agreement_of: Callable[[str], str],
        gives_alerts: Callable[[str], str],
        changed: Callable[[], None],
    ) -> None:
        self._config = config
        self._clock = clock
        self._journal = journal
        self._documents = documents
        self._loop = asyncio.get_running_loop()
        self._sending: set[tuple[str, str]] = set()
        self._agreement_of = agreement_of
        self._gives_alerts = gives_alerts
        self._changed = changed
        outward = [c.id for c in config.cameras if c.facing != "inside"]
        self.sights = Sights(config.folder, outward if config.check_views else (), clock)
        self._watches: dict[str, Watch] = {}
        self._said: dict[str, str] = {}
        self._met_s: dict[tuple[str, str, str], float] = {}
        self._waiting: list[Entry] = []
        self._trouble: dict[str, str] = {}
        self._analyst = Analyst({}, config.analysis_cores, clock, self._on_answer)

    @property
    def strain(self) -> Strain:
        """How the analysis does."""
        return self._analyst.strain

    def sight(self, camera: str) -> Sight | None:
        """What the camera's view was last seen to be; None when it is not checked."""
        return self.sights.sight(camera)

    def trouble(self, camera: str) -> str:
        """Why this camera cannot be looked at; empty when it can."""
        return self._trouble.get(camera, "")

    def suspended(self) -> dict[str, float]:
        """Camera -> since when its view keeps it from being shared, unix seconds."""
        return self.sights.suspended({camera for camera, _ in self._sending})

    def approved(self, camera: str) -> Path | None:
        """The file of the attested picture, None when it is not here."""
        signed = self._documents.attestations.get(camera)
        return None if signed is None else self._reference(signed)

    def push(self, camera: str, stream: str, item: VideoConfig | AccessUnit | None) -> None:
        """What a stream of the camera sent; None when its connection has ended. Only substreams
        are looked at, but a main stream without one shows what nobody has looked at."""
        if type(item) is not AccessUnit:
            with contextlib.suppress(RuntimeError):  # the loop has ended: we are on the way out
                self._loop.call_soon_threadsafe(self._turn, camera, stream, item is not None)
        if stream == _LOOKED_AT:
            self._analyst.push(camera, item)

    def _turn(self, camera: str, stream: str, sends: bool) -> None:
        """Before the pictures of a new connection are passed on by the same loop."""
        if sends:
            self._sending.add((camera, stream))
        else:
            self._sending.discard((camera, stream))
        if stream == _LOOKED_AT:
            self.sights.connected(camera)
            self._changed()

    async def run(self) -> None:
        """Look until cancelled, as far as there are views to check and rules to watch."""
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_running("views", self._look_after))
            if self.sights.checked or any(map(self._rules, self._ids())):
                group.create_task(keep_running("analysis", self._analyst.run))

    def _ids(self) -> list[str]:
        return [camera.id for camera in self._config.cameras]

    # -- what is looked at --------------------------------------------------------------

    async def _look_after(self) -> None:
        while True:
            await asyncio.to_thread(self._prepare, self._documents.attestations)
            self._reconcile()
            await self._tell()
            await asyncio.to_thread(self.sights.save)
            await asyncio.sleep(_LOOK_EVERY_S)

    def _prepare(self, attestations: Mapping[str, SignedAttestation]) -> None:
        """Give the analyst what has changed. Files are read here, in a thread."""
        for camera in self._ids():
            signed = attestations.get(camera)
            name = (
                signed.attestation.reference_sha256 if signed and self._is_checked(camera) else ""
            )
            rules = self._rules(camera)
            known = self._watches.get(camera)
            if known is not None and (self._said.get(camera), known.rules) == (name, rules):
                continue
            references = self._approved_bytes(camera, signed) if name else ()
            watch = Watch(camera, references, rules, self._config.zone)
            if known is None and not (references or rules):
                continue
            self._said[camera], self._watches[camera] = name, watch
            self._analyst.watch(watch)

    def _is_checked(self, camera: str) -> bool:
        return camera in self.sights.checked

    def _rules(self, camera: str) -> str:
        path = self._config.folder / "rules" / f"{camera}.json"
        try:
            raw = path.read_bytes()[:DOCUMENT_MAX_BYTES]
            return raw.decode()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            self._trouble[camera] = f"its rules cannot be read: {error}"
            return ""

    def _reference(self, signed: SignedAttestation) -> Path | None:
        sha256 = signed.attestation.reference_sha256
        return next((self._config.folder / "references").glob(f"{sha256}.*"), None)

    def _approved_bytes(self, camera: str, signed: SignedAttestation | None) -> tuple[bytes, ...]:
        path = self._reference(signed) if signed else None
        if signed is None or path is None:
            self._trouble[camera] = "its approved picture is not in the folder references"
            return ()
        raw = path.read_bytes()
        if len(raw) > REFERENCE_MAX_BYTES:
            self._trouble[camera] = "its approved picture is too large"
            return ()
        if hashlib.sha256(raw).hexdigest() != signed.attestation.reference_sha256:
            self._trouble[camera] = "its approved picture is not the one that was attested"
            return ()
        self._trouble.pop(camera, None)
        return (raw,)

    # -- what was seen ------------------------------------------------------------------

    def _on_answer(self, answer: FromAnalyst) -> None:
        match answer:
            case Seen():
                digest = self._digest(answer.camera)
                if self.sights.seen(answer.camera, answer.sight, answer.picture, digest):
                    log.info("camera %s: its view: %s", answer.camera, answer.sight)
                    self._write_turn(answer.camera)
                    self._changed()
            case Happened(over=False):
                self._met(answer)
            case Trouble(camera, what):
                self._trouble[camera] = what
                log.error("camera %s is not looked at: %s", camera, what)
            case Happened() | Moved():
                return

    def _digest(self, camera: str) -> str:
        signed = self._documents.attestations.get(camera)
        return signed.digest if signed else ""

    def _reconcile(self) -> None:
        documents = self._documents
        digests = {camera: signed.digest for camera, signed in documents.attestations.items()}
        over = self.sights.reattested(digests)
        for camera, signed in documents.confirmations.items():
            fits = signed.confirmation.attestation == digests.get(camera)
            if fits and signed.at > self.sights.changed_at(camera) > 0:
                self.sights.confirmed(camera)
                over.append(camera)
        for camera in over:
            # The analyst believes in its change as firmly: it begins afresh.
            if watch := self._watches.get(camera):
                self._analyst.watch(watch)
        if over:
            self._changed()

    async def _tell(self) -> None:
        """Into the ledger: views that were suspended or match again, and what happened."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            await self._journal.note(*waiting)
            self._changed()

    def _write_turn(self, camera: str) -> None:
        sight, before = self.sights.sight(camera), self.sights.told(camera)
        if sight is None or sight == "unseen" or sight == before:
            return
        self.sights.tell(camera, sight)
        kind: EntryKind = "restored" if sight == "match" else "suspended"
        agreement = self._agreement_of(camera)
        reason = _REASONS.get(sight, "")
        self._write(self._journal.entry(kind, camera=camera, agreement=agreement, reason=reason))

    def _write(self, entry: Entry) -> None:
        if len(self._waiting) < ALERTS_WAITING:
            self._waiting.append(entry)
        else:
            log.error("more happens than can be written down: %s %s", entry.kind, entry.reason)

    def _met(self, event: Happened) -> None:
        """Once for a rule and place; what comes again within some minutes is the same."""
        key = (event.camera, event.rule, event.place)
        now_s = self._clock.monotonic()
        last_s = self._met_s.get(key)
        self._met_s = {k: at for k, at in self._met_s.items() if now_s - at < ALERT_AGAIN_S}
        self._met_s[key] = now_s
        if last_s is None or now_s - last_s >= ALERT_AGAIN_S:
            self._write(self._entry_of(event))

    def _entry_of(self, event: Happened) -> Entry:
        """An alert. It names its camera only where an agreement gives alerts of it."""
        box = ",".join(f"{share:.3f}" for share in event.box)
        told = {"place": event.place, "kind": event.kind, "box": box}
        told["confidence"] = f"{event.confidence:.2f}"
        return self._journal.entry(
            "alert",
            camera=event.camera,
            agreement=self._gives_alerts(event.camera),
            reason=event.rule,
            detail=" ".join(f"{name}={value}" for name, value in told.items() if value),
        )
