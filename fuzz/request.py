"""A center's signed request, as it reaches a keeper: refused with a reason, or believed once."""

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from fuzz import _json
from fuzz._target import Target, require
from fuzz._town import town
from serambi.agreement.decide import Reason
from serambi.agreement.request import REQUEST_TYPE, NonceSet, Refused, Request, open_request
from serambi.base.canonical import encode
from serambi.base.limits import REQUEST_FIELD_MAX_CHARACTERS
from serambi.identity import dsse
from tests.builders import NOW, SITE, make_request

_FILE, _CENTER, _PARTY = range(3)


def seeds() -> Iterator[bytes]:
    odd: tuple[dict[str, Any], ...] = ({}, {"kind": "close"}, {"site": "kantor"}, {"party": "kpu"})
    for changes in odd:
        raw = make_request(town(), session="5" * 32, nonce="7" * 32, **changes)
        yield bytes([_FILE]) + raw
        yield bytes([_CENTER]) + dsse.load(raw).payload
        yield bytes([_PARTY]) + dsse.load(raw).payload


def check(raw: bytes) -> None:
    if not raw:
        return
    mode, body = raw[0] % 3, raw[1:]
    if mode != _FILE:
        key = town().center if mode == _CENTER else town().keys["kpu"]
        body = dsse.dump(dsse.sign(REQUEST_TYPE, _json.canonical(body), [key]))
    seen = NonceSet()
    try:
        request = open_request(body, town().roster, SITE, NOW, seen)
    except Refused as refused:
        require(refused.reason is not Reason.ALLOWED, "refused as allowed")
        require(refused.request is None or mode != _PARTY, "a party's key speaks for the center")
        return
    _check_believed(request, mode)
    require(encode(request) == dsse.load(body).payload, "a request has a second spelling")
    try:
        open_request(body, town().roster, SITE, NOW, seen)
    except Refused as refused:
        require(refused.reason is Reason.REPLAYED, "a replay is refused as something else")
        return
    require(False, "a request was believed twice")


def _check_believed(request: Request, mode: int) -> None:
    require(mode != _PARTY, "believed without the center's key")
    require(request.site == SITE and request.party == town().center_party, "whose is it")
    require(0 <= request.expires_ms - NOW * 1000 <= 4000, "believed at the wrong time")
    require(
        all(len(str(v)) <= REQUEST_FIELD_MAX_CHARACTERS for v in msgspec.structs.astuple(request)),
        "a field without bounds",
    )


def mutate(raw: bytes, rng: Random) -> bytes | None:
    return _json.mutate(raw, rng, prefix_bytes=1)


TARGET = Target(
    ("serambi.agreement.request", "serambi.identity.dsse", "serambi.base.canonical"),
    seeds,
    check,
    mutate=mutate,
)
