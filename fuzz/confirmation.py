"""A confirmation, which lets a camera be shared again: as a file, and behind good signatures.

The first byte says whether the rest is a whole file or a document, and who then signs it: a
confirmation is believed from the owner with another party and from nobody else.
"""

from collections.abc import Iterator
from random import Random

from fuzz import _json
from fuzz._target import Target, require
from fuzz._town import town
from serambi.agreement.confirmation import (
    CONFIRMATION_TYPE,
    Confirmation,
    read_confirmation,
    seal_confirmation,
)
from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant
from serambi.identity import dsse
from tests.builders import SITE

_SIGNERS: tuple[tuple[str, ...], ...] = (
    (), ("kpu", "bawaslu"), ("kpu",), ("bawaslu", "polres"), ("kpu", "kpu"),
)  # fmt: skip
_FILE = 0


def seeds() -> Iterator[bytes]:
    said = Confirmation(1, SITE, "cam-1", "ab" * 32, "2026-11-23T10:40:00Z")
    yield bytes([_FILE]) + seal_confirmation(said, town().sign_keys(("kpu", "bawaslu")))
    yield bytes([_FILE]) + seal_confirmation(said, town().sign_keys(("polres",)))
    for number in range(1, len(_SIGNERS)):
        yield bytes([number]) + encode(said)


def check(raw: bytes) -> None:
    if not raw:
        return
    mode, body = raw[0] % len(_SIGNERS), raw[1:]
    if mode != _FILE:
        keys = town().sign_keys(_SIGNERS[mode])
        body = dsse.dump(dsse.sign(CONFIRMATION_TYPE, _json.canonical(body), keys))
    try:
        signed = read_confirmation(body, town().roster)
    except SerambiError as error:
        require(error.kind is not Kind.DENIED or mode != 1 or _unowned(body), "denied, but signed")
        raise
    require(mode in (_FILE, 1), "believed without the owner and another")
    require(len(signed.signed_by) >= 2 and "kpu" in signed.signed_by, "believed, signed by whom")
    require(encode(signed.confirmation) == dsse.load(body).payload, "it has a second spelling")
    require(instant(signed.confirmation.at, "at") == signed.at, "it was said at another time")


def _unowned(body: bytes) -> bool:
    """Whether the site that it speaks of is nobody's."""
    return b'"site":"%s"' % SITE.encode() not in dsse.load(body).payload


def mutate(raw: bytes, rng: Random) -> bytes | None:
    return _json.mutate(raw, rng, prefix_bytes=1)


TARGET = Target(
    ("serambi.agreement.confirmation", "serambi.identity.dsse", "serambi.base.canonical"),
    seeds,
    check,
    mutate=mutate,
)
