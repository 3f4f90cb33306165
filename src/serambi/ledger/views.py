"""What a ledger's newest entries say: read backwards, a page at a time, as far as is needed."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from math import inf

from serambi.ledger.entry import Entry
from serambi.ledger.store import LedgerStore

_PAGE = 256
_HOLDS = frozenset({"stopped", "suspended"})
_LIFTS = frozenset({"resumed", "restored"})
HOLD_KINDS = _HOLDS | _LIFTS


def newest_first(store: LedgerStore) -> Iterator[Entry]:
    """Every entry that is there now, the newest first. Raises what `LedgerStore.entries` raises."""
    end = store.size
    while end:
        start = max(0, end - _PAGE)
        yield from reversed(store.entries(start, end))
        end = start


def shut_spans(entries: Iterable[Entry], camera: str) -> list[tuple[float, float]]:
    """When a camera that is not held now was held: stopped by the owner, or its view suspended.
    `entries`: the newest ones in order, with `camera` where it is meant and "" for the whole site;
    what they begin by lifting was held before them. Unix seconds, the first from 0 if unknown."""
    spans: list[tuple[float, float]] = []
    held: dict[str, float] = {}
    begun: set[str] = set()
    for entry in entries:
        if entry.camera not in ("", camera) or entry.kind not in HOLD_KINDS:
            continue
        at = entry.at_ms / 1000
        what = "view" if entry.kind in ("suspended", "restored") else f"stop {entry.camera}"
        if entry.kind in _HOLDS:
            held.setdefault(what, at)
        else:
            # The whole site's resumption lifts the stops of its cameras too.
            over = {what, f"stop {camera}"} if what == "stop " else {what}
            since = [held.pop(one) for one in over if one in held]
            if not since and what not in begun:
                since = [0.0]
            spans += [(one, at) for one in since]
            begun |= over
        begun.add(what)
    spans += [(at, inf) for at in held.values()]
    return sorted(spans)


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
