"""What a ledger's newest entries say: read backwards, a page at a time, as far as is needed."""

from collections.abc import Iterator
from itertools import takewhile

from serambi.ledger.entry import Entry
from serambi.ledger.store import LedgerStore

_PAGE = 256


def newest_first(store: LedgerStore) -> Iterator[Entry]:
    """Every entry that is there now, the newest first. Raises what `LedgerStore.entries` raises."""
    end = store.size
    while end:
        start = max(0, end - _PAGE)
        yield from reversed(store.entries(start, end))
        end = start


def left_open(store: LedgerStore) -> list[Entry]:
    """The entries `session_opened` of views that ended with the process that died: opened and
    never closed since it last started; oldest first. Raises what `LedgerStore.entries` raises."""
    since_start = list(takewhile(lambda entry: entry.kind != "started", newest_first(store)))
    open_views: dict[str, Entry] = {}
    for entry in reversed(since_start):
        if entry.kind == "session_opened":
            open_views[entry.session] = entry
        elif entry.kind == "session_closed":
            open_views.pop(entry.session, None)
    return list(open_views.values())
