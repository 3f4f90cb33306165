"""Forged and stale tokens, cookies and codes at a keeper and at a center that really serve HTTP."""

from collections.abc import Callable
from pathlib import Path

import httpx

from serambi.base.clock import ManualClock, SystemClock
from serambi.base.limits import LOGIN_TTL_S
from serambi.web.login import cookie_name, new_token
from tests.builders import NOW
from tests.fakes.keeper_site import TOKEN, FakeCameras, Site
from tests.fakes.running import running_town
from tests.simulation.hostile import OWNER, at_work, check_said, promised

Headers = Callable[[str, str], dict[str, str]]
"""(name of the cookie, a cookie that counts) -> headers of a request that would change things."""

LOGINS: dict[str, Headers] = {
    "nothing": lambda name, good: {},
    "a token that nobody was given": lambda name, good: {"Authorization": f"Bearer {new_token()}"},
    "another scheme than Bearer": lambda name, good: {"Authorization": "Basic b3duZXI6eA=="},
    "a cookie that nobody was given": lambda name, good: {"Cookie": f"{name}={new_token()}"},
    "a page of another site": lambda name, good: {
        "Cookie": f"{name}={good}",
        "Origin": "https://elsewhere.example",
    },
}
# Further ways to say the same; what counts is that they are refused in these words too.
MORE: tuple[tuple[str, Headers], ...] = (
    ("nothing", lambda name, good: {"Cookie": "unrelated=1; ;;=="}),
    ("a token that nobody was given", lambda name, good: {"Authorization": "Bearer"}),
    ("a token that nobody was given", lambda name, good: {"Authorization": f"Bearer {good}"}),
    ("a token that nobody was given", lambda n, g: {"Authorization": "Bearer " + "x" * 4000}),
    (
        "a token that nobody was given",
        lambda name, good: {"Authorization": "Bearer x", "Cookie": f"{name}={good}"},
    ),
    ("another scheme than Bearer", lambda name, good: {"Authorization": ""}),
    ("a cookie that nobody was given", lambda name, good: {"Cookie": f"{name}={good[:-1]}"}),
    ("a cookie that nobody was given", lambda name, good: {"Cookie": f'{name}="\\303\\251"'}),
    ("a page of another site", lambda n, g: {"Cookie": f"{n}={g}", "Origin": "http://["}),
    ("a page of another site", lambda n, g: {"Cookie": f"{n}={g}", "Origin": "null"}),
    ("a page of another site", lambda n, g: {"Cookie": f"{n}={g}"}),
)


async def _try(http: httpx.AsyncClient, method: str, path: str, name: str, good: str) -> None:
    messages = promised("Logins")
    for case, make in (*LOGINS.items(), *MORE):
        http.cookies.clear()
        answer = await http.request(method, path, headers=make(name, good), json={})
        assert answer.status_code in (401, 403), f"{case}: {answer.text}"
        error = answer.json()["error"]
        check_said(f"{error['where']}: {error['what']} ({error['hint']})", messages[case])
        assert error["hint"], case
        assert good not in answer.text
        assert "x" * 100 not in answer.text


async def test_forged_logins_at_a_keeper(tmp_path: Path) -> None:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    clock = ManualClock(NOW)
    messages = promised("Logins")
    async with at_work(site, clock, FakeCameras(steady=True)) as work:
        name = cookie_name(f"keeper_{site.config.site}", site.config.port)
        wrong = await work.http.post("/login", data={"token": "guessed"})
        assert (wrong.status_code, wrong.cookies.get(name)) == (401, None)
        signed_in = await work.http.post("/login", data={"token": TOKEN})
        good = signed_in.cookies[name]
        await _try(work.http, "POST", "/api/resume", name, good)
        clock.advance(LOGIN_TTL_S + 1)
        late = await work.http.post("/api/stop", headers={"Cookie": f"{name}={good}"}, json={})
        check_said(late.json()["error"]["what"], messages["a cookie that nobody was given"])
        # A flood of guesses closes the door for a while, and for the owner's page alone.
        guesses = [await work.http.post("/login", data={"token": "x"}) for _ in range(9)]
        assert guesses[-1].status_code == 429
        assert (await work.http.get("/api/viewers", headers=OWNER)).json() == []
        await work.check_nothing_shared()


async def test_forged_logins_at_a_center(tmp_path: Path) -> None:
    async with running_town(tmp_path, SystemClock()) as center:
        name = cookie_name("center", center.port)
        async with center.client(None) as http:
            answer = await http.post(
                "/api/login", json={"account": "operator", "password": "beringin"}
            )
            good = answer.cookies[name]
            await _try(http, "POST", "/api/sessions", name, good)
            http.cookies.clear()
            for code in ("", "guessed", "%ff", new_token()):
                answer = await http.get(f"/signin?code={code}")
                assert (answer.status_code, answer.headers["location"]) == (303, "/login?code=used")
                assert not answer.cookies
            messages = promised("Sign-in at the center")
            for case, body in SIGN_INS.items():
                answer = await http.post("/api/login", content=body, headers=_JSON)
                error = answer.json()["error"]
                assert answer.status_code in (401, 422), case
                check_said(error["what"], messages[case])
                assert "rahasia" not in answer.text
            assert (await http.get("/api/health")).status_code == 200
        assert not any(gateway.sessions for gateway in center.town.gateways.values())


_JSON = {"Content-Type": "application/json"}
SIGN_INS = {
    "a wrong password": b'{"account": "operator", "password": "rahasia"}',
    "a field that is missing": b'{"account": "operator"}',
    "a field that is no text": b'{"account": 1, "password": ["rahasia"]}',
    "a body that is no JSON": b'{"password": "rahasia", ',
}
