"""Passkeys: what is accepted, and every reason to refuse."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    CHALLENGE_TTL_S,
    CHALLENGES_KEPT,
    CHALLENGES_PER_SUBJECT,
    LOGIN_FAILURES,
    LOGIN_FAILURES_WINDOW_S,
    PASSKEYS_PER_ACCOUNT,
)
from serambi.center.accounts import Account, Role
from serambi.center.challenges import Challenges
from serambi.center.database import open_database
from serambi.center.login_settings import Site
from serambi.center.passkeys import Passkeys
from tests.fakes.authenticator import PRESENT, VERIFIED, Device, raw, text

ORIGIN = "http://localhost:8080"
ANI = Account("ani", "Ani", Role.OPERATOR, "Regu A")
BUDI = Account("budi", "Budi", Role.COMMANDER, "Regu A")
ADDRESS = "10.0.0.1"


class Desk:
    """Passkeys of two people on one clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(1_790_000_000.0)
        self.engine = open_database(folder / "center.db")
        self.passkeys = Passkeys(self.engine, self.clock, Site(ORIGIN, "localhost"))

    def registered(self, account: Account = ANI, name: str = "phone") -> Device:
        device = Device(ORIGIN)
        answer = device.create(self.passkeys.question_for_new(account))
        self.passkeys.register(account.account, name, answer)
        return device

    def sign_in(self, device: Device) -> str:
        return self.passkeys.verify(device.get(self.passkeys.question(ADDRESS)), ADDRESS)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.engine.dispose()


def refused(call: Callable[[], object], why: str, kind: Kind = Kind.UNAUTHENTICATED) -> None:
    with pytest.raises(SerambiError) as caught:
        call()
    assert caught.value.kind is kind
    assert why in caught.value.what
    assert caught.value.hint


def test_a_passkey_signs_in_alone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    device = desk.registered()
    desk.clock.advance(5)
    assert desk.sign_in(device) == "ani"
    (kept,) = desk.passkeys.table.of("ani")
    assert (kept.name, kept.sign_count) == ("phone", 2)
    assert kept.used_ms - kept.created_ms == 5000
    assert desk.sign_in(device) == "ani"
    assert text(device.id) not in caplog.text


def test_several_of_one_account_have_one_handle(desk: Desk) -> None:
    first, second = desk.registered(), desk.registered(name="key")
    other = desk.registered(BUDI)
    assert first.handle == second.handle != other.handle
    assert [desk.sign_in(each) for each in (first, second, other)] == ["ani", "ani", "budi"]
    options = desk.passkeys.question_for_new(ANI)
    assert {each["id"] for each in options["excludeCredentials"]} == {
        text(first.id),
        text(second.id),
    }
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert b"ani" not in raw(options["user"]["id"])


def test_a_device_without_a_counter_is_taken(desk: Desk) -> None:
    device = Device(ORIGIN, step=0)
    desk.passkeys.register("ani", "x", device.create(desk.passkeys.question_for_new(ANI)))
    assert desk.sign_in(device) == desk.sign_in(device) == "ani"


def test_a_domain_above_the_host(tmp_path: Path) -> None:
    site = Site("https://wall.polres.example:8443", "polres.example")
    engine = open_database(tmp_path / "center.db")
    passkeys = Passkeys(engine, ManualClock(0.0), site)
    device = Device(site.origin, site.rp_id)
    passkeys.register("ani", "x", device.create(passkeys.question_for_new(ANI)))
    assert passkeys.verify(device.get(passkeys.question(ADDRESS)), ADDRESS) == "ani"
    device.rp_id = "wall.polres.example"
    refused(lambda: passkeys.verify(device.get(passkeys.question(ADDRESS)), ADDRESS), "RP ID")
    engine.dispose()


LIES: list[tuple[dict[str, Any], str]] = [
    ({"origin": "http://localhost:8081"}, "origin"),
    ({"origin": "https://localhost:8080"}, "origin"),
    ({"origin": "https://serambi.example"}, "origin"),
    ({"rp_id": "example.org"}, "RP ID"),
    ({"flags": PRESENT}, "verif"),
    ({"flags": VERIFIED}, "resent"),
    ({"cross_origin": True}, "page of another site"),
]


@pytest.mark.parametrize(("lie", "why"), LIES)
def test_a_lie_when_signing_in_is_refused(desk: Desk, lie: dict[str, Any], why: str) -> None:
    device = desk.registered()
    for name, value in lie.items():
        setattr(device, name, value)
    refused(lambda: desk.sign_in(device), why)


@pytest.mark.parametrize(("lie", "why"), [*LIES, ({"algorithm": -35}, "alg")])
def test_a_lie_when_registering_is_refused(desk: Desk, lie: dict[str, Any], why: str) -> None:
    device = Device(**{"origin": ORIGIN, **lie})
    answer = device.create(desk.passkeys.question_for_new(ANI))
    refused(lambda: desk.passkeys.register("ani", "x", answer), why, Kind.DENIED)
    assert desk.passkeys.table.of("ani") == []


