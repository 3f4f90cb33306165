"""A site with its keeper: real settings, keys, documents and ledger; cameras and courier are ours.

with_site = Site(tmp_path); keeper = site.keeper(clock, FakeCameras())
"""

import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from serambi.agreement.attestation import Facing
from serambi.agreement.instants import ALWAYS
from serambi.agreement.model import SharedSite
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.camera.source import Emit
from serambi.keeper.config import KeeperConfig, read_config
from serambi.keeper.journal import Journal
from serambi.keeper.keeper import Keeper
from serambi.ledger.entry import Entry
from serambi.ledger.names import Names
from serambi.ledger.store import LedgerStore
from serambi.media.access_unit import AccessUnit, VideoConfig
from tests.builders import (
    SITE,
    Town,
    attested,
    make_agreement,
    make_attestation,
    make_roster,
)
from tests.clips import clip

TOKEN = "a-code-for-the-owner-only"
SHARED = ("cam-1", "cam-2")
WAITING = "cam-3"
INSIDE = "cam-4"
PRIVATE = "cam-5"
FACINGS: dict[str, Facing] = {
    "cam-1": "street",
    "cam-2": "yard",
    WAITING: "street",
    INSIDE: "inside",
    PRIVATE: "yard",
}

_KEEPER_TOML = """format = 1
site = "{site}"
owner = "kpu"
name = {{ id = "Gudang KPU", en = "KPU warehouse" }}
contact = {{ id = "telepon 1", en = "phone 1" }}
zone = "Asia/Jakarta"
owner_token_sha256 = "{token}"

[trust]
roster = "roster.json"
genesis = "{genesis}"
"""
_CAMERA_TOML = """[[camera]]
id = "{id}"
number = "{number}"
name = {{ id = "Kamera {number}", en = "Camera {number}" }}
facing = "{facing}"
main = "rtsp://127.0.0.1/{id}/main"
sub = "rtsp://127.0.0.1/{id}/sub"
user = "viewer"
password = "secret-of-{id}"

"""


class FakeSource:
    """One stream of one camera: emits what is put into `items`; an exception there is raised."""

    engine = "fake"
    lost_packets = 0

    def __init__(self, steady: Callable[[Emit, threading.Event], None] | None) -> None:
        self.items: queue.Queue[VideoConfig | AccessUnit | SerambiError] = queue.Queue()
        self._steady = steady

    def run(self, emit: Emit, stop: threading.Event) -> None:
        if self._steady is not None:
            self._steady(emit, stop)
            return
        while not stop.is_set():
            try:
                item = self.items.get(timeout=0.01)
            except queue.Empty:
                continue
            if isinstance(item, SerambiError):
                raise item
            emit(item)


def canary_of(camera: str, stream: str) -> bytes:
    """16 bytes that stand in every picture of that stream and nowhere else."""
    return hashlib.sha256(f"canary {camera} {stream}".encode()).digest()[:16]


def marked(unit: AccessUnit, canary: bytes) -> AccessUnit:
    """The picture with a canary in a user-data SEI before it."""
    sei = b"\x06\x05\x10" + canary + b"\x80"
    data = len(sei).to_bytes(4, "big") + sei + unit.data
    return AccessUnit(unit.pts, unit.dts, unit.key, unit.wall_us, data)


class FakeCameras:
    """Opens fake sources by address; `steady` cameras never stop sending marked pictures."""

    def __init__(self, *, steady: bool = False, period_s: float = 0.03) -> None:
        self._steady = steady
        self._period_s = period_s
        self.sources: dict[tuple[str, str], FakeSource] = {}
        self.credentials: set[tuple[str, str]] = set()

    def __call__(self, url: str, user: str, password: str) -> FakeSource:
        camera, stream = url.rsplit("/", 2)[1:]
        self.credentials.add((user, password))

        def run(emit: Emit, stop: threading.Event) -> None:
            self._send(emit, stop, canary_of(camera, stream))

        source = self.sources[camera, stream] = FakeSource(run if self._steady else None)
        return source

    def _send(self, emit: Emit, stop: threading.Event, canary: bytes) -> None:
        film = clip(10, width=64, height=48, gop=5)
        emit(film.config)
        turn = 0
        length = film.units[-1].dts + 3600
        while True:
            for unit in film.units:
                later = turn * length
                again = AccessUnit(
                    unit.pts + later, unit.dts + later, unit.key, unit.wall_us + turn, unit.data
                )
                emit(marked(again, canary))
                if stop.wait(self._period_s):
                    return
            turn += 1

    def put(self, camera: str, stream: str, *items: VideoConfig | AccessUnit) -> None:
        for item in items:
            self.sources[camera, stream].items.put(item)

    def fail(self, camera: str, stream: str, why: str) -> None:
        self.sources[camera, stream].items.put(SerambiError(Kind.UNAVAILABLE, why))


