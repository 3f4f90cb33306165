"""A signed request to see: made by the center, believed by nobody without its signature.

A request lives two seconds and counts once. What it may open is decided in decide.py.
"""

import heapq
from typing import Annotated, Literal

import msgspec

from serambi.agreement.decide import Reason
from serambi.base.canonical import decode, encode
from serambi.base.errors import SerambiError
from serambi.base.limits import (
    CLOCK_SKEW_MAX_S,
    COMMAND_MAX_BYTES,
    NONCES_KEPT,
    REQUEST_FIELD_MAX_CHARACTERS,
    REQUEST_TTL_MAX_S,
)
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster

REQUEST_TYPE = "application/vnd.serambi.request+json"

Stream = Literal["main", "sub"]
Moment = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


Kind = Literal["open", "renew", "close", "list", "fetch", "justify"]
Step = Literal["", "seek", "go", "keys"]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Open, keep open or close one view. Person and unit are the center's own claim; times are
    unix milliseconds. `salt` is the center's secret of this view, 32 hexadecimal digits: with it
    both ledgers hide the person in the same commitment.

    For recordings, `from_ms` to `to_ms` is the range that is asked for: `list` asks what there is,
    without opening anything; `fetch` asks an open playback for its next window, from `at_us` (unix
    microseconds) on: `seek` begins with the key frame at or before it, `go` goes on with the very
    next picture, `keys` with key frames only. At most `size_bytes`, but always a whole picture.

    `incident` is the number of an open incident that the view is for: the center's claim as well.
    `act` names the breaking of the glass under which the view is asked for (32 hexadecimal digits,
    chosen by the center), `why` its reason in words. `justify` says in `why` what the act was for.
    """

    kind: Kind
    session: str
    site: str
    camera: str
    action: str
    stream: Stream
    purpose: str
    person: str
    unit: str
    party: str
    nonce: str
    issued_ms: int
    expires_ms: int
    salt: str = ""
    from_ms: Moment = 0
    to_ms: Moment = 0
    at_us: Moment = 0
    step: Step = ""
    size_bytes: Moment = 0
    incident: str = ""
    act: str = ""
    why: str = ""


def beside(incident: str, act: str) -> str:
    """What both ledgers say of a view beside the usual: what it was opened by."""
    if act:
        return f"break_glass {act}"
    return f"incident {incident}" if incident else ""


class Refused(Exception):
    """The request is not believed; `request` is what it claims, where it could be read and its
    signature is good."""

    def __init__(self, reason: Reason, request: Request | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.request = request


class NonceSet:
    """Nonces of requests that could still be valid. Bounded: when full, nothing more is believed
    until old ones have run out; one that could still be valid is never forgotten."""

    def __init__(self, kept: int = NONCES_KEPT) -> None:
        self._kept = kept
        self._seen: set[str] = set()
        self._by_end: list[tuple[float, str]] = []

    def take(self, nonce: str, end: float, now: float) -> Reason:
        """ALLOWED the first time, then REPLAYED; LIMIT when full."""
        while self._by_end and self._by_end[0][0] < now:
            self._seen.discard(heapq.heappop(self._by_end)[1])
        if nonce in self._seen:
            return Reason.REPLAYED
        if len(self._seen) >= self._kept:
            return Reason.LIMIT
        self._seen.add(nonce)
        heapq.heappush(self._by_end, (end, nonce))
        return Reason.ALLOWED


def seal_request(request: Request, key: SigningKey) -> bytes:
    """The request as the bytes that travel."""
    return dsse.dump(dsse.sign(REQUEST_TYPE, encode(request), [key]))


def open_request(raw: bytes, roster: Roster, site: str, now: float, seen: NonceSet) -> Request:
    """Verify a request at `site`; raises `Refused` with the first reason that holds."""
    try:
        if len(raw) > COMMAND_MAX_BYTES:
            raise Refused(Reason.LIMIT)
        envelope = dsse.load(raw)
        if envelope.payload_type != REQUEST_TYPE or len(envelope.signatures) != 1:
            raise Refused(Reason.BAD_REQUEST)
        request = decode(Request, envelope.payload, what="the request", max_bytes=COMMAND_MAX_BYTES)
    except SerambiError as error:
        raise Refused(Reason.BAD_REQUEST) from error
    if any(
        len(str(value)) > REQUEST_FIELD_MAX_CHARACTERS for value in msgspec.structs.astuple(request)
    ):
        raise Refused(Reason.BAD_REQUEST)
    key_id = envelope.signatures[0][0]
    entry = roster.entry(key_id)
    if entry is None or entry.use != "center":
        raise Refused(Reason.UNKNOWN_KEY)
    if not dsse.verified_by(envelope, roster.keys_for(use="center")):
        raise Refused(Reason.BAD_SIGNATURE)
    if entry.party != request.party:
        raise Refused(Reason.PARTY, request)
    if request.site != site:
        raise Refused(Reason.OTHER_SITE, request)
    _check_time(request, now)
    answer = seen.take(request.nonce, request.expires_ms / 1000 + CLOCK_SKEW_MAX_S, now)
    if answer != Reason.ALLOWED:
        raise Refused(answer, request)
    return request


def _check_time(request: Request, now: float) -> None:
    issued, expires = request.issued_ms / 1000, request.expires_ms / 1000
    lives_s = expires - issued
    if not 0 < lives_s <= REQUEST_TTL_MAX_S or now > expires or issued > now + CLOCK_SKEW_MAX_S:
        raise Refused(Reason.REQUEST_EXPIRED, request)
