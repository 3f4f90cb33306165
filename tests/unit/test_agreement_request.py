from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.agreement.decide import Reason
from serambi.agreement.request import (
    REQUEST_TYPE,
    NonceSet,
    Refused,
    Request,
    open_request,
)
from serambi.base.canonical import decode, encode
from serambi.base.limits import (
    CLOCK_SKEW_MAX_S,
    COMMAND_MAX_BYTES,
    REQUEST_FIELD_MAX_CHARACTERS,
)
from serambi.fabric import messages
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from tests.builders import NOW, SITE, make_request, make_roster

TOWN = make_roster(sites={SITE: "kpu", "kantor-kpu": "kpu"})
RAW = make_request(TOWN)
REQUEST = decode(Request, dsse.load(RAW).payload, what="x", max_bytes=COMMAND_MAX_BYTES)


def opened(raw: bytes, now: float = NOW, seen: NonceSet | None = None) -> Request:
    return open_request(raw, TOWN.roster, SITE, now, NonceSet() if seen is None else seen)


def refused(raw: bytes, now: float = NOW, seen: NonceSet | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        opened(raw, now, seen)
    return caught.value


def sealed(request: object, *keys: SigningKey, kind: str = REQUEST_TYPE) -> bytes:
    return dsse.dump(dsse.sign(kind, encode(request), keys or (TOWN.center,)))


def test_a_request_of_the_center_is_believed_once() -> None:
    seen = NonceSet()
    assert opened(RAW, seen=seen) == REQUEST
    again = refused(RAW, seen=seen)
    assert again.reason == Reason.REPLAYED
    assert again.request == REQUEST


def test_the_fabric_names_the_same_request() -> None:
    assert messages.Request is Request
    assert messages.REQUEST_TYPE == REQUEST_TYPE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"site": "kantor-kpu"}, Reason.OTHER_SITE),
        ({"site": ""}, Reason.OTHER_SITE),
        ({"party": "kpu"}, Reason.PARTY),
        ({"expires_ms": int(NOW * 1000) + 2001}, Reason.REQUEST_EXPIRED),
        ({"expires_ms": int(NOW * 1000)}, Reason.REQUEST_EXPIRED),
        ({"expires_ms": int(NOW * 1000) - 1}, Reason.REQUEST_EXPIRED),
        ({"issued_ms": int(NOW * 1000) - 1}, Reason.REQUEST_EXPIRED),
        ({"issued_ms": 0, "expires_ms": 2000}, Reason.REQUEST_EXPIRED),
    ],
)
def test_a_request_for_elsewhere_or_too_long_is_refused(
    changes: dict[str, Any], reason: Reason
) -> None:
    error = refused(make_request(TOWN, **changes))
    assert error.reason == reason
    assert error.request is not None


@pytest.mark.parametrize(
    ("offset_s", "good"),
    [
        (-0.5, True),
        (-CLOCK_SKEW_MAX_S, True),
        (-CLOCK_SKEW_MAX_S - 0.01, False),
        (0, True),
        (2.0, True),
        (2.01, False),
        (3600, False),
    ],
)
def test_it_lives_for_two_seconds(offset_s: float, good: bool) -> None:
    if good:
        assert opened(RAW, NOW + offset_s)
    else:
        assert refused(RAW, NOW + offset_s).reason == Reason.REQUEST_EXPIRED


def test_a_refused_request_does_not_use_up_its_nonce() -> None:
    seen = NonceSet()
    refused(RAW, NOW - 10, seen)
    assert opened(RAW, seen=seen)


@pytest.mark.parametrize(
    "key",
    [TOWN.keys["polres"], TOWN.gateways[SITE], SigningKey.generate()],
    ids=["a party", "a gateway", "a stranger"],
)
def test_only_a_center_key_asks(key: SigningKey) -> None:
    error = refused(make_request(TOWN, key=key))
    assert (error.reason, error.request) == (Reason.UNKNOWN_KEY, None)


