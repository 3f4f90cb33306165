"""Saved layouts and numbered monitors: the room's, over HTTP, limited, there after a restart."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import SerambiError
from serambi.base.limits import LAYOUTS_MAX, MONITORS_MAX
from serambi.center.accounts import Role
from serambi.center.desk.steps import Draft, Step
from serambi.center.desk.walls import Arrangement, Walls
from tests.fakes.running import Running, messages, running, running_town

GATE = {"name": "Gate", "tiles": 4, "cameras": ["terminal-1", "market-1"], "turn_s": 0}


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_town(tmp_path) as center:
        yield center


@pytest.fixture
async def operator(center: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with center.client() as client:
        yield client


def kept(draft: Draft, number: int) -> Step:
    return Step(1, draft.stream, draft.subject, number, 0, None, draft.body)


async def post(client: httpx.AsyncClient, path: str, body: object) -> Any:
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def walls(client: httpx.AsyncClient) -> Any:
    return (await client.get("/api/walls")).raise_for_status().json()


async def test_what_one_saves_the_whole_room_has(
    center: Running, operator: httpx.AsyncClient
) -> None:
    gate = await post(operator, "/api/layouts", GATE)
    assert gate["number"] == 1
    assert gate["by"]["account"] == Role.OPERATOR
    async with center.client(Role.COMMANDER) as commander:
        assert (await walls(commander))["layouts"] == [gate]
        changed = GATE | {"name": "Gate and market", "tiles": 1, "turn_s": 20}
        again = await post(commander, f"/api/layouts/{gate['id']}", changed)
    (found,) = (await walls(operator))["layouts"]
    assert found == again
    assert (found["number"], found["name"], found["tiles"], found["turn_s"]) == (
        *(1, "Gate and market"),
        *(1, 20),
    )


async def test_a_monitor_shows_what_it_was_told_until_that_is_removed(
    operator: httpx.AsyncClient,
) -> None:
    gate = (await post(operator, "/api/layouts", GATE))["id"]
    market = (await post(operator, "/api/layouts", GATE | {"name": "Market"}))["id"]
    for number, layout in ((2, gate), (MONITORS_MAX, market), (3, gate), (3, "")):
        shown = await post(operator, f"/api/monitors/{number}", {"layout": layout})
    told = [(one["number"], one["layout"]) for one in shown["monitors"]]
    assert told == [(2, gate), (MONITORS_MAX, market)]
    assert (await operator.delete(f"/api/layouts/{gate}")).status_code == 204
    left = await walls(operator)
    assert [one["layout"] for one in left["monitors"]] == [market]
    assert [one["id"] for one in left["layouts"]] == [market]
    for path, body in (
        (f"/api/layouts/{gate}", GATE),
        ("/api/monitors/1", {"layout": gate}),
    ):
        answer = await operator.post(path, json=body)
        assert answer.status_code == 404
        assert "no such layout" in answer.json()["error"]["what"]
    assert (await operator.delete(f"/api/layouts/{gate}")).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "status", "what"),
    [
        ({"cameras": ["nobody's"]}, 404, "there is no camera nobody's"),
        ({"cameras": ["terminal-1", "terminal-1"]}, 400, "named twice"),
        ({"cameras": []}, 422, ""),
        ({"cameras": ["terminal-1"] * 65}, 422, ""),
        ({"tiles": 5}, 422, ""),
        ({"turn_s": 9}, 422, ""),
        ({"turn_s": 601}, 422, ""),
        ({"name": ""}, 422, ""),
        ({"more": 1}, 422, ""),
    ],
)
async def test_what_is_no_layout_is_not_saved(
    operator: httpx.AsyncClient, wrong: dict[str, object], status: int, what: str
) -> None:
    answer = await operator.post("/api/layouts", json=GATE | wrong)
    assert answer.status_code == status, answer.text
    assert what in answer.text
    assert (await walls(operator))["layouts"] == []


@pytest.mark.parametrize("number", [0, MONITORS_MAX + 1, "x"])
async def test_there_is_no_such_monitor(operator: httpx.AsyncClient, number: object) -> None:
    answer = await operator.post(f"/api/monitors/{number}", json={"layout": ""})
    assert answer.status_code == 422


async def test_screens_hear_of_it(center: Running, operator: httpx.AsyncClient) -> None:
    async with center.socket("/api/events") as socket:
        before = [json.loads(one) for one in await messages(socket, 3)]
        assert [one["walls"] for one in before if one["type"] == "desk"] == [0]
        await post(operator, "/api/layouts", GATE)
        told = {"type": "beat"}
        while told["type"] == "beat":
            told = json.loads((await messages(socket, 1))[0])
        assert told["type"] == "desk", "a layout does not send the whole town again"
        assert told["walls"]


async def test_they_are_there_after_a_restart(tmp_path: Path) -> None:
    async with running_town(tmp_path) as center, center.client() as client:
        gate = await post(client, "/api/layouts", GATE)
        gone = await post(client, "/api/layouts", GATE | {"name": "Gone"})
        await post(client, "/api/monitors/7", {"layout": gate["id"]})
        await client.delete(f"/api/layouts/{gone['id']}")
        before = await walls(client)
    async with running(center.town) as again, again.client() as client:
        assert await walls(client) == before
        assert before["monitors"][0]["number"] == 7


def test_there_is_an_end_to_layouts() -> None:
    found = Walls()
    said = Arrangement(name="n", tiles=1, cameras=("a",))
    for number in range(LAYOUTS_MAX):
        for draft in found.save(str(number), said, new=True):
            found.apply(kept(draft, number))
    with pytest.raises(SerambiError, match="at most"):
        found.save("more", said, new=True)
    # One that is there may still be changed, and one less makes room.
    assert found.save("0", said, new=False)
    for draft in found.remove("0"):
        found.apply(kept(draft, 0))
    assert found.save("more", said, new=True)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("save", "remove", "show", "clear")),
            st.integers(1, 3),
            st.integers(0, 2),
        )
    )
)
def test_a_monitor_never_shows_what_is_not_saved(acts: list[tuple[str, int, int]]) -> None:
    found, model = Walls(), dict[int, str]()
    saved: set[str] = set()
    for what, monitor, index in acts:
        layout = str(index)
        try:
            if what == "save":
                new = layout not in saved
                drafts = found.save(layout, Arrangement(name="n", tiles=1, cameras=("a",)), new=new)
                saved.add(layout)
            elif what == "remove":
                drafts = found.remove(layout)
                saved.discard(layout)
            else:
                drafts = found.show(monitor, layout if what == "show" else "")
                model[monitor] = layout if what == "show" else ""
        except SerambiError:
            assert layout not in saved
            continue
        for draft in drafts:
            found.apply(kept(draft, index))
    shown = {one.number: one.layout for one in found.monitors()}
    assert shown == {number: one for number, one in model.items() if one in saved}
    assert {one.id for one in found.layouts()} == saved
