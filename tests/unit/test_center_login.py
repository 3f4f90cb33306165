"""Signing in at the center over a real socket: who gets in how, and what a password alone opens."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from serambi.base.clock import ManualClock, SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import FRESH_S, REGISTERING_TTL_S
from serambi.center.accounts import Account, Role
from serambi.center.config import read_config
from serambi.center.invitations import invite_at_the_machine
from serambi.center.login_settings import LoginSettings
from serambi.cli.main import main
from serambi.identity.certificates import create_authority, ensure
from serambi.ledger.names import Names
from serambi.ledger.store import LedgerStore
from tests.fakes.authenticator import Device
from tests.fakes.center_town import Town
from tests.fakes.running import PASSWORD, Running, closed_with, messages, running

REQUIRED = LoginSettings()


@dataclass
class Person:
    """A browser at the center's own page, with a device for passkeys."""

    client: httpx.AsyncClient
    device: Device

    async def password(self, account: str) -> httpx.Response:
        said = {"account": account, "password": PASSWORD}
        return await self.client.post("/api/login", json=said)

    async def register(self, name: str = "phone", device: Device | None = None) -> httpx.Response:
        asked = await self.client.post("/api/passkeys/question")
        if asked.status_code != 200:
            return asked
        answer = (device or self.device).create(asked.json())
        return await self.client.post("/api/passkeys", json={"name": name, "credential": answer})

    async def passkey(self) -> httpx.Response:
        asked = await self.client.post("/api/login/passkey/question")
        said = {"credential": self.device.get(asked.json())}
        return await self.client.post("/api/login/passkey", json=said)

    async def reason(self, path: str = "/api/me") -> str:
        answer = await self.client.get(path)
        return "" if answer.status_code == 200 else str(answer.json()["error"]["reason"])


@asynccontextmanager
async def person(center: Running) -> AsyncIterator[Person]:
    origin = f"http://localhost:{center.port}"
    headers = {"Origin": origin}
    async with httpx.AsyncClient(base_url=origin, headers=headers, trust_env=False) as client:
        yield Person(client, Device(origin))


@asynccontextmanager
async def center_of(
    folder: Path, login: LoginSettings = REQUIRED, clock: ManualClock | None = None
) -> AsyncIterator[Running]:
    town = Town(folder, clock or SystemClock())
    town.config = replace(town.config, login=login)
    (folder / "built").mkdir()
    (folder / "built" / "index.html").write_text("<!doctype html><title>Serambi</title>")
    async with running(town) as center:
        yield center


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with center_of(tmp_path) as center:
        yield center


async def test_a_password_alone_may_only_register(center: Running) -> None:
    async with person(center) as ani:
        answer = await ani.password("operator")
        assert answer.status_code == 403
        error = answer.json()["error"]
        assert error["reason"] == "register_passkey"
        assert "/login" in error["hint"]
        for path in ("/api/me", "/api/sites", "/api/cameras", "/api/alerts", "/api/passkeys"):
            assert await ani.reason(path) == "register_passkey"
        wish = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}
        assert (await ani.client.post("/api/sessions", json=wish)).status_code == 403
        assert (await ani.client.get("/")).headers["location"] == "/login"
        cookie = "; ".join(f"{one.name}={one.value}" for one in ani.client.cookies.jar)
        with pytest.raises(InvalidStatus) as caught:
            await connect(
                f"ws://localhost:{center.port}/api/events",
                additional_headers={"Cookie": cookie},
                origin=Origin(ani.device.origin),
                proxy=None,
            )
        assert caught.value.response.status_code == 403
        assert (await ani.client.post("/api/logout")).status_code == 204
        assert (await ani.client.get("/api/me")).status_code == 401
        await ani.password("operator")
        assert (await ani.register()).status_code == 201
        assert await ani.reason() == ""
        assert (await ani.client.get("/api/me")).json()["account"] == "operator"


async def test_from_then_on_the_passkey_signs_in_and_the_password_does_not(
    center: Running,
) -> None:
    async with person(center) as ani, person(center) as thief:
        await thief.password("operator")
        await ani.password("operator")
        await ani.register()
        assert (await ani.client.post("/api/logout")).status_code == 204
        # Neither a new password sign-in nor one from before adds another passkey.
        assert (await thief.register()).json()["error"]["reason"] == "use_passkey"
        answer = await thief.password("operator")
        assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "use_passkey")
        assert (await ani.client.get("/api/me")).status_code == 401
        answer = await ani.passkey()
        assert (answer.status_code, answer.json()["account"]) == (200, "operator")
        assert (await ani.client.get("/api/me")).status_code == 200
        ani.device.origin = "http://evil.example"
        answer = await ani.passkey()
        assert (answer.status_code, answer.json()["error"]["kind"]) == (401, "unauthenticated")


