"""A passkey's device in software, which answers as told, and lies as told."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def raw(said: str) -> bytes:
    return urlsafe_b64decode(said + "===")


@dataclass
class Device:
    """One P-256 credential. What is set here goes into its answers, right or wrong."""

    origin: str
    rp_id: str = "localhost"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    step: int = 1
    cross_origin: bool = False
    algorithm: int = -7
    handle: str | None = None
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: dict[str, Any], kind: str = "webauthn.create") -> dict[str, Any]:
        """The answer to `options` of a registration."""
        self.handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        public: dict[int, int | bytes] = {1: 2, 3: self.algorithm, -1: 1}
        public |= {-2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(public)
        authenticator = self._authenticator(ATTESTED) + attested
        attestation = {"fmt": "none", "attStmt": {}, "authData": authenticator}
        return self._credential(
            clientDataJSON=text(self._client(options, kind)),
            attestationObject=text(cbor2.dumps(attestation)),
        )

    def get(self, options: dict[str, Any], kind: str = "webauthn.get") -> dict[str, Any]:
        """The answer to `options` of a sign-in."""
        client = self._client(options, kind)
        authenticator = self._authenticator()
        signed = authenticator + hashlib.sha256(client).digest()
        answer = {
            "clientDataJSON": text(client),
            "authenticatorData": text(authenticator),
            "signature": text(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
        }
        if self.handle is not None:
            answer["userHandle"] = self.handle
        return self._credential(**answer)

    def _client(self, options: dict[str, Any], kind: str) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps({**said, "crossOrigin": self.cross_origin}).encode()

    def _authenticator(self, more: int = 0) -> bytes:
        self.count += self.step
        head = hashlib.sha256(self.rp_id.encode()).digest() + bytes([self.flags | more])
        return head + self.count.to_bytes(4, "big")

    def _credential(self, **response: str) -> dict[str, Any]:
        name = text(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
