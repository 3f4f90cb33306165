"""Ed25519 keys and the folders they live in.

A key is named by its `key_id`: the first 32 hexadecimal digits of the SHA-256 of the raw public
key. Whom a key belongs to is the roster's business.
"""

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically

_PRIVATE = "key.pem"
_PUBLIC = "public.pem"
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"

_P = 2**255 - 19
_ORDER_8_Y = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER_Y = {0, 1, _P - 1, _ORDER_8_Y, _P - _ORDER_8_Y}
"""The y of the eight points of small order: under such a key one signature fits many messages."""


class VerifyKey:
    """A public key."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.raw: bytes = key.public_bytes_raw()
        self.key_id: str = hashlib.sha256(self.raw).hexdigest()[:32]

    @classmethod
    def from_raw(cls, raw: bytes) -> "VerifyKey":
        """32 bytes -> key; raises `BAD_INPUT` for anything else, for a point of small order and
        for a second spelling of a point."""
        y = int.from_bytes(raw, "little") & (2**255 - 1)
        if y >= _P or y in _SMALL_ORDER_Y:
            raise SerambiError(Kind.BAD_INPUT, "an Ed25519 key of small order or odd encoding")
        try:
            return cls(Ed25519PublicKey.from_public_bytes(raw))
        except (ValueError, TypeError) as error:
            raise SerambiError(Kind.BAD_INPUT, f"not an Ed25519 public key: {error}") from error

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` (64 bytes) over `message` was made by this key."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"VerifyKey({self.key_id})"


class SigningKey:
    """A private key. Its bytes are never shown, logged or compared."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = VerifyKey(key.public_key())

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, folder: Path, passphrase: bytes | None = None) -> "SigningKey":
        """Read `key.pem` of `folder`. Raises `NOT_FOUND`, `DENIED` (readable by others) or
        `CORRUPT` (not an Ed25519 key, wrong passphrase)."""
        path = folder / _PRIVATE
        try:
            if path.stat().st_mode & 0o077:
                raise SerambiError(
                    Kind.DENIED,
                    "the key file can be read by others",
                    where=str(path),
                    hint=f"chmod 600 {path}",
                )
            raw = path.read_bytes()
        except OSError as error:
            raise SerambiError(
                Kind.NOT_FOUND,
                f"the key cannot be read: {error.strerror}",
                where=str(path),
                hint="copy it there from where it is kept safe",
            ) from error
        try:
            key = serialization.load_pem_private_key(raw, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SerambiError(
                Kind.CORRUPT,
                "the key file is damaged or its passphrase is wrong",
                where=str(path),
                hint="restore it from where it is kept safe",
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SerambiError(Kind.CORRUPT, "the key is not an Ed25519 key", where=str(path))
        return cls(key)

    def save(self, folder: Path, passphrase: bytes | None = None) -> None:
        """Write `key.pem` (0600) and `public.pem` into `folder`; an existing key is kept:
        raises `CONFLICT` rather than replace it."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _PRIVATE
        if os.path.lexists(path):
            raise SerambiError(Kind.CONFLICT, "there is a key already", where=str(path))
        how: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase:
            how = serialization.BestAvailableEncryption(passphrase)
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how
        )
        write_atomically(path, pem, mode=0o600)
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_atomically(folder / _PUBLIC, public)

    @property
    def key_id(self) -> str:
        return self.public.key_id

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"


def load_public(folder: Path) -> VerifyKey:
    """The public half in `folder` (`public.pem`), which needs no passphrase. Raises `NOT_FOUND`,
    or `CORRUPT` when it is not an Ed25519 key."""
    path = folder / _PUBLIC
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise SerambiError(
            Kind.NOT_FOUND, f"the key cannot be read: {error.strerror}", where=str(path)
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SerambiError(Kind.CORRUPT, "this is not a public key", where=str(path)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SerambiError(Kind.CORRUPT, "the key is not an Ed25519 key", where=str(path))
    return VerifyKey(key)


def is_encrypted(folder: Path) -> bool:
    """Whether the `key.pem` of `folder` needs a passphrase. Raises `NOT_FOUND`."""
    try:
        with (folder / _PRIVATE).open("rb") as file:
            return file.read(len(_ENCRYPTED)) == _ENCRYPTED
    except OSError as error:
        raise SerambiError(
            Kind.NOT_FOUND,
            f"the key cannot be read: {error.strerror}",
            where=str(folder / _PRIVATE),
            hint="copy it there from where it is kept safe",
        ) from error
