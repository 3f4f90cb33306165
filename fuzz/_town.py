"""A town whose keys are the same in every run, so that kept inputs stay worth keeping."""

import hashlib
import itertools
from collections.abc import Callable
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serambi.identity.keys import SigningKey
from tests.builders import Town, make_roster


def _numbered_keys() -> Callable[[], SigningKey]:
    numbers = itertools.count()

    def new_key() -> SigningKey:
        seed = hashlib.sha256(b"a key for fuzzing %d" % next(numbers)).digest()
        return SigningKey(Ed25519PrivateKey.from_private_bytes(seed))

    return new_key


@cache
def town() -> Town:
    """Three parties, one site; as the tests build it."""
    return make_roster(new_key=_numbered_keys())
