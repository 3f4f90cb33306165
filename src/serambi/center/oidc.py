"""Signing in at an institution's own OpenID Connect provider: code flow with PKCE, state, nonce.

The provider says who somebody is, in a signed token; an account of that name must exist here, and
the token must say that more than a password was asked for. Nothing is kept between two sign-ins:
its description and keys are fetched anew each time. What does not belong here: cookies and pages
(`api/oidc.py`).
"""

import asyncio
import json
import ssl
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    OIDC_ANSWER_MAX_BYTES,
    OIDC_AT_ONCE,
    OIDC_CLOCKS_S,
    OIDC_TIMEOUT_S,
    OIDC_TTL_S,
)
from serambi.center.challenges import Challenges
from serambi.center.login_settings import OidcSettings, Site, is_secure
from serambi.web.errors import ReasonedError
from serambi.web.login import new_token

RETURN_PATH = "/api/login/oidc/return"

_PURPOSE = "oidc"
_ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# What the libraries raise for a token that is none.
_UNREADABLE = (JoseError, ValueError, LookupError, TypeError, AttributeError)


class NoEntry(ReasonedError):
    """Why nobody was signed in; `reason` is a word that the sign-in page knows."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(Kind.DENIED, what, reason, where="oidc", hint="sign in again")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes; `state` comes back with it and belongs into its cookie, too."""

    url: str
    state: str


class Oidc:
    """One provider. Raises `NoEntry` whenever anything is not as it must be."""

    def __init__(self, settings: OidcSettings, site: Site, clock: Clock) -> None:
        """Reads the secret, and whose certificates to believe; raises `BAD_INPUT`."""
        try:
            self._secret = settings.secret.read_text("utf-8").strip()
            self._tls = ssl.create_default_context(cafile=settings.ca)
        except (OSError, UnicodeDecodeError) as error:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"a file cannot be read: {error}",
                where="login.oidc",
                hint="look at secret and ca in the center's settings",
            ) from error
        self._settings = settings
        self._return_url = site.origin + RETURN_PATH
        self._clock = clock
        self._begun = Challenges(clock, OIDC_TTL_S)
        self._turn = asyncio.Semaphore(OIDC_AT_ONCE)

    async def begin(self, address: str) -> Begun:
        """A sign-in from a browser at `address`."""
        nonce, verifier = new_token(), new_token()
        async with self._client() as client:
            described = await self._describe(client)
        about = f"{nonce} {verifier}".encode()
        state = self._begun.ask(_PURPOSE, f"address {address}", about).hex()
        url = prepare_grant_uri(
            described["authorization_endpoint"],
            client_id=self._settings.client_id,
            response_type="code",
            redirect_uri=self._return_url,
            scope="openid",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(url, state)

    async def finish(self, state: str, code: str) -> str:
        """The account that the provider names for `code`. `state` is that of `begin`, once."""
        nonce, verifier = self._spend(state)
        async with self._client() as client:
            described = await self._describe(client)
            token = await self._exchange(client, described["token_endpoint"], code, verifier)
            keys = await self._ask(client, "GET", described["jwks_uri"])
        return self._account(self._believed(token, keys, nonce))

    def _spend(self, state: str) -> tuple[str, str]:
        try:
            about = self._begun.take(_PURPOSE, bytes.fromhex(state))
        except ValueError:
            about = None
        if about is None:
            raise NoEntry("state", "this sign-in was not begun here, or it took too long")
        nonce, _, verifier = about.decode().partition(" ")
        return nonce, verifier

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=self._tls, timeout=OIDC_TIMEOUT_S, trust_env=False)

    async def _describe(self, client: httpx.AsyncClient) -> dict[str, Any]:
        issuer = self._settings.issuer
        url = issuer.rstrip("/") + "/.well-known/openid-configuration"
        described = await self._ask(client, "GET", url)
        if described.get("issuer") != issuer:
            raise NoEntry("provider", "the provider calls itself by another name")
        for name in _ENDPOINTS:
            if not isinstance(described.get(name), str) or not is_secure(described[name]):
                raise NoEntry("provider", f"the provider's {name} is missing or not https")
        return described

    async def _exchange(
        self, client: httpx.AsyncClient, url: str, code: str, verifier: str
    ) -> dict[str, Any]:
        # RFC 6749, 2.3.1: both are form-encoded before they are joined.
        secret = f"{quote(self._settings.client_id, '')}:{quote(self._secret, '')}"
        return await self._ask(
            client,
            "POST",
            url,
            headers={"Authorization": "Basic " + b64encode(secret.encode()).decode()},
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._return_url,
                "code_verifier": verifier,
            },
        )

    async def _ask(
        self, client: httpx.AsyncClient, method: str, url: str, **sent: Any
    ) -> dict[str, Any]:
        """A JSON object of the provider's, of OIDC_ANSWER_MAX_BYTES at most."""
        if self._turn.locked():
            raise NoEntry("provider", "too many sign-ins wait for the provider")
        raw = b""
        try:
            async with self._turn, client.stream(method, url, **sent) as answer:
                async for some in answer.aiter_bytes():
                    raw += some
                    if len(raw) > OIDC_ANSWER_MAX_BYTES:
                        raise NoEntry("provider", "the provider's answer is too long")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = type(error).__name__
            raise NoEntry("unreachable", f"the provider cannot be reached: {why}") from error
        if answer.status_code != httpx.codes.OK:
            raise NoEntry("provider", f"the provider answered with {answer.status_code}")
        try:
            said = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise NoEntry("provider", "the provider's answer is not JSON") from error
        if not isinstance(said, dict):
            raise NoEntry("provider", "the provider's answer is not an object")
        return said

    def _believed(self, token: dict[str, Any], keys: dict[str, Any], nonce: str) -> dict[str, Any]:
        """The claims of the ID token, once its signature and every rule of the flow hold."""
        client_id = self._settings.client_id
        try:
            read = jwt.decode(
                token["id_token"],
                KeySet.import_key_set(cast(KeySetSerialization, keys)),
                algorithms=_ALGORITHMS,
            )
            claims = CodeIDToken(
                read.claims,
                read.header,
                options={
                    "iss": {"essential": True, "value": self._settings.issuer},
                    "aud": {"essential": True, "value": client_id},
                },
                params={
                    "nonce": nonce,
                    "client_id": client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=int(self._clock.now()), leeway=OIDC_CLOCKS_S)
        except _UNREADABLE as error:
            why = str(error) if isinstance(error, JoseError) else "it is unreadable"
            raise NoEntry("token", f"the provider's token is not valid: {why[:200]}") from error
        return dict(claims)

    def _account(self, claims: dict[str, Any]) -> str:
        ways = [claims.get("acr"), *(claims.get("amr") or [])]
        if not any(way in self._settings.mfa for way in ways):
            raise NoEntry("mfa", "the provider does not say that a second factor was asked for")
        account = claims.get(self._settings.claim)
        if not isinstance(account, str) or not account:
            raise NoEntry("account", f"the token has no {self._settings.claim}")
        return account
