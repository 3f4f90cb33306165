"""A town for the center's tests: a real roster, gateways that sign, a fabric without network."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from msgspec.structs import replace

from serambi.base.canonical import decode, encode
from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.words import Words
from serambi.center.config import CenterConfig
from serambi.center.login_settings import LoginSettings
from serambi.center.map_settings import MapSettings
from serambi.fabric.messages import (
    REPLY_TYPE,
    REQUEST_TYPE,
    STATE_TYPE,
    CameraState,
    Purpose,
    RecordedGap,
    RecordedSpan,
    Reply,
    Request,
    Sector,
    SiteState,
    StreamShape,
    Waiting,
)
from serambi.fabric.port import BatchHandler
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import (
    Party,
    Roster,
    RosterDocument,
    key_entry,
    read_roster,
    seal_roster,
)
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.wire import encode_config, encode_unit

CENTER_PARTY = "command-center"
OWNERS = {"terminal": "transport", "market": "trade"}
SECTORS = {
    "terminal-1": Sector(-6.0, 111.0, 90, 80),
    "terminal-2": Sector(-6.0, 111.001, 200, 60),
    "market-1": Sector(-6.001, 111.0, 0, 90),
}
"""`market-2` has none: nobody has attested where it stands."""
DRAWING = """{"type": "FeatureCollection", "features": [
{"type": "Feature", "properties": {"kind": "site", "site": "market"},
 "geometry": {"type": "Point", "coordinates": [111.0002, -6.0012]}},
{"type": "Feature", "properties": {"kind": "street", "name": "Jl. Merdeka", "width_m": 12},
 "geometry": {"type": "LineString", "coordinates": [[110.999, -6.0005], [111.002, -6.0005]]}}]}