def test_a_question_is_answered_once(desk: Desk) -> None:
    device = desk.registered()
    options = desk.passkeys.question(ADDRESS)
    desk.passkeys.verify(device.get(options), ADDRESS)
    refused(lambda: desk.passkeys.verify(device.get(options), ADDRESS), "answered already")
    # A wrong answer spends it, too.
    options = desk.passkeys.question(ADDRESS)
    wrong = device.get(options) | {"id": text(b"x"), "rawId": text(b"x")}
    refused(lambda: desk.passkeys.verify(wrong, ADDRESS), "does not know it")
    refused(lambda: desk.passkeys.verify(device.get(options), ADDRESS), "answered already")


def test_a_question_waits_so_long(desk: Desk) -> None:
    device = desk.registered()
    options, new = desk.passkeys.question(ADDRESS), desk.passkeys.question_for_new(ANI)
    desk.clock.advance(CHALLENGE_TTL_S)
    refused(lambda: desk.passkeys.verify(device.get(options), ADDRESS), "too old")
    answer = Device(ORIGIN).create(new)
    refused(lambda: desk.passkeys.register("ani", "x", answer), "too old", Kind.DENIED)


def test_a_question_is_for_one_purpose_and_one_account(desk: Desk) -> None:
    device = desk.registered()
    for_ani = desk.passkeys.question_for_new(ANI)
    answer = Device(ORIGIN).create(for_ani)
    refused(lambda: desk.passkeys.register("budi", "x", answer), "not asked", Kind.DENIED)
    for_new = desk.passkeys.question_for_new(ANI)
    refused(lambda: desk.passkeys.verify(device.get(for_new), ADDRESS), "not asked")
    own = {"challenge": text(bytes(32))}
    refused(lambda: desk.passkeys.verify(device.get(own), ADDRESS), "not asked")


def test_an_answer_of_the_other_kind_is_refused(desk: Desk) -> None:
    device = desk.registered()
    options = desk.passkeys.question(ADDRESS)
    made = device.get(options, "webauthn.create")
    refused(lambda: desk.passkeys.verify(made, ADDRESS), "type")
    got = Device(ORIGIN).create(desk.passkeys.question_for_new(BUDI), "webauthn.get")
    refused(lambda: desk.passkeys.register("budi", "x", got), "type", Kind.DENIED)


def test_anothers_account_is_refused(desk: Desk) -> None:
    ani, budi = desk.registered(), desk.registered(BUDI)
    ani.handle = budi.handle
    refused(lambda: desk.sign_in(ani), "another account's")
    ani.handle = None
    refused(lambda: desk.sign_in(ani), "another account's")


def test_another_key_is_refused(desk: Desk) -> None:
    device, thief = desk.registered(), Device(ORIGIN)
    thief.id, thief.handle, thief.count = device.id, device.handle, 100
    refused(lambda: desk.sign_in(thief), "signature")


def test_a_counter_that_goes_back_is_refused(desk: Desk) -> None:
    device = desk.registered()
    desk.sign_in(device)
    device.count = 0
    refused(lambda: desk.sign_in(device), "sign count")
    device.step = 0
    refused(lambda: desk.sign_in(device), "sign count")


def test_one_passkey_at_two_places_at_once_is_refused(desk: Desk) -> None:
    device = desk.registered()
    stale = desk.passkeys.table.find(text(device.id))
    assert stale is not None
    desk.sign_in(device)
    assert not desk.passkeys.table.used(stale, 7, 1)
    desk.passkeys.table.forget("ani")
    refused(lambda: desk.sign_in(device), "does not know it")


def test_the_same_device_is_not_registered_twice(desk: Desk) -> None:
    device = desk.registered()
    for account in (ANI, BUDI):
        answer = device.create(desk.passkeys.question_for_new(account))
        with pytest.raises(SerambiError) as caught:
            desk.passkeys.register(account.account, "x", answer)
        assert caught.value.kind is Kind.CONFLICT
    assert desk.passkeys.table.of("budi") == []


def test_two_first_ones_at_once_leave_one(desk: Desk) -> None:
    one, two = Device(ORIGIN), Device(ORIGIN)
    answers = [each.create(desk.passkeys.question_for_new(ANI)) for each in (one, two)]
    desk.passkeys.register("ani", "one", answers[0])
    with pytest.raises(SerambiError) as caught:
        desk.passkeys.register("ani", "two", answers[1])
    assert caught.value.kind is Kind.CONFLICT
    assert desk.sign_in(one) == "ani"