async def test_the_list_is_ones_own(center: Running) -> None:
    async with person(center) as ani, person(center) as budi:
        for each, account in ((ani, "operator"), (budi, "commander")):
            await each.password(account)
            assert (await each.register(f" of {account} ")).status_code == 201
        (his,) = (await budi.client.get("/api/passkeys")).json()
        assert (his["name"], his["used_ms"]) == ("of commander", 0)
        (hers,) = (await ani.client.get("/api/passkeys")).json()
        gone = await ani.client.delete(f"/api/passkeys/{his['id']}")
        assert gone.status_code == 404
        last = await ani.client.delete(f"/api/passkeys/{hers['id']}")
        assert (last.status_code, last.json()["error"]["kind"]) == (409, "conflict")
        assert (await ani.register("key", Device(ani.device.origin))).status_code == 201
        assert (await ani.client.delete(f"/api/passkeys/{hers['id']}")).status_code == 204
        assert [one["name"] for one in (await ani.client.get("/api/passkeys")).json()] == ["key"]
        await ani.client.post("/api/logout")
        assert (await ani.passkey()).status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 61},
        {"credential": {}},
        {"credential": {"id": "a+b", "rawId": "a", "type": "public-key", "response": {}}},
    ],
)
async def test_what_is_no_passkey_is_refused(center: Running, change: dict[str, Any]) -> None:
    async with person(center) as ani:
        await ani.password("operator")
        answer = ani.device.create((await ani.client.post("/api/passkeys/question")).json())
        wish = {"name": "phone", "credential": answer} | change
        assert (await ani.client.post("/api/passkeys", json=wish)).status_code == 422


async def test_programs_and_foreign_pages_register_nothing(center: Running) -> None:
    async with center.client() as program:
        assert (await program.get("/api/me")).status_code == 200
        assert (await program.post("/api/passkeys/question")).status_code == 403
    async with person(center) as ani:
        await ani.password("operator")
        foreign = {"Origin": "http://evil.example"}
        answer = await ani.client.post("/api/passkeys/question", headers=foreign)
        assert answer.status_code == 403
        assert answer.json()["error"]["reason"] == ""
    async with center.client(None) as nobody:
        assert (await nobody.post("/api/passkeys/question")).status_code == 401


async def test_a_desk_left_open_gives_nobody_a_passkey(tmp_path: Path) -> None:
    clock = ManualClock(1_790_000_000.0)
    async with center_of(tmp_path, clock=clock) as center, person(center) as ani:
        await ani.password("operator")
        clock.advance(REGISTERING_TTL_S)
        assert (await ani.register()).status_code == 401
        await ani.password("operator")
        await ani.register()
        (mine,) = (await ani.client.get("/api/passkeys")).json()
        clock.advance(FRESH_S + 1)
        other = Device(ani.device.origin)
        assert (await ani.register("x", other)).json()["error"]["reason"] == "sign_in_again"
        gone = await ani.client.delete(f"/api/passkeys/{mine['id']}")
        assert gone.json()["error"]["reason"] == "sign_in_again"
        assert (await ani.passkey()).status_code == 200
        assert (await ani.register("x", other)).status_code == 201


async def test_where_it_is_offered_a_password_is_enough_until_there_is_one(
    tmp_path: Path,
) -> None:
    async with center_of(tmp_path, LoginSettings(passkey="offered")) as center:
        async with person(center) as ani, person(center) as other:
            ways = (await ani.client.get("/api/login")).json()
            url = f"http://localhost:{center.port}"
            assert ways == {"passkey": "offered", "url": url, "oidc": None}
            assert (await ani.password("operator")).status_code == 200
            await ani.register()
            answer = await other.password("operator")
            assert answer.json()["error"]["reason"] == "use_passkey"
            (mine,) = (await ani.client.get("/api/passkeys")).json()
            assert (await ani.client.delete(f"/api/passkeys/{mine['id']}")).status_code == 204
            assert (await other.password("operator")).status_code == 200
            cookies = other.client.cookies
        town = center.town
        kept = {name: value for name, value in cookies.items() if "passkey" not in name}
    town.config = replace(town.config, login=REQUIRED)
    async with running(town) as center, person(center) as other:
        # Who came in without one is out where one is needed.
        other.client.cookies.set(f"serambi_center_{center.port}", next(iter(kept.values())))
        assert (await other.client.get("/api/me")).status_code == 401