"""

# From an encoder that knows baseline profile only: 64x48, one reference frame.
SPS = bytes.fromhex("6742c00ad9042684000003000400000300f03c489920")
PPS = bytes.fromhex("68cb83cb20")
AVCC = (
    bytes([1, SPS[1], SPS[2], SPS[3], 0xFF, 0xE1])
    + len(SPS).to_bytes(2, "big")
    + SPS
    + b"\x01"
    + len(PPS).to_bytes(2, "big")
    + PPS
)
CONFIG = encode_config(VideoConfig(codec="avc1.42c00a", record=AVCC, width=64, height=48))


def unit(number: int, *, key: bool = False, size_bytes: int = 200) -> bytes:
    """The wire message of picture `number`, at 10 pictures a second."""
    nal = bytes([0x65 if key else 0x41]) + bytes(number % 251 for _ in range(size_bytes - 1))
    ticks = number * 9000
    return encode_unit(
        AccessUnit(
            pts=ticks,
            dts=ticks,
            key=key,
            wall_us=1_700_000_000_000_000 + number * 100_000,
            data=len(nal).to_bytes(4, "big") + nal,
        ),
        number,
    )


def words(text: str) -> Words:
    return Words(id=text, en=text + " (en)")


def camera(camera_id: str, **changes: object) -> CameraState:
    state = CameraState(
        id=camera_id,
        number=camera_id.rsplit("-", 1)[-1],
        name=words("Gerbang"),
        facing="street",
        agreement="PKS-1",
        until_ms=1_900_000_000_000,
        actions=("live",),
        purposes=(Purpose(id="traffic", text=words("Lalu lintas")),),
        state="open",
        since_ms=1,
        opens_ms=0,
        online=True,
        offline_since_ms=0,
        trouble="",
        main=StreamShape(width=1920, height=1080, fps=25),
        sub=StreamShape(width=640, height=360, fps=10),
        sector=SECTORS.get(camera_id),
    )
    return replace(state, **changes)


class FakeWatch:
    """A stream's messages, as the fabric would give them."""

    def __init__(self, gone: Callable[["FakeWatch"], None]) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._gone = gone
        self.closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        message = await self._queue.get()
        if message is None:
            raise StopAsyncIteration
        return message

    def push(self, message: bytes) -> None:
        self._queue.put_nowait(message)

    @property
    def empty(self) -> bool:
        return self._queue.empty()

    @property
    def dropped(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True
        self._gone(self)
        self._queue.put_nowait(None)


@dataclass
class Gateway:
    """A site's gateway that really signs. `refuse` names the reason it gives to everything."""

    site: str
    owner: str
    key: SigningKey
    center: SigningKey
    clock: Clock
    cameras: tuple[CameraState, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    sessions: dict[str, Request] = field(default_factory=dict)
    refuse: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)
    change_reply: Callable[[Reply], Reply] = lambda reply: reply
    reply_key: SigningKey | None = None
    windows: list[bytes] = field(default_factory=list)
    grant_s: float = 60.0
    seq: int = 0

    def state(self, **changes: object) -> SiteState:
        now_ms = unix_ms(self.clock.now())
        self.seq = max(self.seq + 1, now_ms)
        state = SiteState(
            site=self.site,
            name=words(self.site),
            owner=self.owner,
            contact=words("021-5550100"),
            seq=self.seq,
            at_ms=now_ms,
            waiting=self.waiting,
            cameras=self.cameras,
            sessions=tuple(self.sessions),
        )
        return replace(state, **changes)

    def sealed_state(self, key: SigningKey | None = None, **changes: object) -> bytes:
        return seal(STATE_TYPE, self.state(**changes), key or self.key)

    def answer(self, raw: bytes) -> bytes:
        envelope = dsse.load(raw)
        if envelope.payload_type != REQUEST_TYPE:
            self.documents.append(raw)
            reply = Reply(self.site, "", "", not self.refuse, self._reason(), "", 0, self.seq)
        else:
            if not dsse.verified_by(envelope, [self.center.public]):
                raise AssertionError("the center did not sign its request")
            request = decode(Request, envelope.payload, what="request", max_bytes=65536)
            self.requests.append(request)
            reply = self._decide(request)
        return seal(REPLY_TYPE, self.change_reply(reply), self.reply_key or self.key)

    def window(self, camera: str, session: str, raw: bytes) -> bytes:
        """The next window of an open playback; raises UNAVAILABLE for anything else."""
        envelope = dsse.load(raw)
        assert dsse.verified_by(envelope, [self.center.public])
        request = decode(Request, envelope.payload, what="request", max_bytes=65536)
        self.requests.append(request)
        known = self.sessions.get(session)
        same = known is not None and (request.kind, request.camera) == ("fetch", camera)
        if not same or self.refuse or not self.windows:
            raise SerambiError(Kind.UNAVAILABLE, self._reason(), where=f"site {self.site}")
        return self.windows.pop(0)

    def _reason(self) -> str:
        return self.refuse[0] if self.refuse else "allowed"

    def _decide(self, request: Request) -> Reply:
        allowed = not self.refuse
        reason = self._reason()
        if len(self.refuse) > 1 or reason == "request_expired":
            self.refuse.pop(0)
        self.seq += 1
        until_ms = 0
        if request.kind == "list":
            spans = (RecordedSpan(request.from_ms, request.to_ms),) if allowed else ()
            gaps = (
                (RecordedGap(request.from_ms, request.from_ms + 1, "restart"),) if allowed else ()
            )
            return Reply(
                *(self.site, request.nonce, request.session, allowed, reason, "PKS-1", 0, self.seq),
                spans=spans,
                gaps=gaps,
            )
        if request.kind == "close":
            self.sessions.pop(request.session, None)
        elif allowed:
            self.sessions[request.session] = request
            until_ms = unix_ms(self.clock.now() + self.grant_s)
        return Reply(
            self.site, request.nonce, request.session, allowed, reason, "PKS-1", until_ms, self.seq
        )


def seal(payload_type: str, document: object, key: SigningKey) -> bytes:
    return dsse.dump(dsse.sign(payload_type, encode(document), [key]))


class FakeLink:
    """`CenterLink` without a network: gateways answer in the same process."""

    def __init__(self, gateways: dict[str, Gateway]) -> None:
        self.gateways = gateways
        self.away: set[str] = set()
        self.watches: dict[tuple[str, str, str], list[FakeWatch]] = {}
        self.watched_before_asked: list[bool] = []
        self._on_state: list[Callable[[str, bytes], None]] = []
        self._on_presence: list[Callable[[str, bool], None]] = []
        self.take_batch: BatchHandler | None = None

    async def run(self) -> None:
        await asyncio.Event().wait()

    def on_state(self, handler: Callable[[str, bytes], None]) -> None:
        self._on_state.append(handler)

    def on_presence(self, handler: Callable[[str, bool], None]) -> None:
        self._on_presence.append(handler)

    def on_batch(self, handler: BatchHandler) -> None:
        self.take_batch = handler

    def watch(self, site: str, camera: str, stream: str) -> FakeWatch:
        key = (site, camera, stream)
        watch = FakeWatch(lambda gone: self.watches[key].remove(gone))
        self.watches.setdefault(key, []).append(watch)
        return watch

    async def command(self, site: str, raw: bytes, timeout_s: float) -> bytes:
        self.watched_before_asked.append(
            any(key[0] == site and w for key, w in self.watches.items())
        )
        await asyncio.sleep(0)
        if site in self.away:
            raise SerambiError(Kind.UNAVAILABLE, "no answer", where=f"site {site}")
        return self.gateways[site].answer(raw)

    async def fetch(self, site: str, camera: str, session: str, raw: bytes) -> bytes:
        await asyncio.sleep(0)
        if site in self.away:
            raise SerambiError(Kind.UNAVAILABLE, "no answer", where=f"site {site}")
        return self.gateways[site].window(camera, session, raw)

    def say(self, site: str, raw: bytes) -> None:
        """A state arrives."""
        for handler in self._on_state:
            handler(site, raw)

    def present(self, site: str, online: bool) -> None:
        for handler in self._on_presence:
            handler(site, online)

    def push(self, site: str, camera_id: str, stream: str, *messages: bytes) -> None:
        for watch in self.watches.get((site, camera_id, stream), []):
            for message in messages:
                watch.push(message)


class Town:
    """Two sites with two cameras each, their gateways and the fabric between."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock
        self.center_key = SigningKey.generate()
        self.parties = parties = {
            name: SigningKey.generate() for name in (CENTER_PARTY, *OWNERS.values())
        }
        keys = {site: SigningKey.generate() for site in OWNERS}
        document = RosterDocument(
            format=1,
            name=words("Kota"),
            sequence=1,
            previous="",
            parties=tuple(
                Party(id=name, name=words(name), role=words("x"), contact=words("x"))
                for name in parties
            ),
            keys=(
                *(key_entry(key.public, name, "sign") for name, key in parties.items()),
                key_entry(self.center_key.public, CENTER_PARTY, "center"),
                *(
                    key_entry(key.public, OWNERS[site], "gateway", site)
                    for site, key in keys.items()
                ),
            ),
        )
        raw = seal_roster(document, list(parties.values()))
        self.roster: Roster = read_roster(raw, None)
        self.gateways = {
            site: Gateway(
                site=site,
                owner=OWNERS[site],
                key=keys[site],
                center=self.center_key,
                clock=clock,
                cameras=(camera(f"{site}-1"), camera(f"{site}-2")),
            )
            for site in OWNERS
        }
        self.link = FakeLink(self.gateways)
        self.config = CenterConfig(
            party=CENTER_PARTY,
            host="127.0.0.1",
            port=0,
            folder=folder / "center",
            key=folder / "center" / "key",
            tls=folder / "center" / "tls",
            roster=folder / "roster.json",
            genesis=self.roster.digest,
            listen=("quic/127.0.0.1:1",),
            map=MapSettings(geojson=folder / "map.geojson"),
            login=LoginSettings(passkey="offered"),
        )
        self.config.folder.mkdir(parents=True)
        (folder / "map.geojson").write_text(DRAWING)
        self.config.roster.write_bytes(raw)
        self.center_key.save(self.config.key)

    def speak(self, *sites: str) -> None:
        """The sites send their states."""
        for site in sites or tuple(self.gateways):
            self.link.say(site, self.gateways[site].sealed_state())
