"""One-time codes by which a newcomer is known: twelve characters that a person reads aloud.

Pure. A code never lies anywhere: a key pair is derived from it, whoever gave the code keeps the
public half, whoever got it signs with the private one. So a request that is seen on its way can
be neither altered nor made anew. Who may use a code how often is kept elsewhere.
"""

import hashlib
import secrets
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey

_SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O and U, so that nothing is mistaken for something else."""
_MEANT = str.maketrans({"I": "1", "L": "1", "O": "0"})
_RANDOM_CHARACTERS = 11
"""55 bits; each guess costs `_COST` rounds of scrypt, and the door allows five."""
_COST = 2**15
_GROUP = 4


def new_code(draw: Callable[[int], int] = secrets.randbelow) -> str:
    """A fresh code, `ABCD-EFGH-JKMN`; its last character tells a slip from a wrong code."""
    values = [draw(len(_SYMBOLS)) for _ in range(_RANDOM_CHARACTERS)]
    return in_groups("".join(_SYMBOLS[value] for value in (*values, _check(values))))


def read_code(text: str) -> str:
    """What a person typed -> the code as `new_code` writes it; spaces, dashes and case do not
    matter. Raises `BAD_INPUT` for anything that cannot be a code."""
    typed = "".join(text.split()).replace("-", "").upper().translate(_MEANT)
    values = [_SYMBOLS.find(character) for character in typed[: _RANDOM_CHARACTERS + 2]]
    if len(values) != _RANDOM_CHARACTERS + 1 or -1 in values or _check(values[:-1]) != values[-1]:
        raise SerambiError(
            Kind.BAD_INPUT,
            "this is not a code: a character is wrong or missing",
            where="code",
            hint="have it read to you once more; it has three groups of four",
        )
    return in_groups(typed)


def code_key(code: str, party: str) -> SigningKey:
    """The key that stands for `code` when `party` enrolls. Slow on purpose (about 0.1 s)."""
    salt = f"serambi enrollment of {party}".encode()
    seed = hashlib.scrypt(
        read_code(code).encode(), salt=salt, n=_COST, r=8, p=1, maxmem=2**26, dklen=32
    )
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed))


def in_groups(text: str) -> str:
    """`abcdefgh` -> `abcd-efgh`."""
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def _check(values: list[int]) -> int:
    """Odd weights, so that any one wrong character shows."""
    return sum((2 * at + 1) * value for at, value in enumerate(values)) % len(_SYMBOLS)
