"""Which views a ledger leaves open: opened and never closed, since the process last started."""

from serambi.ledger.entry import Entry
from serambi.ledger.store import LedgerStore

_PAGE = 256


def left_open(store: LedgerStore) -> list[Entry]:
    """The entries `session_opened` of views that ended with the process that died, oldest first.
    Raises what `LedgerStore.entries` raises."""
    open_views: dict[str, Entry] = {}
    for entry in _since_last_start(store):
        if entry.kind == "session_opened":
            open_views[entry.session] = entry
        elif entry.kind == "session_closed":
            open_views.pop(entry.session, None)
    return list(open_views.values())


def _since_last_start(store: LedgerStore) -> list[Entry]:
    found: list[Entry] = []
    end = store.size
    while end:
        start = max(0, end - _PAGE)
        for entry in reversed(store.entries(start, end)):
            if entry.kind == "started":
                return found[::-1]
            found.append(entry)
        end = start
    return found[::-1]
