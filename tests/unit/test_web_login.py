"""Cookies, bearer tokens, origins, passwords and the bound on guessing."""

import pytest
from argon2 import PasswordHasher
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    LOGIN_FAILURES,
    LOGIN_FAILURES_WINDOW_S,
    LOGIN_SUBJECTS_KEPT,
    LOGIN_TTL_S,
    LOGINS_KEPT,
    PASSWORD_MAX_BYTES,
)
from serambi.web.login import (
    Gate,
    Login,
    MemoryLogins,
    NoTokens,
    OneToken,
    cookie_name,
    digest_of,
)
from serambi.web.passwords import FailureLimit, Passwords

HOST = ("host", "box:8080")


def asking(
    *headers: tuple[str, str], method: str = "GET", kind: str = "http", scheme: str = "http"
) -> HTTPConnection:
    scope = {
        "type": kind,
        "scheme": scheme,
        "method": method,
        "path": "/api/x",
        "query_string": b"",
        "server": ("box", 8080),
        "headers": [(name.encode(), value.encode()) for name, value in (HOST, *headers)],
    }
    return Request(scope) if kind == "http" else HTTPConnection(scope)


class Door:
    def __init__(self) -> None:
        self.clock = ManualClock(1_700_000_000.0)
        self.gate = Gate(
            cookie_name("center", 8080),
            MemoryLogins(),
            OneToken("robot", digest_of("tok")),
            self.clock,
        )

    def cookie(self, account: str = "ani") -> tuple[str, str]:
        response = Response()
        self.gate.sign_in(response, account)
        header = response.headers["set-cookie"]
        assert "HttpOnly" in header
        assert "SameSite=lax" in header
        return ("cookie", header.split(";")[0])


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_cookie_signs_in_until_it_expires(door: Door) -> None:
    cookie = door.cookie()
    login = door.gate.identify(asking(cookie))
    assert login is not None
    assert (login.account, login.bearer) == ("ani", False)
    door.clock.advance(LOGIN_TTL_S)
    assert door.gate.identify(asking(cookie)) is None


def test_a_sign_in_knows_since_when_and_may_be_short() -> None:
    clock = ManualClock(1_700_000_000.0)
    gate = Gate("x", MemoryLogins(), NoTokens(), clock, ttl_s=60.0)
    response = Response()
    gate.sign_in(response, "ani")
    assert "Max-Age=60" in response.headers["set-cookie"]
    cookie = ("cookie", response.headers["set-cookie"].split(";")[0])
    clock.advance(59)
    assert gate.identify(asking(cookie)) == Login("ani", False, 1_700_000_000_000)
    clock.advance(1)
    assert gate.identify(asking(cookie)) is None


def test_a_changed_cookie_is_nobody(door: Door) -> None:
    name, value = door.cookie()
    assert door.gate.identify(asking((name, value + "x"))) is None
    with pytest.raises(SerambiError) as caught:
        door.gate.require(asking())
    assert caught.value.kind is Kind.UNAUTHENTICATED


def test_signing_out_ends_the_cookie_on_the_server(door: Door) -> None:
    cookie = door.cookie()
    door.gate.sign_out(asking(cookie), Response())
    assert door.gate.identify(asking(cookie)) is None


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://box:8080", True),
        ("https://box:8080", False),
        ("http://box:9090", False),
        ("http://evil.example", False),
        ("null", False),
        (None, False),
    ],
)
def test_a_cookie_needs_our_own_origin_to_change_something(
    door: Door, origin: str | None, allowed: bool
) -> None:
    headers = [door.cookie()] + ([("origin", origin)] if origin else [])
    for request in (
        asking(*headers, method="POST"),
        asking(*headers, kind="websocket", scheme="ws"),
    ):
        if allowed:
            assert door.gate.identify(request) is not None
        else:
            with pytest.raises(SerambiError) as caught:
                door.gate.identify(request)
            assert caught.value.kind is Kind.DENIED
    assert door.gate.identify(asking(*headers)) is not None


def test_without_origin_the_browsers_own_word_counts(door: Door) -> None:
    cookie = door.cookie()
    same = asking(cookie, ("sec-fetch-site", "same-origin"), method="POST")
    assert door.gate.identify(same) is not None
    with pytest.raises(SerambiError):
        door.gate.identify(asking(cookie, ("sec-fetch-site", "cross-site"), method="POST"))


def test_a_bearer_token_needs_no_origin(door: Door) -> None:
    for request in (
        asking(("authorization", "Bearer tok"), method="POST"),
        asking(("authorization", "bearer tok"), kind="websocket", scheme="ws"),
    ):
        login = door.gate.identify(request)
        assert login is not None
        assert (login.account, login.bearer) == ("robot", True)


def test_a_wrong_bearer_token_is_not_saved_by_a_cookie(door: Door) -> None:
    cookie = door.cookie()
    assert door.gate.identify(asking(cookie, ("authorization", "Bearer wrong"))) is None
    assert door.gate.identify(asking(cookie, ("authorization", "Basic tok"))) is None


def test_sign_ins_in_memory_are_bounded() -> None:
    logins = MemoryLogins()
    for number in range(LOGINS_KEPT + 1):
        logins.add(str(number), "ani", 1)
    assert logins.find_login("0") is None
    assert logins.find_login(str(LOGINS_KEPT)) == ("ani", 1)


async def test_passwords() -> None:
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    kept = passwords.hash("beringin")
    assert "beringin" not in kept
    assert await passwords.check(kept, "beringin")
    assert not await passwords.check(kept, "Beringin")
    assert not await passwords.check(None, "nobody")
    assert not await passwords.check("not a hash", "beringin")
    assert not await passwords.check(kept, "x" * (PASSWORD_MAX_BYTES + 1))
    with pytest.raises(SerambiError):
        passwords.hash("")


def test_guessing_is_bounded_per_subject_and_recovers() -> None:
    clock = ManualClock(0.0)
    limit = FailureLimit(clock)
    for _ in range(LOGIN_FAILURES):
        limit.check("ani", "10.0.0.1")
        limit.failed("ani", "10.0.0.1")
    limit.check("budi", "10.0.0.2")
    for subject in ("ani", "10.0.0.1"):
        with pytest.raises(SerambiError) as caught:
            limit.check("budi", subject)
        assert caught.value.kind is Kind.LIMIT
    limit.succeeded("ani", "10.0.0.9")
    limit.check("ani")
    limit.succeeded("budi", "10.0.0.1")
    limit.check("10.0.0.1")
    limit.failed("10.0.0.1")
    with pytest.raises(SerambiError):
        limit.check("10.0.0.1")
    clock.advance(LOGIN_FAILURES_WINDOW_S + 1)
    limit.check("10.0.0.1")


def test_the_memory_of_failures_is_bounded() -> None:
    limit = FailureLimit(ManualClock(0.0))
    for _ in range(LOGIN_FAILURES):
        limit.failed("first")
    for number in range(LOGIN_SUBJECTS_KEPT):
        limit.failed(str(number))
    limit.check("first")
