"""A small OpenID Connect provider: real sockets, real signatures, and lies as told."""

import asyncio
import secrets
import time
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from serambi.web.serve import HttpServer

CLIENT, SECRET = "serambi", "a secret: with + and %"


@dataclass
class Provider:
    """What is set here goes into its answers. `claims`: None takes one out."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "operator"})
    described: dict[str, Any] = field(default_factory=dict)
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))
    signs_with: Key | None = None
    algorithm: str = "ES256"
    answers: dict[str, Response] = field(default_factory=dict)
    declines: bool = False
    spoils_token: bool = False
    asked: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._describe),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _describe(self, request: Request) -> Response:
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }
        return self.answers.get("describe") or JSONResponse({**said, **self.described})

    async def _keys(self, request: Request) -> Response:
        public = {"keys": [self.key.as_dict(private=False)]}
        return self.answers.get("keys") or JSONResponse(public)

    async def _authorize(self, request: Request) -> Response:
        """Who comes here is somebody at once; a person would be asked."""
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"].split() == ["openid"]
        code = secrets.token_urlsafe(16)
        self.asked[code] = asked
        answer = {"error": "access_denied"} if self.declines else {"code": code}
        back = urlencode({**answer, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        if "token" in self.answers:
            return self.answers["token"]
        form = await request.form()
        asked = self.asked.pop(str(form["code"]), None)
        basic = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        right = (
            asked is not None
            and basic == "serambi:a%20secret%3A%20with%20%2B%20and%20%25"
            and form["grant_type"] == "authorization_code"
            and form["redirect_uri"] == asked["redirect_uri"]
            and create_s256_code_challenge(str(form["code_verifier"])) == asked["code_challenge"]
        )
        if asked is None or not right:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": "a", "id_token": self._id_token(asked["nonce"])})

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "17",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "amr": ["pwd", "mfa"],
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "one"}
        token = jwt.encode(header, said, self.signs_with or self.key, algorithms=[self.algorithm])
        return token[:-8] + "AAAAAAAA" if self.spoils_token else token


def shared_secret() -> Key:
    """A key of the wrong kind: one that both sides have."""
    return OctKey.import_key(SECRET)


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """A provider on a free port, ended afterwards."""
    running = Provider()
    async with asyncio.TaskGroup() as group:
        server = HttpServer(running.app(), "127.0.0.1", 0)
        await server.start(group)
        running.url = f"http://127.0.0.1:{server.port}"
        try:
            yield running
        finally:
            await server.stop()
