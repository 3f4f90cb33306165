"""Mutations of JSON documents along their structure, written back in canonical form.

Bytes at random spoil the encoding and get no further; these stay documents and reach the checks
behind it.
"""

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import rfc8785

_ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 59, 61, 2**31, 2**53 - 1, -(2**53), 0.5, 1e300, "", "*", "..",
    "x" * 65, "x" * 600, "\0", "\u2028", "a\nb", "é", "inside", "live", "2026-02-30T00:00:00Z",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-23T10:40:00Z", "00:00", "24:00",
    "23:59", "UTC", "Asia/Jakarta", "America/Nuuk", "Etc/GMT+12", "cam-1", "kpu", "polres",
    "gudang-kpu", "0" * 32, "ab" * 32, [], {}, [[]], [0], {"x": 0},
)  # fmt: skip


def change(document: Any, rng: Random, odd: tuple[Any, ...] = _ODD) -> Any:
    """The document with one or a few of its parts replaced, left out, doubled or exchanged;
    `odd` is what parts are replaced by."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        parts = [(holder, key) for holder, key in _parts(document)]
        if not parts:
            return copy.deepcopy(rng.choice(odd))
        holder, key = rng.choice(parts)
        act = rng.randrange(6)
        if act == 0:
            del holder[key]
        elif act == 1 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif act == 2:
            other, name = rng.choice(parts)
            holder[key] = copy.deepcopy(other[name])
        elif act == 3 and isinstance(holder, dict):
            holder[rng.choice(("format", "extra", "x" * 300))] = copy.deepcopy(rng.choice(odd))
        elif act == 4 and isinstance(holder[key], str):
            holder[key] = _text(holder[key], rng)
        else:
            holder[key] = copy.deepcopy(rng.choice(odd))
    return document


def mutate(raw: bytes, rng: Random, prefix_bytes: int = 0) -> bytes | None:
    """As `Target.mutate`, for a document behind a prefix that is kept."""
    try:
        return raw[:prefix_bytes] + encoded(change(json.loads(raw[prefix_bytes:]), rng))
    except (ValueError, RecursionError):
        return None


def encoded(document: Any) -> bytes:
    """Canonical where there is such a form, plain JSON where not."""
    try:
        return rfc8785.dumps(document)
    except rfc8785.CanonicalizationError:
        return json.dumps(document).encode()


def canonical(raw: bytes) -> bytes:
    """The same document in canonical form; what is none stays as it is."""
    try:
        return encoded(json.loads(raw))
    except (ValueError, RecursionError):
        return raw


def _parts(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in the document: what holds it, and its key or index there."""
    if isinstance(document, dict | list):
        keys = list(document) if isinstance(document, dict) else range(len(document))
        for key in keys:
            yield document, key
            yield from _parts(document[key])


def _text(text: str, rng: Random) -> str:
    at = rng.randrange(len(text) + 1)
    act = rng.randrange(3)
    if act == 0:
        return text[:at] + text[at + 1 :]
    if act == 1:
        return text[:at] + rng.choice("0159azAZ-_/:. \0é\U0001f600\ud800") + text[at:]
    return text * 2