async def test_a_lost_passkey(center: Running) -> None:
    async with person(center) as ani, person(center) as admin:
        await ani.password("operator")
        await ani.register()
        await admin.password("coordinator")
        await admin.register()
        refused = await ani.client.post("/api/accounts/commander/link")
        assert (refused.status_code, refused.json()["error"]["kind"]) == (403, "denied")
        for account, status in (("nobody", 404), ("coordinator", 403)):
            answer = await admin.client.post(f"/api/accounts/{account}/link")
            assert answer.status_code == status
        center.town.speak("terminal")
        wish = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}
        assert (await ani.client.post("/api/sessions", json=wish)).status_code == 201
        cookie = "; ".join(f"{one.name}={one.value}" for one in ani.client.cookies.jar)
        async with connect(
            f"ws://localhost:{center.port}/api/events",
            additional_headers={"Cookie": cookie},
            origin=Origin(ani.device.origin),
            proxy=None,
        ) as socket:
            await messages(socket, 2)
            given = await admin.client.post("/api/accounts/operator/link")
            assert given.status_code == 201
            await closed_with(socket)
        async with center.client() as program:
            assert (await program.get("/api/sessions")).json() == []
        # What there was before has ended: the sign-in and the lost passkey.
        assert (await ani.client.get("/api/me")).status_code == 401
        assert (await ani.passkey()).status_code == 401
        path = given.json()["path"]
        assert (await ani.client.get(path)).headers["location"] == "/login"
        assert await ani.reason() == "register_passkey"
        new = Device(ani.device.origin)
        assert (await ani.register("new phone", new)).status_code == 201
        assert (await ani.client.get("/api/me")).json()["account"] == "operator"
        assert "code=used" in (await admin.client.get(path)).headers["location"]
    town = center.town
    center.stop.set()
    await center.task
    assert _links(town) == [
        ("Operator", "for this person, given by a coordinator"),
        ("Coordinator", "gave the link for the role operator"),
    ]


def _links(town: Town) -> list[tuple[str | None, str]]:
    """Who got and who gave links, as the center's ledger has it."""
    names = Names(town.config.names_folder, town.clock, 1e9)
    origin = f"{town.config.party}/center"
    ledger = LedgerStore.open(town.config.ledger, origin, town.center_key, town.clock)
    try:
        entries = ledger.entries(0, ledger.size)
    finally:
        ledger.close()
    found = [each for each in entries if each.kind == "account_link"]
    assert all(each.person.startswith("commitment:") for each in found)
    return [(names.who(each.person), each.detail) for each in found]


async def test_the_first_link_is_made_at_the_machine(tmp_path: Path) -> None:
    town = Town(tmp_path, SystemClock())
    town.config = replace(town.config, login=REQUIRED)
    ani = Account("ani", "Ani", Role.COORDINATOR, "Regu A")
    first = await invite_at_the_machine(town.config, town.clock, "ani", ani)
    second = await invite_at_the_machine(town.config, town.clock, "ani", None)
    assert [who for who, _ in _links(town)] == ["Ani", "Ani"]
    async with running(town) as center, person(center) as browser:
        assert "code=used" in (await browser.client.get(first.path)).headers["location"]
        await browser.client.get(second.path)
        assert (await browser.register()).status_code == 201
        assert (await browser.client.get("/api/me")).json()["role"] == "coordinator"
        with pytest.raises(SerambiError) as caught:
            await invite_at_the_machine(town.config, town.clock, "ani", None)
        assert caught.value.kind is Kind.CONFLICT


def test_the_command_prints_the_link(tmp_path: Path) -> None:
    town = Town(tmp_path, SystemClock())
    path = town.config.folder / "center.toml"
    path.write_text(
        f'party = "{town.config.party}"\ngenesis = "{town.config.genesis}"\n'
        'listen = ["quic/127.0.0.1:1"]\nlogin = { url = "https://center.example" }\n'
    )
    assert read_config(path).folder == town.config.folder.resolve()
    base = ["center", "account", "--config", str(path), "--account", "ani"]
    run = CliRunner().invoke
    assert run(main, base).exit_code == 1
    assert run(main, [*base, "--name", "Ani"]).exit_code == 2
    made = run(main, [*base, "--name", "Ani", "--role", "operator", "--unit", "Regu A"])
    assert made.output.startswith("https://center.example/signin?code=")
    assert run(main, base).output.startswith("https://center.example/signin?code=")
    assert run(main, ["center"]).exit_code == 2
    assert run(main, ["center", "--config", str(path), "account"]).exit_code == 2


async def test_over_https(tmp_path: Path) -> None:
    town = Town(tmp_path, SystemClock())
    create_authority(tmp_path / "ca", town.clock.now())
    tls = tmp_path / "tls"
    ensure(tls, tmp_path / "ca", "center", town.clock.now(), dns=["localhost"], ips=[])
    town.config = replace(town.config, login=REQUIRED, web_tls=(tls / "cert.pem", tls / "key.pem"))
    trusted = ssl.create_default_context(cafile=tls / "ca.pem")
    async with running(town) as center:
        origin = f"https://localhost:{center.port}"
        async with httpx.AsyncClient(
            base_url=origin, headers={"Origin": origin}, verify=trusted, trust_env=False
        ) as client:
            ani = Person(client, Device(origin))
            answer = await ani.password("operator")
            assert "Secure" in answer.headers["set-cookie"]
            assert (await ani.register()).status_code == 201
            assert (await ani.client.post("/api/logout")).status_code == 204
            assert (await ani.passkey()).status_code == 200
            assert (await ani.client.get("/api/me")).json()["account"] == "operator"
