"""The analyst: what it is told, what it answers, how it keeps to its budget."""

import contextlib
import json
import socket
import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.analytics.engine import EVERY_S
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ANALYST_MESSAGE_MAX_BYTES
from serambi.keeper.analysis.child import Analyst, Pace, serve
from serambi.keeper.analysis.messages import (
    Config,
    FromAnalyst,
    Happened,
    Load,
    Moved,
    Seen,
    ToAnalyst,
    Trouble,
    Unit,
    Watch,
    check_length,
    for_analyst,
    frame,
    from_analyst,
    length_of,
)
from tests.fakes.films import approved, film

CAM = "cam-1"
WATCH = Watch(CAM, (approved("gate"),), "", "Asia/Jakarta")


def sent(message: ToAnalyst) -> bytes:
    return frame(message)[4:]


def config(scene: str) -> Config:
    found = film(scene)[0]
    return Config(CAM, found.codec, found.record)


def look(analyst: Analyst, scene: str, at_s: float, *, dark: bool = False) -> list[FromAnalyst]:
    """Show it the first picture of a place."""
    unit = film(scene, dark=dark)[1][0]
    return analyst.handle(sent(Unit(CAM, True, at_s, 0, unit.data)))


def watching(watch: Watch = WATCH, scene: str = "gate") -> Analyst:
    analyst = Analyst(0.5)
    assert analyst.handle(sent(watch)) == []
    assert analyst.handle(sent(config(scene))) == []
    return analyst


def sights(analyst: Analyst, scenes: list[str], *, dark: bool = False) -> list[str]:
    answers = []
    for number, scene in enumerate(scenes):
        answers += look(analyst, scene, number * 2.0, dark=dark)
    return [answer.sight for answer in answers if isinstance(answer, Seen)]


def test_the_approved_view_matches() -> None:
    assert sights(watching(), ["gate"] * 4) == ["match"] * 4


def test_another_place_is_a_change_once_it_is_certain() -> None:
    analyst = watching()
    found = sights(analyst, ["gate", "dock", "dock", "dock", "dock"])
    assert found[0] == "match"
    assert found[-1] == "changed"
    assert sights(analyst, ["gate"]) == ["changed"], "only a confirmation undoes it"
    analyst.handle(sent(WATCH))
    analyst.handle(sent(config("gate")))
    assert sights(analyst, ["gate"]) == ["match"]


def test_darkness_cannot_be_told_and_passes() -> None:
    analyst = watching()
    assert sights(analyst, ["gate"] * 5, dark=True)[-1] == "undecidable"
    later = [look(analyst, "gate", 20.0 + n * 2.0) for n in range(2)]
    assert [a.sight for each in later for a in each if isinstance(a, Seen)][-1] == "match"


def test_the_picture_that_did_not_match_comes_along_once() -> None:
    analyst = watching()
    answers = [a for n in range(5) for a in look(analyst, "dock", n * 2.0)]
    pictures = [a.picture for a in answers if isinstance(a, Seen) and a.picture]
    assert len(pictures) == 1
    assert pictures[0].startswith(b"\xff\xd8")


def test_what_follows_a_key_picture_is_looked_at_for_rules_alone() -> None:
    delta = film("gate")[1][1]
    message = sent(Unit(CAM, False, 0.2, 0, delta.data))
    assert watching().handle(message) == []
    rules = json.dumps({"rules": [{"rule": "motion"}]})
    ruled = watching(Watch(CAM, (), rules, "Asia/Jakarta"))
    ruled.handle(message)  # before a key picture: nothing to decode it with
    moved = [
        answer
        for n in range(12)
        for answer in ruled.handle(sent(Unit(CAM, n == 0, n * 0.2, 0, film("gate")[1][n % 5].data)))
        if isinstance(answer, Moved)
    ]
    assert [answer.second for answer in moved] == [0, 1]


