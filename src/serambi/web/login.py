"""Who is asking: session cookies for browsers, bearer tokens for programs.

A cookie or token is 256 random bits; only its SHA-256 is kept. A cookie counts only when the
request comes from our own pages; a bearer token needs no such check, because no browser adds it
by itself. What does not belong here: accounts and what they may do.
"""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import LOGIN_TTL_S, LOGINS_KEPT

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def new_token() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is kept of a token: SHA-256 in hexadecimal. Enough, because tokens are random."""
    return hashlib.sha256(token.encode()).hexdigest()


def cookie_name(process: str, port: int) -> str:
    """Cookies ignore ports, so two processes on one host need two names."""
    return f"serambi_{process}_{port}"


class Logins(Protocol):
    """Where sign-ins are kept. A process may keep them on disk so that they survive a restart."""

    def add(self, digest: str, account: str, expires_ms: int) -> None: ...

    def find_login(self, digest: str) -> tuple[str, int] | None:
        """(account, expires_ms) or None."""
        ...

    def remove(self, digest: str) -> None: ...


class Tokens(Protocol):
    """Whose bearer token it is."""

    def find_token(self, digest: str) -> str | None:
        """The account, or None."""
        ...


class MemoryLogins:
    """Sign-ins in memory, at most `LOGINS_KEPT`; the oldest makes room."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def add(self, digest: str, account: str, expires_ms: int) -> None:
        self._known[digest] = (account, expires_ms)
        while len(self._known) > LOGINS_KEPT:
            self._known.popitem(last=False)

    def find_login(self, digest: str) -> tuple[str, int] | None:
        return self._known.get(digest)

    def remove(self, digest: str) -> None:
        self._known.pop(digest, None)


class OneToken:
    """The bearer tokens of a process with a single account."""

    def __init__(self, account: str, digest: str) -> None:
        self._account = account
        self._digest = digest

    def find_token(self, digest: str) -> str | None:
        return self._account if secrets.compare_digest(digest, self._digest) else None


class NoTokens:
    """For a process that only browsers sign in to."""

    def find_token(self, digest: str) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Login:
    """Who it is, by which means, and since when: unix ms, 0 for a bearer token."""

    account: str
    bearer: bool
    since_ms: int = 0


class Gate:
    """Tells who is asking. `secure` when the process is reached over TLS only. A sign-in lasts
    `ttl_s`."""

    def __init__(
        self,
        cookie: str,
        logins: Logins,
        tokens: Tokens,
        clock: Clock,
        *,
        secure: bool = False,
        ttl_s: float = LOGIN_TTL_S,
    ) -> None:
        self.cookie = cookie
        self._logins = logins
        self._tokens = tokens
        self._clock = clock
        self._secure = secure
        self._ttl_s = ttl_s

    def identify(self, connection: HTTPConnection) -> Login | None:
        """Who is asking, None when nobody is signed in.

        A header `Authorization` decides alone, even when it is wrong. Raises `DENIED` when a
        cookie comes with a request that another site's page made.
        """
        header = connection.headers.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer":
                return None
            account = self._tokens.find_token(digest_of(token.strip()))
            return None if account is None else Login(account, bearer=True)
        known = self._by_cookie(connection)
        if known is None:
            return None
        if _can_change(connection) and not same_origin(connection):
            raise SerambiError(
                Kind.DENIED,
                "this request was made by a page of another site",
                where=connection.url.path,
                hint="open the page from its own address, or use a bearer token",
            )
        account, expires_ms = known
        return Login(account, bearer=False, since_ms=expires_ms - int(self._ttl_s * 1000))

    def has_cookie(self, connection: HTTPConnection) -> bool:
        """Whether a valid cookie comes with the request, whatever else does."""
        return self._by_cookie(connection) is not None

    def _by_cookie(self, connection: HTTPConnection) -> tuple[str, int] | None:
        token = connection.cookies.get(self.cookie, "")
        known = self._logins.find_login(digest_of(token)) if token else None
        if known is None or known[1] <= unix_ms(self._clock.now()):
            return None
        return known

    def require(self, connection: HTTPConnection) -> Login:
        """Like `identify`, but raises `UNAUTHENTICATED` when nobody is signed in."""
        login = self.identify(connection)
        if login is None:
            raise SerambiError(
                Kind.UNAUTHENTICATED,
                self._why_nobody(connection),
                where=connection.url.path,
                hint="sign in, or send Authorization: Bearer TOKEN",
            )
        return login

    def _why_nobody(self, connection: HTTPConnection) -> str:
        header = connection.headers.get("authorization")
        if header is None:
            known = connection.cookies.get(self.cookie)
            return "this sign-in has ended" if known else "nobody is signed in"
        if header.partition(" ")[0].lower() != "bearer":
            return "only bearer tokens are taken here"
        return "this bearer token is not known"

    def sign_in(self, response: Response, account: str) -> None:
        """Start a sign-in of `account` and set its cookie on `response`."""
        token = new_token()
        expires_ms = unix_ms(self._clock.now() + self._ttl_s)
        self._logins.add(digest_of(token), account, expires_ms)
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(self._ttl_s),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def sign_out(self, connection: HTTPConnection, response: Response) -> None:
        """End the sign-in that the cookie of `connection` stands for."""
        token = connection.cookies.get(self.cookie, "")
        if token:
            self._logins.remove(digest_of(token))
        response.delete_cookie(
            self.cookie, path="/", secure=self._secure, httponly=True, samesite="lax"
        )


def _can_change(connection: HTTPConnection) -> bool:
    if connection.scope["type"] == "websocket":
        return True
    return connection.scope["method"] not in _SAFE_METHODS


def same_origin(connection: HTTPConnection) -> bool:
    """Whether the browser says that the request comes from a page of this very origin."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site") == "same-origin"
    scheme = {"ws": "http", "wss": "https"}.get(
        connection.scope["scheme"], connection.scope["scheme"]
    )
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme == scheme and parts.netloc == connection.headers.get("host", "")
