"""What the newest entries of a ledger say: all of them, backwards; and views that nobody closed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.identity.keys import SigningKey
from serambi.ledger.entry import Entry, EntryKind
from serambi.ledger.store import LedgerStore
from serambi.ledger.views import left_open, newest_first
from tests.builders import NOW

AT_MS = int(NOW * 1000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LedgerStore]:
    origin, key = "kpu/gudang-kpu/keeper", SigningKey.generate()
    with LedgerStore.open(tmp_path / "ledger", origin, key, ManualClock(NOW)) as opened:
        yield opened


def entry(kind: EntryKind, session: str = "") -> Entry:
    return Entry(kind=kind, at_ms=AT_MS, session=session)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
def test_every_entry_once_the_newest_first(store: LedgerStore, count: int) -> None:
    if count:
        store.append([entry("session_opened", str(number)) for number in range(count)])
    sessions = [int(each.session) for each in newest_first(store)]
    assert sessions == list(reversed(range(count)))


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ("", ""),
        ("oa ob oc", "abc"),
        ("oa ob ca oc", "bc"),
        ("oa ca", ""),
        ("oa ob s oc", "c"),
        ("oa s", ""),
        ("s oa s ob cb oc", "c"),
        ("oa ob ca oa", "ba"),
        ("ca oa", "a"),
    ],
    ids=str,
)
def test_views_that_ended_with_the_process(store: LedgerStore, told: str, left: str) -> None:
    kinds: dict[str, EntryKind] = {"o": "session_opened", "c": "session_closed", "s": "started"}
    if told:
        store.append([entry(kinds[each[0]], each[1:]) for each in told.split()])
    assert [each.session for each in left_open(store)] == list(left)
    assert all(each.kind == "session_opened" for each in left_open(store))


def test_a_refusal_opens_nothing(store: LedgerStore) -> None:
    store.append([entry("refused", "a"), entry("session_opened", "b"), entry("refused", "b")])
    assert [each.session for each in left_open(store)] == ["b"]