def test_a_camera_nobody_announced_is_left_alone() -> None:
    analyst = Analyst(0.5)
    assert analyst.handle(sent(config("gate"))) == []
    assert look(analyst, "gate", 0.0) == []


@pytest.mark.parametrize(
    ("watch", "why"),
    [
        (Watch(CAM, (b"no picture",), "", "Asia/Jakarta"), "approved picture cannot be read"),
        (Watch(CAM, (b"",), "", "Asia/Jakarta"), "approved picture cannot be read"),
        (Watch(CAM, (), '{"rules": [{"rule": "faces"}]}', "Asia/Jakarta"), "not rules"),
        (Watch(CAM, (), '{"rules": [{"rule": "zone", "zone": "x"}]}', "Asia/Jakarta"), "no zone"),
        (Watch(CAM, (), "", "Mars/Olympus"), "crashed"),
    ],
)
def test_what_cannot_be_used_is_said_and_the_others_go_on(watch: Watch, why: str) -> None:
    analyst = Analyst(0.5)
    (answer,) = analyst.handle(sent(watch))
    assert isinstance(answer, Trouble)
    assert why in answer.what
    other = msgspec.structs.replace(WATCH, camera="cam-2")
    assert analyst.handle(sent(other)) == []
    assert look(analyst, "gate", 0.0) == []


def test_a_broken_picture_is_no_answer() -> None:
    analyst = watching()
    assert analyst.handle(sent(Unit(CAM, True, 0.0, 0, b"\0\0\0\4junk"))) == []
    assert sights(analyst, ["gate"]) == ["match"]


def test_over_its_budget_it_looks_less_often_and_comes_back_slowly() -> None:
    pace = Pace(0.5)
    pace.used(1.0)
    assert pace.every_s == pytest.approx(2 * EVERY_S)
    pace.used(5.0)
    assert pace.every_s == 1.0
    pace.used(0.01)
    assert pace.every_s == pytest.approx(0.8)
    for _ in range(20):
        pace.used(0.01)
    assert pace.every_s == EVERY_S


def test_it_answers_over_the_socket_and_ends_with_the_keeper() -> None:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs, 0.5))
    thread.start()
    with ours, ours.makefile("rb") as answers:
        unit = Unit(CAM, True, 0.0, 0, film("gate")[1][0].data)
        ours.sendall(frame(WATCH) + frame(config("gate")) + frame(unit))
        length = length_of(answers.read(4))
        answer = from_analyst(answers.read(length))
        ours.sendall(b"\0\0")  # and dies in the middle of a word
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(answer, Seen)
    assert answer.sight == "match"


texts, floats = st.text(max_size=20), st.floats(0, 1e6)


@given(
    st.one_of(
        st.builds(Seen, texts, st.sampled_from(("match", "changed")), *[floats] * 3, st.binary()),
        st.builds(
            Happened, *[texts] * 4, *[floats] * 2, st.tuples(*[floats] * 4), floats, st.booleans()
        ),
        st.builds(Moved, texts, st.integers(0, 1 << 40), st.binary()),
        st.builds(Trouble, texts, texts),
        st.builds(Load, floats, floats, st.integers(0, 1 << 40)),
    )
)
def test_answers_come_back_as_they_were(answer: FromAnalyst) -> None:
    raw = frame(answer)
    assert length_of(raw[:4]) == len(raw) - 4
    assert from_analyst(raw[4:]) == answer


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(raw: bytes) -> None:
    for read in (for_analyst, from_analyst):
        with contextlib.suppress(SerambiError):
            read(raw)


def test_a_message_has_an_end() -> None:
    check_length(ANALYST_MESSAGE_MAX_BYTES)
    for call in (
        lambda: length_of(b"\xff\xff\xff\xff"),
        lambda: frame(Trouble(CAM, "x" * (ANALYST_MESSAGE_MAX_BYTES + 1))),
    ):
        with pytest.raises(SerambiError) as caught:
            call()
        assert caught.value.kind is Kind.LIMIT