class Site:
    """The folder of one keeper. cam-1 and cam-2 are shared by agreement 2026-03, cam-3 waits for
    signatures, cam-4 looks inside (and an agreement names it all the same), cam-5 is private."""

    def __init__(self, folder: Path, town: Town | None = None, **changes: object) -> None:
        self.folder = folder
        self.town = town or make_roster()
        folder.mkdir(exist_ok=True)
        self.town.gateways[SITE].save(folder / "key")
        (folder / "roster.json").write_bytes(self.town.raw)
        token = hashlib.sha256(TOKEN.encode()).hexdigest()
        (folder / "keeper.toml").write_text(
            _KEEPER_TOML.format(site=SITE, token=token, genesis=self.town.roster.digest)
        )
        (folder / "cameras.toml").write_text(
            "".join(
                _CAMERA_TOML.format(id=camera, number=f"10{camera[-1]}", facing=facing)
                for camera, facing in FACINGS.items()
            )
        )
        self.attestations = {
            camera: make_attestation(
                self.town, camera, facing=FACINGS[camera], number=f"10{camera[-1]}"
            )
            for camera in (*SHARED, WAITING, INSIDE)
        }
        self.agreement = self.agree(*SHARED, **changes)
        self.waiting = self.agree(WAITING, number="2026-04", signed_by=("kpu", "polres"))
        self.wrong = self.agree(INSIDE, number="2026-05")

    def agree(self, *cameras: str, **changes: object) -> bytes:
        sites = (SharedSite(SITE, tuple(cameras), ("live",), "Asia/Jakarta", ALWAYS),)
        return make_agreement(
            self.town,
            cameras,
            attestations=self.attestations.values(),
            **{"sites": sites, **changes},  # type: ignore[arg-type]
        )

    @property
    def config(self) -> KeeperConfig:
        return read_config(self.folder / "keeper.toml")

    def put_documents(self) -> None:
        """By hand, before the keeper starts."""
        folder = self.folder / "documents"
        folder.mkdir(exist_ok=True)
        for camera, raw in self.attestations.items():
            (folder / f"attestation-{camera}.json").write_bytes(raw)
        for number, raw in enumerate((self.agreement, self.waiting, self.wrong)):
            (folder / f"agreement-{number}.json").write_bytes(raw)

    def keeper(self, clock: Clock, cameras: FakeCameras | None = None) -> Keeper:
        """Open it inside a running loop."""
        return Keeper(self.config, clock, cameras or FakeCameras())

    @property
    def digests(self) -> Mapping[str, str]:
        return {c: a.digest for c, a in attested(self.town, self.attestations.values()).items()}


class Watcher:
    """Stands where the socket to the courier stands; writes into a common list of events."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        self.out: list[tuple[str, str, bytes, bool]] = []

    def offer(self, camera: str, stream: str, message: bytes, *, key: bool) -> None:
        self.events.append(f"out {camera}/{stream} {message.decode()}")
        self.out.append((camera, stream, message, key))

    async def stop_stream(self, camera: str, stream: str | None = None) -> float:
        self.events.append(f"shut {camera}/{stream or '*'}")
        return 0.0


class WatchedStore(LedgerStore):
    """A ledger that tells when entries are durable, fails when told to, and can be interrupted."""

    events: list[str]
    full = False
    before: Callable[[], None] | None = None

    def append(self, entries: Iterable[Entry]) -> range:
        entries = list(entries)
        if self.before is not None:
            before, self.before = self.before, None
            before()
        if self.full:
            raise SerambiError(Kind.UNAVAILABLE, "the disk is full", where="ledger")
        done = super().append(entries)
        self.events += [f"durable {e.kind} {e.reason}".strip() for e in entries]
        return done


def open_store(folder: Path, town: Town, clock: Clock, events: list[str]) -> WatchedStore:
    origin = f"kpu/{SITE}/keeper"
    store = WatchedStore.open(folder / "ledger", origin, town.gateways[SITE], clock)
    assert isinstance(store, WatchedStore)
    store.events = events
    return store


def watched_journal(folder: Path, town: Town, clock: Clock, events: list[str]) -> Journal:
    names = Names(folder / "names", clock, 86_400)
    return Journal(open_store(folder, town, clock, events), names, SITE, b"salt" * 4)


def ledger_of(keeper_or_store: Keeper | LedgerStore) -> list[Entry]:
    store = (
        keeper_or_store
        if isinstance(keeper_or_store, LedgerStore)
        else keeper_or_store.journal.store
    )
    return store.entries(0, store.size)


def fill_disk(keeper: Keeper, full: bool = True) -> None:
    """From now on the ledger's disk takes nothing (or takes everything again)."""
    store = keeper.journal.store
    if not full:
        del store.append
        return

    def refuse(entries: Iterable[Entry]) -> range:
        raise SerambiError(Kind.UNAVAILABLE, "the disk is full", where="ledger")

    store.append = refuse  # type: ignore[method-assign]