def test_a_false_signature_is_told_from_an_unknown_key() -> None:
    envelope = dsse.load(RAW)
    false = dsse.Envelope(REQUEST_TYPE, envelope.payload, ((TOWN.center.key_id, bytes(64)),))
    error = refused(dsse.dump(false))
    assert (error.reason, error.request) == (Reason.BAD_SIGNATURE, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        RAW + b" ",
        sealed(REQUEST, kind="application/vnd.serambi.state+json"),
        sealed(REQUEST, TOWN.center, TOWN.keys["kpu"]),
        dsse.dump(dsse.sign(REQUEST_TYPE, encode(REQUEST), [])),
        sealed({**msgspec.to_builtins(REQUEST), "audio": True}),
        sealed({**msgspec.to_builtins(REQUEST), "kind": "listen"}),
        sealed({**msgspec.to_builtins(REQUEST), "stream": "audio"}),
        sealed({**msgspec.to_builtins(REQUEST), "issued_ms": 1.5}),
        sealed(msgspec.structs.replace(REQUEST, person="x" * 513)),
        sealed(msgspec.structs.replace(REQUEST, nonce="x" * 513)),
        sealed([]),
    ],
)
def test_what_cannot_be_read_is_refused(raw: bytes) -> None:
    error = refused(raw)
    assert (error.reason, error.request) == (Reason.BAD_REQUEST, None)


def test_what_is_too_large_is_not_even_read() -> None:
    assert refused(bytes(COMMAND_MAX_BYTES)).reason == Reason.BAD_REQUEST
    assert refused(bytes(COMMAND_MAX_BYTES + 1)).reason == Reason.LIMIT


def test_a_field_may_be_as_long_as_its_limit() -> None:
    long = "x" * REQUEST_FIELD_MAX_CHARACTERS
    assert opened(make_request(TOWN, person=long)).person == long


def test_a_request_may_live_for_less_than_a_second() -> None:
    raw = make_request(TOWN, expires_ms=int(NOW * 1000) + 500)
    assert opened(raw, NOW + 0.5)
    assert refused(raw, NOW + 0.51).reason == Reason.REQUEST_EXPIRED


def test_a_clock_that_is_set_back_believes_nothing_twice() -> None:
    seen = NonceSet()
    assert opened(RAW, NOW, seen)
    assert opened(make_request(TOWN, now=NOW + 2.5), NOW + 2.5, seen)
    assert refused(RAW, NOW + 1.5, seen).reason == Reason.REPLAYED


def test_what_can_no_longer_be_valid_takes_no_room() -> None:
    seen = NonceSet(1)
    assert opened(RAW, NOW, seen)
    assert refused(make_request(TOWN, now=NOW + 3), NOW + 3, seen).reason == Reason.LIMIT
    assert opened(make_request(TOWN, now=NOW + 4), NOW + 4, seen)


def test_a_refusal_in_a_log_says_why_and_nothing_of_the_request() -> None:
    assert str(refused(make_request(TOWN, site="kantor-kpu"))) == Reason.OTHER_SITE


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_a_changed_byte_is_always_refused(at: int, flip: int) -> None:
    refused(RAW[:at] + bytes([RAW[at] ^ flip]) + RAW[at + 1 :])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_order(raw: bytes) -> None:
    assert refused(raw).reason == Reason.BAD_REQUEST


def test_when_full_nothing_more_is_believed_until_time_has_passed() -> None:
    seen = NonceSet(2)
    assert [seen.take(nonce, 10.0, 0.0) for nonce in "aab"] == [
        Reason.ALLOWED,
        Reason.REPLAYED,
        Reason.ALLOWED,
    ]
    assert seen.take("c", 10.0, 10.0) == Reason.LIMIT
    assert seen.take("a", 10.0, 10.0) == Reason.REPLAYED
    assert seen.take("c", 20.0, 10.1) == Reason.ALLOWED


def test_a_full_memory_is_told_with_the_request() -> None:
    error = refused(RAW, seen=NonceSet(0))
    assert (error.reason, error.request) == (Reason.LIMIT, REQUEST)


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 3), st.floats(0, 2))),
)
def test_a_nonce_that_could_still_be_valid_is_never_forgotten(
    kept: int, steps: list[tuple[str, float, float]]
) -> None:
    seen = NonceSet(kept)
    ends: dict[str, float] = {}
    now = 0.0
    for nonce, lives_s, pause_s in steps:
        now += pause_s
        answer = seen.take(nonce, now + lives_s, now)
        alive = {name for name, end in ends.items() if end >= now}
        assert (answer == Reason.REPLAYED) == (nonce in alive)
        assert (answer == Reason.LIMIT) == (nonce not in alive and len(alive) >= kept)
        if answer == Reason.ALLOWED:
            ends[nonce] = now + lives_s
