"""Passkeys of the people at the center: asked for, judged, kept.

A passkey proves two factors at once: the device that holds it, and whoever unlocks that device,
because user verification is always required. What does not belong here: who may register one, and
what a sign-in opens (`api/auth.py`, `api/passkeys.py`).
"""

import contextlib
import logging
import secrets
from collections.abc import Iterator
from typing import Any

import webauthn
from sqlalchemy import Engine
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    options_to_json_dict,
    parse_client_data_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import CHALLENGE_TTL_S, PASSKEYS_PER_ACCOUNT
from serambi.center.accounts import Account
from serambi.center.challenges import Challenges
from serambi.center.login_settings import Site
from serambi.center.passkey_table import Passkey, PasskeyTable
from serambi.web.passwords import FailureLimit

log = logging.getLogger(__name__)

_NAME = "Serambi"
_SIGN_IN = "sign in"
_TIMEOUT_MS = int(CHALLENGE_TTL_S * 1000)
_HANDLE_BYTES = 32
_WHY_MAX_CHARACTERS = 300
_ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
# What the library raises for bytes that are no passkey's answer.
_UNREADABLE = (WebAuthnException, ValueError, LookupError, TypeError, AttributeError)

Credential = dict[str, Any]
"""An answer as browsers write it, `PublicKeyCredential.toJSON()`."""
Options = dict[str, Any]
"""A question as browsers read it, `PublicKeyCredential.parse...OptionsFromJSON()`."""


class Passkeys:
    """The passkeys of all accounts, in the database; open questions, in memory."""

    def __init__(self, engine: Engine, clock: Clock, site: Site) -> None:
        self.site = site
        self.table = PasskeyTable(engine)
        self._clock = clock
        self._challenges = Challenges(clock)
        self._failures = FailureLimit(clock)

    def question_for_new(self, account: Account) -> Options:
        """What a new passkey of `account` answers. Raises `LIMIT` when there are enough."""
        there = self.table.of(account.account)
        if len(there) >= PASSKEYS_PER_ACCOUNT:
            raise SerambiError(
                Kind.LIMIT,
                f"an account has at most {PASSKEYS_PER_ACCOUNT} passkeys",
                hint="remove one that is not used any more",
            )
        handle = there[0].handle if there else secrets.token_bytes(_HANDLE_BYTES)
        challenge = self._challenges.ask(_new_for(account.account), account.account, handle)
        options = webauthn.generate_registration_options(
            rp_id=self.site.rp_id,
            rp_name=_NAME,
            user_name=account.account,
            user_display_name=account.name,
            user_id=handle,
            challenge=challenge,
            timeout=_TIMEOUT_MS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(base64url_to_bytes(each.id)) for each in there
            ],
            supported_pub_key_algs=_ALGORITHMS,
        )
        return options_to_json_dict(options)

    def register(self, account: str, name: str, credential: Credential) -> Passkey:
        """Keep the passkey that answers `question_for_new`. Raises `DENIED` when the answer is not
        what was asked for, `CONFLICT` when the account's passkeys have changed meanwhile."""
        with _judged(Kind.DENIED, "the passkey was not registered"):
            challenge, handle = self._spend(_new_for(account), credential)
            verified = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.site.rp_id,
                expected_origin=self.site.origin,
                require_user_verification=True,
                supported_pub_key_algs=_ALGORITHMS,
            )
        new = Passkey(
            id=bytes_to_base64url(verified.credential_id),
            account=account,
            handle=handle,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            name=name,
            created_ms=unix_ms(self._clock.now()),
            used_ms=0,
        )
        self.table.add(new)
        log.info("a passkey of %s was registered", account)
        return new

    def question(self, address: str) -> Options:
        """What a passkey answers to sign in; whose it is, it says itself."""
        options = webauthn.generate_authentication_options(
            rp_id=self.site.rp_id,
            challenge=self._challenges.ask(_SIGN_IN, f"address {address}"),
            timeout=_TIMEOUT_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def verify(self, credential: Credential, address: str) -> str:
        """The account whose passkey answers `question`. Raises `UNAUTHENTICATED` for anything
        else, and `LIMIT` after too many failures of the account or from this address."""
        known = self.table.find(credential["id"])
        subjects = ("" if known is None else f"account {known.account}", f"address {address}")
        self._failures.check(*subjects)
        self._failures.failed(*subjects)
        with _judged(Kind.UNAUTHENTICATED, "the passkey was not accepted"):
            challenge, _ = self._spend(_SIGN_IN, credential)
            if known is None:
                raise _Wrong("this center does not know it")
            if credential["response"].get("userHandle") != bytes_to_base64url(known.handle):
                raise _Wrong("it is another account's")
            verified = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.site.rp_id,
                expected_origin=self.site.origin,
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
                require_user_verification=True,
            )
            now_ms = unix_ms(self._clock.now())
            if not self.table.used(known, verified.new_sign_count, now_ms):
                raise _Wrong("it was used twice at once, or has been removed")
        self._failures.succeeded(*subjects)
        return known.account

    def _spend(self, purpose: str, credential: Credential) -> tuple[bytes, bytes]:
        """The question that is answered and what it was about; it cannot be answered again."""
        said = parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        about = self._challenges.take(purpose, said.challenge)
        if about is None:
            raise _Wrong("its question was not asked here, was answered already, or is too old")
        if said.cross_origin:
            raise _Wrong("it was asked for inside a page of another site")
        return said.challenge, about


class _Wrong(Exception):
    """Why an answer is refused, beyond what the library finds."""


@contextlib.contextmanager
def _judged(kind: Kind, what: str) -> Iterator[None]:
    """Turn every reason to refuse an answer into an error of this kind, which says it."""
    try:
        yield
    except (_Wrong, *_UNREADABLE) as error:
        known = isinstance(error, _Wrong | WebAuthnException)
        # It may quote what was sent.
        why = "".join(filter(str.isprintable, str(error))) if known else "it is unreadable"
        log.warning("%s: %s", what, why[:_WHY_MAX_CHARACTERS])
        raise SerambiError(
            kind,
            f"{what}: {why[:_WHY_MAX_CHARACTERS]}",
            where="passkey",
            hint="try again; when it stays so, ask a coordinator for a new sign-in link",
        ) from error


def _new_for(account: str) -> str:
    return f"register {account}"
