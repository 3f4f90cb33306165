"""What this site tells the center: a whole, signed state, newest wins.

Only cameras that a fully signed agreement names are in it; a waiting site says its name and whose
signatures are missing, nothing else.
"""

import threading
from collections.abc import Callable, Iterable, Mapping

from serambi.agreement.attestation import Attestation
from serambi.agreement.decide import Ask, Reason, State, decide, opens_at
from serambi.agreement.model import SharedSite, SignedAgreement
from serambi.base.clock import Clock, unix_ms
from serambi.fabric.messages import CameraState, Sector, SiteState, Waiting
from serambi.keeper.config import Camera, KeeperConfig
from serambi.keeper.watch import Watched

_ACTION = "live"


class Report:
    """Builds the states; remembers since when a camera has been in the state it is in."""

    def __init__(
        self,
        config: KeeperConfig,
        clock: Clock,
        watched: Callable[[str], Watched],
    ) -> None:
        self._config = config
        self._clock = clock
        self._watched = watched
        self._since: dict[str, tuple[str, int]] = {}
        self._seq = 0
        self._lock = threading.Lock()  # pages are built outside the event loop

    def build(self, state: State, sessions: Iterable[str], checkpoint: str = "") -> SiteState:
        """The state as of now. `seq` only rises, over restarts too: it is the time itself. The
        ledger's `checkpoint` goes along where something is shared."""
        now_ms = unix_ms(self._clock.now())
        shared = self.shared(state)
        return SiteState(
            site=self._config.site,
            name=self._config.name,
            owner=self._config.owner,
            contact=self._config.contact,
            seq=self.next_seq(),
            at_ms=now_ms,
            waiting=tuple(
                Waiting(a.agreement.number, tuple(a.missing), len(a.agreement.parties))
                for a in self._waiting(state)
            ),
            cameras=tuple(self._camera(state, signed, camera) for signed, camera in shared),
            sessions=tuple(sessions),
            checkpoint=checkpoint if shared else "",
        )

    def _waiting(self, state: State) -> list[SignedAgreement]:
        """Agreements that could still come into force."""
        now = self._clock.now()
        return [
            signed
            for signed in state.agreements
            if not signed.complete
            and signed.digest not in state.revocations
            and now < signed.valid_until
        ]

    def waiting(self, state: State) -> dict[str, tuple[str, ...]]:
        """Camera -> parties that have still to sign an agreement that names it. For the owner."""
        return {
            camera.id: signed.missing
            for signed in self._waiting(state)
            for camera in self._config.cameras
            if self._names(signed, camera)
        }

    def next_seq(self) -> int:
        """Rises with every state and reply; what is asked for later is never smaller."""
        with self._lock:
            self._seq = max(self._seq + 1, unix_ms(self._clock.now()))
            return self._seq

    def shared(self, state: State) -> list[tuple[SignedAgreement, Camera]]:
        """Each camera of this site with the agreement that speaks for it: of several the one that
        allows it now, else the one that ends last."""
        chosen: list[tuple[SignedAgreement, Camera]] = []
        for camera in self._config.cameras:
            naming = [a for a in state.agreements if a.complete and self._names(a, camera)]
            attestation = state.attestations.get(camera.id)
            if naming and attestation and attestation.attestation.facing != "inside":
                answer = decide(state, self._ask(naming[-1], camera.id), self._clock.now())
                best = next(
                    (a for a in naming if a.agreement.number == answer.agreement),
                    max(naming, key=lambda a: a.valid_until),
                )
                chosen.append((best, camera))
        return chosen

    def _names(self, signed: SignedAgreement, camera: Camera) -> bool:
        return any(self._here(site, camera) for site in signed.agreement.sites)

    def _here(self, site: SharedSite, camera: Camera) -> bool:
        return site.site == self._config.site and camera.id in site.cameras

    @staticmethod
    def _ask(signed: SignedAgreement, camera: str) -> Ask:
        """What an ordinary viewer would ask: is this camera open for a live look now?"""
        agreement = signed.agreement
        return Ask(camera, _ACTION, agreement.purposes[0].id, agreement.viewer)

    def _camera(self, state: State, signed: SignedAgreement, camera: Camera) -> CameraState:
        now = self._clock.now()
        agreement = signed.agreement
        decision = decide(state, self._ask(signed, camera.id), now)
        name = "open" if decision.allowed else str(decision.reason)
        named = [site for site in agreement.sites if self._here(site, camera)]
        watched = self._watched(camera.id)
        attestation = state.attestations[camera.id].attestation
        opens = 0.0
        if decision.reason == Reason.OUT_OF_HOURS:
            opens = opens_at(state, self._ask(signed, camera.id), now)
        return CameraState(
            id=camera.id,
            number=camera.number,
            name=camera.name,
            facing=attestation.facing,
            agreement=agreement.number,
            until_ms=unix_ms(signed.valid_until),
            actions=tuple(dict.fromkeys(action for site in named for action in site.actions)),
            purposes=agreement.purposes,
            state=name,
            since_ms=self._since_ms(camera.id, name, state.stops, unix_ms(now)),
            opens_ms=unix_ms(opens),
            online=watched.online,
            offline_since_ms=unix_ms(watched.offline_since),
            trouble=watched.trouble,
            main=watched.main,
            sub=watched.sub,
            incident_needed=any(site.incident_needed for site in named),
            four_eyes=any(site.four_eyes for site in named),
            terms=signed.digest if any(site.four_eyes for site in named) else "",
            break_glass=any(site.break_glass for site in named),
            sector=_sector(attestation),
        )

    def _since_ms(self, camera: str, name: str, stops: Mapping[str, float], now_ms: int) -> int:
        """A stop knows its own time; any other change is dated when it is first seen."""
        if name == Reason.STOPPED:
            return unix_ms(min(at for key, at in stops.items() if key in (camera, "*")))
        known = self._since.get(camera)
        if known is None or known[0] != name:
            known = self._since[camera] = (name, now_ms)
        return known[1]


def _sector(attestation: Attestation) -> Sector | None:
    place = attestation.place
    if place is None:
        return None
    heading, fov = attestation.heading_deg, attestation.fov_deg
    return Sector(place.latitude_deg, place.longitude_deg, heading, fov)
