"""A town whose keys are the same in every run, so that kept inputs stay worth keeping."""

import hashlib
import itertools
from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serambi.identity.keys import SigningKey
from tests.builders import Town, make_roster


def numbered_keys(seed_text: bytes = b"a key for fuzzing %d") -> Callable[[], SigningKey]:
    """Makes the same keys in every run; another row of them for another `seed_text`."""
    numbers = itertools.count()

    def new_key() -> SigningKey:
        seed = hashlib.sha256(seed_text % next(numbers)).digest()
        return SigningKey(Ed25519PrivateKey.from_private_bytes(seed))

    return new_key


@cache
def town() -> Town:
    """Three parties, one site; as the tests build it."""
    return make_roster(new_key=numbered_keys())
