"""The public addresses of a running center: what they show, what they never show, their limits."""

import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from serambi.base.clock import ManualClock
from serambi.center.public.charts import bars, terms
from serambi.center.public.document import Document
from serambi.identity.roster import read_roster
from serambi.ledger.checkpoint import parse_checkpoint
from serambi.ledger.entry import Entry, encode_entry
from serambi.ledger.figures import OPEN
from serambi.ledger.recount import Period, recount
from serambi.ledger.tiles import decode_bundle
from serambi.web.words import LANGUAGES
from tests.fakes.center_town import CENTER_PARTY, OWNERS
from tests.fakes.public_town import (
    HIDDEN,
    PERSON,
    agreement,
    deliver,
    entries_of,
    origin,
    public_town,
)
from tests.fakes.running import Running, running_town

NOON = 1_795_500_000.0  # 24 November 2026, 13.00 in Jakarta
LOG = f"/transparency/ledger/{CENTER_PARTY}/center"
ADDRESSES = (
    "/transparency",
    "/transparency.json",
    "/transparency.csv",
    "/transparency/roster.json",
    f"{LOG}/checkpoint",
    f"{LOG}/tile/entries/000.p/1",
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def center(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Running]:
    async with public_town(tmp_path, clock) as center:
        yield center


@pytest.fixture
async def public(center: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with center.client(None) as client:
        yield client


async def document(client: httpx.AsyncClient, **asked: str) -> Document:
    answer = (await client.get("/transparency.json", params=asked)).raise_for_status()
    return msgspec.json.decode(answer.content, type=Document)


@pytest.mark.parametrize("address", ADDRESSES)
async def test_open_to_everybody_and_without_script_or_cookie(
    public: httpx.AsyncClient, address: str
) -> None:
    answer = await public.get(address)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert answer.headers["cache-control"] == "public, max-age=10"
    assert "set-cookie" not in answer.headers
    assert "<script" not in answer.text
    assert PERSON not in answer.text


async def test_every_figure_is_a_recount(public: httpx.AsyncClient) -> None:
    found = await document(public)
    period = Period(found.start_ms, found.end_ms)
    for ledger in found.ledgers[1:]:
        site = ledger.origin.split("/")[1]
        entries = entries_of(site, int(NOON * 1000))
        assert ledger == msgspec.structs.replace(
            ledger, figures=recount(entries, period, found.counted_ms), first=0, upto=len(entries)
        )
    assert [ledger.origin for ledger in found.ledgers] == [
        f"{CENTER_PARTY}/center",
        origin("market"),
        origin("terminal"),
    ]
    assert (found.total.views, found.total.refused, len(found.total.stops)) == (4, 4, 4)
    assert sum(stop.end_ms == OPEN for stop in found.total.stops) == 2
    assert [(c.both, c.site_only, c.center_only) for c in found.compared] == [(2, 0, 0)] * 2
    assert (found.behind, len(found.total.outages)) == (0, 1)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_page_says_what_the_document_says(
    public: httpx.AsyncClient, language: str, theme: str
) -> None:
    page = (await public.get("/transparency", params={"lang": language, "theme": theme})).text
    assert f'lang="{language}" data-theme="{theme}"' in page
    assert {"id": "4,7", "en": "4.7"}[language] in page
    assert {"id": "Di luar jam berbagi", "en": "Outside the sharing hours"}[language] in page
    assert "{" not in page
    assert 'href="/transparency/agreements/' in page
    assert {"id": "10 Sep 2026 – 11 Sep 2026", "en": "10 Sep 2026"}[language] in page


async def test_no_person_and_no_camera_that_was_never_agreed(
    center: Running, public: httpx.AsyncClient
) -> None:
    pages = [(await public.get(address)).text for address in ADDRESSES]
    found = await document(public)
    shown = {camera.id for camera in found.cameras}
    assert shown == {camera.id for g in center.town.gateways.values() for camera in g.cameras}
    for page in pages[:2]:
        assert HIDDEN not in page
        assert "commitment:" not in page
    assert {stop.camera for stop in found.total.stops} <= shown
    assert {gone.camera for gone in found.total.deletions} == {"market-1", "terminal-1"}
    (waiting,) = found.waiting
    assert (waiting.missing, waiting.parties) == (tuple(OWNERS.values()), 3)
    assert "pks-2" not in pages[0] + pages[1]


async def test_a_session_of_the_log_opens_nothing(
    center: Running, public: httpx.AsyncClient
) -> None:
    wish = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}
    async with center.client() as operator:
        session = (await operator.post("/api/sessions", json=wish)).raise_for_status().json()["id"]
    for method, path in (
        ("DELETE", f"/api/sessions/{session}"),
        ("GET", f"/api/live/{session}"),
        ("GET", f"/api/sessions/{session}"),
    ):
        assert (await public.request(method, path)).status_code in (401, 404, 405)
    async with center.client() as operator:
        (still,) = (await operator.get("/api/sessions")).json()
    assert still["id"] == session


async def test_the_lines_are_the_leaves(public: httpx.AsyncClient) -> None:
    answer = await public.get("/transparency.csv")
    assert 'filename="transparency-2026-11.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == (await document(public)).total.entries
    for site in OWNERS:
        there = [row for row in rows if row["ledger"] == origin(site)]
        leaves = []
        for row in there:
            fields = {name: row[name] for name in Entry.__struct_fields__ if name in row}
            fields["at_ms"] = int(row["at_ms"])
            leaves.append(encode_entry(msgspec.convert(fields, Entry)))
        assert leaves == [encode_entry(e) for e in entries_of(site, int(NOON * 1000))]


async def test_a_formula_does_not_reach_a_spreadsheet(
    center: Running, public: httpx.AsyncClient
) -> None:
    entries = entries_of("terminal", int(NOON * 1000))
    bad = msgspec.structs.replace(entries[-1], kind="refused", unit="=1+1", reason="limit")
    await deliver(center.town, "terminal", [*entries, bad])
    assert ",'=1+1," in (await public.get("/transparency.csv")).text


async def test_it_is_counted_anew_after_ten_seconds_from_where_it_was(
    center: Running, public: httpx.AsyncClient, clock: ManualClock
) -> None:
    before = (await document(public)).total
    entries = entries_of("terminal", int(NOON * 1000))
    refused = msgspec.structs.replace(entries[3], at_ms=int(NOON * 1000), session="x")
    await deliver(center.town, "terminal", [*entries, refused])
    assert (await document(public)).total.refused == before.refused
    clock.advance(10)
    assert (await document(public)).total.refused == before.refused + 1


async def test_a_long_ledger_is_counted_in_turns_and_said_to_be_unfinished(
    center: Running,
    public: httpx.AsyncClient,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serambi.center.public.counting.RECOUNT_ENTRIES_PER_TURN", 20)
    found = await document(public)
    assert found.behind > 0
    assert found.compared == ()
    assert (
        str(found.behind)
        in re.findall(
            r'class="wait late">.*?</p>', (await public.get("/transparency")).text, re.DOTALL
        )[0]
    )
    for _ in range(3):
        clock.advance(10)
        found = await document(public)
    assert found.behind == 0


async def test_a_view_that_one_book_alone_knows_is_said(
    center: Running, public: httpx.AsyncClient, clock: ManualClock
) -> None:
    entries = entries_of("terminal", int(NOON * 1000))
    invented = msgspec.structs.replace(entries[2], session="secret", at_ms=int(NOON * 1000))
    await deliver(center.town, "terminal", [*entries, invented])
    clock.advance(120)
    found = await document(public)
    assert [(c.site, c.site_only) for c in found.compared if c.site_only] == [("terminal", 1)]
    page = (await public.get("/transparency", params={"lang": "en"})).text
    assert "1 views stand in one book alone" in page


async def test_agreements_with_text_and_signatures(
    center: Running, public: httpx.AsyncClient
) -> None:
    (line,) = (await document(public)).agreements
    assert (line.number, set(line.signed_by)) == ("pks-1", {CENTER_PARTY, *OWNERS.values()})
    page = (await public.get(f"/transparency/agreements/{line.digest}", params={"lang": "en"})).text
    for text in ("Traffic of the town", "face matching", "All parties have signed", line.digest):
        assert text in page
    raw = (await public.get(f"/transparency/agreements/{line.digest}.json")).content
    assert raw == (center.town.config.agreements / "pks-1.json").read_bytes()
    missing = await public.get(f"/transparency/agreements/{'0' * 64}")
    assert missing.status_code == 404


async def test_an_agreement_that_passes_through_is_kept_when_all_have_signed(
    tmp_path: Path,
) -> None:
    async with running_town(tmp_path) as center, center.client() as operator:
        town = center.town
        for parties in ((CENTER_PARTY,), tuple(town.parties)):
            await operator.post("/api/documents", content=agreement(town, "pks-9", parties))
        async with center.client(None) as public:
            lines = (await document(public)).agreements
    assert [line.number for line in lines if line.digest] == ["pks-9"]
    assert len(list(town.config.agreements.glob("*.json"))) == 1


async def test_the_centers_log_as_tiles(center: Running, public: httpx.AsyncClient) -> None:
    checkpoint, note = parse_checkpoint((await public.get(f"{LOG}/checkpoint")).content)
    for width in (1, checkpoint.size):
        raw = (await public.get(f"{LOG}/tile/entries/000.p/{width}")).raise_for_status().content
        assert len(decode_bundle(raw, "")) == width
        hashes = (await public.get(f"{LOG}/tile/0/000.p/{width}")).raise_for_status().content
        assert len(hashes) == 32 * width
    assert note.text.startswith(f"{CENTER_PARTY}/center\n")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{LOG}/tile/entries/000.p/200", 404),
        (f"{LOG}/tile/entries/001", 404),
        (f"{LOG}/tile/9/000.p/1", 404),
        (f"{LOG}/lock", 404),
        (f"{LOG}/../../key/key.pem", 404),
        (f"{LOG}/tile/entries/..%2f..%2f..%2fkey%2fkey.pem", 404),
        (f"/transparency/ledger/{origin('terminal')}/checkpoint", 404),
        ("/transparency?month=2026-13", 404),
        ("/transparency?month=2026-12", 404),
        ("/transparency?month=1999-01", 404),
        ("/transparency?month=%00", 404),
        ("/transparency.csv?month=x", 404),
        ("/transparency?month=2026-01", 200),
        ("/transparency?lang=xx&theme=%3Cscript%3E", 200),
        ("/transparency/agreements/..%2f..%2fcenter.db", 404),
    ],
)
async def test_odd_requests(public: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await public.get(path)
    assert answer.status_code == status
    assert "<script" not in answer.text


async def test_the_roster_is_the_partys(center: Running, public: httpx.AsyncClient) -> None:
    raw = (await public.get("/transparency/roster.json")).content
    assert read_roster(raw, center.town.roster.digest).digest == (await document(public)).roster


async def test_one_address_cannot_ask_for_ever(
    center: Running,
    public: httpx.AsyncClient,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serambi.center.public.limit.PUBLIC_REQUESTS_PER_MINUTE", 3)
    statuses = [(await public.get("/transparency")).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    clock.advance(60)
    assert (await public.get("/transparency")).status_code == 200


async def test_a_foreign_host_is_not_shown(public: httpx.AsyncClient) -> None:
    page = (await public.get("/transparency", headers={"Host": '"><b>x'})).text
    assert "<b>x" not in page


def test_bars_fit_their_drawing() -> None:
    drawn = bars([("a", 212.4, "212,4"), ("b", 106.2, "106,2"), ("c", 0.0, "0")])
    assert [bar.width for bar in drawn] == [1000, 500, 3]
    assert bars([]) == ()


def test_terms_lie_in_the_drawing() -> None:
    rows = [("now", 0.0, 100.0, ""), ("past", -50.0, 10.0, ""), ("later", 60.0, 90.0, "")]
    chart = terms(rows, 40.0, [-60.0, 25.0, 200.0])
    for row in chart.rows:
        assert 0 <= row.x <= row.x + row.past + row.left <= 1000
    assert (chart.rows[1].left, chart.rows[2].past) == (0, 0)
    assert (chart.now, chart.ticks) == (600, (500,))
    assert terms([], 40.0, []).rows == ()
