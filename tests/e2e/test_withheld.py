"""A revocation that the center keeps back, in a town of real processes: five parties' own, each
with its desk and a person in a browser profile of their own, a keeper, a courier, a center."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.async_api import expect
from websockets.exceptions import ConnectionClosed

from serambi.base.words import Words
from serambi.cli.layout import Layout
from serambi.identity.keys import SigningKey
from serambi.ledger.entry import Entry, decode_entry
from serambi.ledger.reader import TileReader, read_checkpoint, read_pending
from serambi.party.signing.accounts import Accounts
from serambi.sim.town import Town
from serambi.web.passwords import Passwords
from tests.crash.small_town import TALL, SmallTown, running_town, small_town
from tests.e2e.conftest import PATIENCE_MS
from tests.e2e.people import Person, chromium, people
from tests.fakes.hasty import HEARTBEAT_S
from tests.fakes.running import eventually
from tests.fakes.signing_town import ACCOUNT, QUICK, passphrase_of, password_of
from tests.fakes.withholding import Withholding, withholding
from tests.fakes.witnessed_town import PARTIES

pytestmark = [pytest.mark.browser]

TITLE = "Perjanjian k-1"
FIRST, REFUSES, REVOKES = "kpu", "rsud", "bawaslu"


def five_parties() -> Town:
    """One site; its only agreement is signed by the party that drafted it."""
    town = small_town()
    site, agreement = town.site[0], town.agreement[0]
    return replace(
        town,
        party=tuple(replace(town.party[0], id=name, name=Words(name, name)) for name in PARTIES),
        center=replace(town.center, party="polres"),
        site=(replace(site, owner=FIRST, witness=REVOKES, camera=site.camera[1:]),),
        agreement=(replace(agreement, signed_by=(FIRST,)),),
    )


def hasty(name: str, argv: Sequence[str]) -> Sequence[str]:
    """`argv` of a process of the town, in a hurry."""
    if name == "cameras":
        return argv
    python, _, serambi, *rest = argv
    assert (python, serambi) == (sys.executable, "serambi")
    return [python, "-m", "tests.fakes.hasty", *rest]


def put_between(layout: Layout, between: Withholding) -> None:
    """Have the parties find the withholding center; give each desk its person."""
    between.center = f"http://127.0.0.1:{layout.ports.center}"
    for party in PARTIES:
        home = layout.party(party)
        text = (home / "party.toml").read_text()
        assert between.center in text
        there = f"http://127.0.0.1:{between.port}"
        (home / "party.toml").write_text(text.replace(between.center, there))
        Accounts(home, Passwords(QUICK)).put(ACCOUNT, password_of(party))
        key = SigningKey.load(home / "key")
        for file in (home / "key").iterdir():
            file.unlink()
        key.save(home / "key", passphrase_of(party).encode())


@asynccontextmanager
async def real_town(folder: Path, between: Withholding) -> AsyncIterator[SmallTown]:
    """Its beginning and its end take seconds, in which `between` must go on."""
    town = running_town(
        folder,
        lambda layout: put_between(layout, between),
        wrap=hasty,
        town=five_parties(),
        witnesses=PARTIES,
    )
    running = await asyncio.to_thread(town.__enter__)
    try:
        yield running
    finally:
        await asyncio.to_thread(town.__exit__, None, None, None)


def entries(folder: Path) -> list[Entry]:
    """What a live ledger says, oldest first."""
    while True:
        before, _ = read_checkpoint(folder)
        pending = read_pending(folder, before.size)
        found = TileReader(folder, before.size).entries(0, before.size)
        if read_checkpoint(folder)[0].size == before.size:
            return found + [decode_entry(leaf) for one in pending for leaf in one.leaves]


async def all_but_one_sign(at: dict[str, Person]) -> None:
    """The one refuses first, for all to see."""
    await at[REFUSES].open(TITLE)
    await at[REFUSES].act("refusal", "The hospital's gate is in the picture")
    await at[REFUSES].stands("Refused by")

    async def sign(person: Person) -> None:
        await person.open(TITLE)
        await person.sign()
        await expect(person.page.locator(".sig.me")).to_contain_text("Signed")

    async with asyncio.TaskGroup() as group:
        for party in set(PARTIES) - {FIRST, REFUSES}:
            group.create_task(sign(at[party]))


async def all_shown(person: Person, what: str, count: int) -> None:
    """Look again until that stands on the paper so often: it comes from the others."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while await person.page.locator(what).count() != count:
            await person.page.reload()


@asynccontextmanager
async def watched(town: SmallTown, camera: str) -> AsyncIterator[list[float]]:
    """When pictures of a view came, as long as it lasts; the view is closed at the end."""
    session = await asyncio.to_thread(town.open_view, camera)
    came: list[float] = []

    async def watch() -> None:
        async with town.watching(session) as socket:
            try:
                while True:
                    message = await socket.recv()
                    if isinstance(message, bytes) and message[:1] == b"\x02":
                        came.append(time.time())
            except ConnectionClosed:
                return

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        yield came
        async with asyncio.timeout(10 * HEARTBEAT_S):
            await watching


async def test_a_withheld_revocation_ends_the_sharing_within_the_heartbeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.agreement.model.HEARTBEAT_MIN_S", HEARTBEAT_S)
    monkeypatch.setattr("serambi.cli.layout._HEARTBEAT_S", HEARTBEAT_S)
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())
        between = await stack.enter_async_context(withholding(TALL))
        town = await stack.enter_async_context(real_town(tmp_path, between))
        desks = {n: f"http://localhost:{port}" for n, port in town.layout.ports.desks.items()}
        at = await stack.enter_async_context(people(desks, browser))
        (camera,) = (c.id for c in town.layout.town.cameras if c.facing != "inside")

        def state() -> str:
            return str(town.cameras().get(camera, {}).get("state", ""))

        await all_but_one_sign(at)
        assert state() == "", "one signature is missing: the camera is not even named"
        await all_shown(at[REFUSES], ".sig.signed", len(PARTIES) - 1)
        await at[REFUSES].sign()
        await at[REFUSES].stands("In force until")
        await eventually(lambda: state() == "open")

        async with watched(town, camera) as came:
            await eventually(lambda: len(came) > 5)
            between.withholds = True
            await at[REVOKES].open(TITLE)
            await at[REVOKES].page.get_by_role("link", name="Revoke the agreement").click()
            revoked_at = time.time()
            await at[REVOKES].act("revoke")
            await at[REVOKES].stands("Revoked by")
            for party in set(PARTIES) - {REVOKES}:
                await at[party].open(TITLE)
                await all_shown(at[party], "[role=status]:has-text('Revoked by')", 1)
            # Whatever was said before this moment, nobody vouches for the site any more.
            all_know_at = time.time()

        def closed() -> list[Entry]:
            said = entries(town.layout.keeper(TALL) / "ledger")
            return [entry for entry in said if entry.kind == "session_closed"]

        await eventually(closed)
        (end,) = closed()
        assert end.reason == "unwitnessed"
        print(f"ended {end.at_ms / 1000 - revoked_at:.1f} s after the revocation")
        assert revoked_at < came[-1]
        assert end.at_ms / 1000 <= all_know_at + HEARTBEAT_S
        assert between.kept
        assert between.carried, "the center carried whatever keeps the view open"
        await eventually(lambda: state() == "unwitnessed")

        between.withholds = False
        await eventually(lambda: state() == "revoked")
