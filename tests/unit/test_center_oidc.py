"""Signing in at an institution's own provider, and every reason why nobody is signed in."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, PlainTextResponse, Response

from serambi.base.clock import ManualClock, SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import OIDC_ANSWER_MAX_BYTES, OIDC_TTL_S
from serambi.base.words import Words
from serambi.center.config import read_config
from serambi.center.login_settings import LoginSettings, OidcSettings, Site
from serambi.center.oidc import NoEntry, Oidc
from tests.fakes.center_town import Town
from tests.fakes.oidc_provider import CLIENT, SECRET, Provider, provider, shared_secret
from tests.fakes.running import Running, running

NAME = Words(id="Akun Polres", en="Polres account")


@dataclass
class Institution:
    provider: Provider
    center: Running

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        base = f"http://localhost:{self.center.port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            yield client

    async def sign_in(self, browser: httpx.AsyncClient) -> str:
        """The way there and back; where it ends."""
        gone = await browser.get("/api/login/oidc")
        if gone.headers["location"].startswith("/"):
            return gone.headers["location"]
        back = await browser.get(gone.headers["location"])
        return (await browser.get(back.headers["location"])).headers["location"]


def settings_of(issuer: str, secret: Path) -> OidcSettings:
    secret.write_text(SECRET + "\n")
    return OidcSettings(issuer, CLIENT, secret, NAME, "preferred_username", ("mfa", "gold"))


@pytest.fixture
async def institution(tmp_path: Path) -> AsyncIterator[Institution]:
    async with provider() as running_provider:
        town = Town(tmp_path, SystemClock())
        oidc = settings_of(running_provider.url, tmp_path / "secret")
        town.config = replace(town.config, login=LoginSettings(oidc=oidc))
        async with running(town) as center:
            yield Institution(running_provider, center)


async def test_the_institution_says_who_it_is(institution: Institution) -> None:
    async with institution.browser() as browser:
        assert (await browser.get("/api/login")).json()["oidc"] == {"id": NAME.id, "en": NAME.en}
        assert await institution.sign_in(browser) == "/"
        assert (await browser.get("/api/me")).json()["account"] == "operator"
        assert [one.name for one in browser.cookies.jar] == [
            f"serambi_center_{institution.center.port}"
        ]
    institution.provider.claims |= {"acr": "gold", "amr": None, "aud": [CLIENT]}
    async with institution.browser() as browser:
        assert await institution.sign_in(browser) == "/"


Lie = Callable[[Provider], None]
NOW = int(time.time())
OTHER = ECKey.generate_key("P-256", {"kid": "one"})
LONG = PlainTextResponse("x" * (OIDC_ANSWER_MAX_BYTES + 1))


def claims(**changed: Any) -> Lie:
    return lambda provider: provider.claims.update(changed)


def described(**changed: Any) -> Lie:
    return lambda provider: provider.described.update(changed)


def answers(**changed: Response) -> Lie:
    return lambda provider: provider.answers.update(changed)


def so(**changed: Any) -> Lie:
    return lambda provider: provider.__dict__.update(changed)


def said(value: object) -> Response:
    return JSONResponse(value)


async def test_an_unknown_account_and_a_provider_that_declines(institution: Institution) -> None:
    lies: list[tuple[Lie, str]] = [
        (claims(preferred_username="somebody"), "account"),
        (claims(amr=["pwd"]), "mfa"),
        (so(declines=True), "declined"),
        (described(issuer="https://other.example"), "provider"),
    ]
    for lie, reason in lies:
        lie(institution.provider)
        async with institution.browser() as browser:
            assert await institution.sign_in(browser) == f"/login?oidc={reason}"
            assert (await browser.get("/api/me")).status_code == 401


async def there_and_back(oidc: Oidc) -> str:
    begun = await oidc.begin("10.0.0.1")
    async with httpx.AsyncClient(trust_env=False) as browser:
        back = (await browser.get(begun.url)).headers["location"]
    return await oidc.finish(begun.state, parse_qs(urlsplit(back).query)["code"][0])


@pytest.mark.parametrize(
    ("lie", "reason", "what"),
    [
        (claims(iss="https://other.example"), "token", "iss"),
        (claims(aud="another client"), "token", "aud"),
        (claims(aud=[CLIENT, "another"]), "token", "azp"),
        (claims(azp="another client"), "token", "azp"),
        (claims(exp=NOW - 3600, iat=NOW - 7200), "token", "expired"),
        (claims(iat=NOW + 3600), "token", "issued"),
        (claims(exp=None), "token", "exp"),
        (claims(sub=None), "token", "sub"),
        (claims(nonce="another"), "token", "nonce"),
        (claims(nonce=None), "token", "nonce"),
        (claims(at_hash="another"), "token", "at_hash"),
        (claims(amr="mfa"), "token", "amr"),
        (claims(amr=["pwd"]), "mfa", "second factor"),
        (claims(amr=None), "mfa", "second factor"),
        (claims(amr=[["mfa"], 7], acr={"gold": 1}), "mfa", "second factor"),
        (claims(preferred_username=None), "account", "preferred_username"),
        (claims(preferred_username=["operator"]), "account", "preferred_username"),
        (so(signs_with=OTHER), "token", "bad_signature"),
        (so(spoils_token=True), "token", "bad_signature"),
        (so(signs_with=shared_secret(), algorithm="HS256"), "token", "algorithm"),
        (described(token_endpoint="http://elsewhere.example/token"), "provider", "token_endpoint"),
        (described(jwks_uri=None), "provider", "jwks_uri"),
        (described(token_endpoint="http://127.0.0.1:1/token"), "unreachable", "ConnectError"),
        (answers(describe=said([])), "provider", "not an object"),
        (answers(describe=PlainTextResponse("<html>")), "provider", "not JSON"),
        (answers(describe=LONG), "provider", "too long"),
        (answers(keys=said({"keys": []})), "token", ""),
        (answers(keys=said({"keys": [7]})), "token", ""),
        (answers(keys=said({})), "token", "unreadable"),
        (answers(token=JSONResponse({}, 400)), "provider", "400"),
        (answers(token=said({"id_token": "a.b.c"})), "token", ""),
        (answers(token=said({"id_token": 7})), "token", "decode_error"),
        (answers(token=said({"access_token": "a"})), "token", "unreadable"),
    ],
)
async def test_a_lie_is_refused(tmp_path: Path, lie: Lie, reason: str, what: str) -> None:
    async with provider() as there:
        lie(there)
        site = Site("http://localhost:1", "localhost")
        oidc = Oidc(settings_of(there.url, tmp_path / "secret"), site, SystemClock())
        with pytest.raises(NoEntry) as caught:
            await there_and_back(oidc)
    assert (caught.value.reason, caught.value.kind) == (reason, Kind.DENIED)
    assert what in caught.value.what


async def test_only_the_browser_that_went_comes_back_and_once(institution: Institution) -> None:
    async with institution.browser() as ani, institution.browser() as thief:
        gone = await ani.get("/api/login/oidc")
        back = (await ani.get(gone.headers["location"])).headers["location"]
        assert (await thief.get(back)).headers["location"] == "/login?oidc=state"
        # Not with a sign-in of the thief's own, either.
        await thief.get("/api/login/oidc")
        assert (await thief.get(back)).headers["location"] == "/login?oidc=state"
        kept = dict(ani.cookies)
        assert (await ani.get(back)).headers["location"] == "/"
        ani.cookies.update(kept)
        assert (await ani.get(back)).headers["location"] == "/login?oidc=state"
        assert (await thief.get("/api/login/oidc/return")).headers["location"].endswith("state")
        assert (await thief.get("/api/me")).status_code == 401


async def test_it_may_not_take_too_long(tmp_path: Path) -> None:
    async with provider() as there:
        clock = ManualClock(1_790_000_000.0)
        site = Site("http://localhost:1", "localhost")
        oidc = Oidc(settings_of(there.url, tmp_path / "secret"), site, clock)
        begun = await oidc.begin("10.0.0.1")
        clock.advance(OIDC_TTL_S)
        for state in (begun.state, "no hex"):
            with pytest.raises(NoEntry) as caught:
                await oidc.finish(state, "code")
            assert caught.value.reason == "state"


async def test_a_center_without_a_provider(tmp_path: Path) -> None:
    async with running(Town(tmp_path, SystemClock())) as center, center.client(None) as client:
        for path in ("/api/login/oidc", "/api/login/oidc/return"):
            assert (await client.get(path)).status_code == 404


SETTINGS = """
party = "command-center"
genesis = "ab"
listen = ["quic/127.0.0.1:7447"]
[login.oidc]
issuer = "https://id.polres.example"
client_id = "serambi"
secret = "secret"
name = { id = "Akun Polres", en = "Polres account" }
"""


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "center.toml"
    path.write_text(SETTINGS)
    with pytest.raises(SerambiError, match=r"login\.oidc\.secret must be the file"):
        read_config(path)
    (tmp_path / "secret").write_text("x")
    oidc = read_config(path).login.oidc
    assert oidc is not None
    assert (oidc.claim, oidc.mfa, oidc.name, oidc.ca) == (
        "preferred_username",
        ("mfa",),
        NAME,
        None,
    )
    for old, new, named in (
        ("https://", "http://", r"login\.oidc\.issuer"),
        ("client_id", "client", r"login\.oidc\.client is not"),
        ('name = { id = "Akun Polres", ', "name = { ", r"login\.oidc\.name"),
        ('secret = "secret"', "secret = 5", r"login\.oidc\.secret"),
        ('secret = "secret"', 'secret = "secret"\nmfa = []', r"login\.oidc\.mfa"),
    ):
        path.write_text(SETTINGS.replace(old, new))
        with pytest.raises(SerambiError, match=named):
            read_config(path)


@pytest.mark.parametrize("what", ["secret", "ca"])
def test_files_that_cannot_be_read(tmp_path: Path, what: str) -> None:
    oidc = settings_of("https://id.example", tmp_path / "secret")
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    bad = tmp_path / "bad"
    oidc = replace(oidc, secret=bad) if what == "secret" else replace(oidc, ca=bad)
    with pytest.raises(SerambiError, match=r"login\.oidc"):
        Oidc(oidc, Site("http://localhost:1", "localhost"), SystemClock())