def test_an_account_has_so_many(desk: Desk) -> None:
    waiting = desk.passkeys.question_for_new(ANI)
    first = desk.registered()
    for number in range(1, PASSKEYS_PER_ACCOUNT):
        desk.registered(name=str(number))
    with pytest.raises(SerambiError) as caught:
        desk.passkeys.question_for_new(ANI)
    assert caught.value.kind is Kind.LIMIT
    with pytest.raises(SerambiError):
        desk.passkeys.register("ani", "late", Device(ORIGIN).create(waiting))
    assert len(desk.passkeys.table.of("ani")) == PASSKEYS_PER_ACCOUNT
    assert desk.sign_in(first) == "ani"


def test_the_last_one_stays_where_one_is_needed(desk: Desk) -> None:
    first, second, other = desk.registered(), desk.registered(), desk.registered(BUDI)
    table = desk.passkeys.table
    for name in (text(other.id), "unknown"):
        with pytest.raises(SerambiError) as caught:
            table.remove("ani", name, keep_one=True)
        assert caught.value.kind is Kind.NOT_FOUND
    table.remove("ani", text(first.id), keep_one=True)
    with pytest.raises(SerambiError) as caught:
        table.remove("ani", text(second.id), keep_one=True)
    assert caught.value.kind is Kind.CONFLICT
    assert desk.sign_in(second) == "ani"
    table.remove("ani", text(second.id), keep_one=False)
    assert table.of("ani") == []
    assert desk.sign_in(other) == "budi"


def test_guessing_stops_and_starts_again(desk: Desk) -> None:
    device = desk.registered()
    device.origin = "http://evil.example"
    for _ in range(LOGIN_FAILURES):
        refused(lambda: desk.sign_in(device), "origin")
    device.origin = ORIGIN
    refused(lambda: desk.sign_in(device), "too many", Kind.LIMIT)
    elsewhere = device.get(desk.passkeys.question("10.0.0.9"))
    refused(lambda: desk.passkeys.verify(elsewhere, "10.0.0.9"), "too many", Kind.LIMIT)
    desk.clock.advance(LOGIN_FAILURES_WINDOW_S + 1)
    assert desk.sign_in(device) == "ani"


def test_questions_are_bounded_for_each_and_for_all() -> None:
    challenges = Challenges(ManualClock(0.0))
    first = challenges.ask("x", "ani")
    asked = [challenges.ask("x", "budi", b"b") for _ in range(CHALLENGES_PER_SUBJECT + 1)]
    assert challenges.take("x", asked[0]) is None
    assert challenges.take("x", asked[1]) == b"b"
    assert challenges.take("x", first) == b""
    oldest = challenges.ask("x", "ani")
    for number in range(CHALLENGES_KEPT):
        challenges.ask("x", f"address {number}")
    assert challenges.take("x", oldest) is None


junk = st.binary(max_size=200)
ANY_DESK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def spoiled(said: str, at: int, by: bytes) -> str:
    """Bytes with a part of them replaced."""
    whole = bytearray(raw(said))
    whole[at : at + len(by)] = by
    return text(bytes(whole))


@ANY_DESK
@given(at=st.integers(0, 250), by=junk)
def test_a_spoiled_registration_lets_nobody_else_in(desk: Desk, at: int, by: bytes) -> None:
    desk.passkeys.table.forget("ani")
    answer = Device(ORIGIN).create(desk.passkeys.question_for_new(ANI))
    there = answer["response"]["attestationObject"]
    answer["response"]["attestationObject"] = spoiled(there, at, by)
    with contextlib.suppress(SerambiError):
        desk.passkeys.register("ani", "x", answer)
    got = Device(ORIGIN).get(desk.passkeys.question(ADDRESS))
    got["id"] = got["rawId"] = next((each.id for each in desk.passkeys.table.of("ani")), "none")
    desk.clock.advance(LOGIN_FAILURES_WINDOW_S + 1)
    with pytest.raises(SerambiError):
        desk.passkeys.verify(got, ADDRESS)


@ANY_DESK
@given(field=st.sampled_from(["authenticatorData", "signature"]), at=st.integers(0, 70), by=junk)
def test_a_spoiled_sign_in_is_refused(desk: Desk, field: str, at: int, by: bytes) -> None:
    desk.passkeys.table.forget("ani")
    device = desk.registered()
    desk.clock.advance(LOGIN_FAILURES_WINDOW_S + 1)
    got = device.get(desk.passkeys.question(ADDRESS))
    before = got["response"][field]
    got["response"][field] = spoiled(before, at, by)
    if got["response"][field] != before:
        with pytest.raises(SerambiError):
            desk.passkeys.verify(got, ADDRESS)


@pytest.mark.parametrize("said", [b"", b"[]", b"{}", b"nonsense", b"\xff", b'{"challenge": 5}'])
def test_what_the_browser_did_not_say_is_refused(desk: Desk, said: bytes) -> None:
    got = desk.registered().get(desk.passkeys.question(ADDRESS))
    got["response"]["clientDataJSON"] = text(said)
    refused(lambda: desk.passkeys.verify(got, ADDRESS), "not accepted")
