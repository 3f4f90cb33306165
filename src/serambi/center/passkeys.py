"""Passkeys of the people at the center: registered, asked for, removed.

A passkey proves two factors at once: the device that holds it, and whoever unlocks that device
(user verification is required always). What does not belong here: who may register one, and what
a sign-in opens (`api/auth.py`, `api/passkeys.py`).
"""

import contextlib
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import webauthn
from sqlalchemy import Engine, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
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
from serambi.center.database import passkeys
from serambi.center.login_settings import Site
from serambi.web.passwords import FailureLimit

log = logging.getLogger(__name__)

_NAME = "Serambi"
_SIGN_IN = "sign in"
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
"""An answer as browsers write it (`PublicKeyCredential.toJSON()`)."""
Options = dict[str, Any]
"""A question as browsers read it (`PublicKeyCredential.parse…OptionsFromJSON()`)."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """`used_ms`: unix milliseconds, 0 when it was never used."""

    id: str
    name: str
    created_ms: int
    used_ms: int


class Passkeys:
    """The passkeys of all accounts, in the database; open questions, in memory."""

    def __init__(self, engine: Engine, clock: Clock, site: Site) -> None:
        self._engine = engine
        self._clock = clock
        self.site = site
        self._challenges = Challenges(clock)
        self._failures = FailureLimit(clock)

    def of(self, account: str) -> list[Passkey]:
        """Oldest first."""
        return [
            Passkey(row.id, row.name, row.created_ms, row.used_ms) for row in self._rows(account)
        ]

    def question_for_new(self, account: Account) -> Options:
        """What a new passkey of `account` answers. Raises `LIMIT` when there are enough."""
        there = self._rows(account.account)
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
            timeout=int(CHALLENGE_TTL_S * 1000),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                PublicKeyCredentialDescriptor(base64url_to_bytes(row.id)) for row in there
            ],
            supported_pub_key_algs=_ALGORITHMS,
        )
        return options_to_json_dict(options)

    def register(self, account: str, name: str, credential: Credential) -> Passkey:
        """Keep the passkey that answers `question_for_new`. Raises `DENIED` when the answer is not
        what was asked for, `CONFLICT` when the account has got another one meanwhile."""
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
        there = self._rows(account)
        if len(there) >= PASSKEYS_PER_ACCOUNT or any(row.handle != handle for row in there):
            raise _meanwhile()
        row = {
            "id": bytes_to_base64url(verified.credential_id),
            "account": account,
            "handle": handle,
            "public_key": verified.credential_public_key,
            "sign_count": verified.sign_count,
            "name": name,
            "created_ms": unix_ms(self._clock.now()),
            "used_ms": 0,
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(passkeys).values(row))
        except IntegrityError as error:
            raise _meanwhile() from error
        return Passkey(row["id"], name, row["created_ms"], 0)

    def question(self, address: str) -> Options:
        """What a passkey answers to sign in; whose it is, it says itself."""
        options = webauthn.generate_authentication_options(
            rp_id=self.site.rp_id,
            challenge=self._challenges.ask(_SIGN_IN, f"address {address}"),
            timeout=int(CHALLENGE_TTL_S * 1000),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def verify(self, credential: Credential, address: str) -> str:
        """The account whose passkey answers `question`. Raises `UNAUTHENTICATED` for anything
        else, and `LIMIT` after too many failures of the account or from this address."""
        row = self._row(credential)
        subjects = ("" if row is None else f"account {row.account}", f"address {address}")
        self._failures.check(*subjects)
        self._failures.failed(*subjects)
        with _judged(Kind.UNAUTHENTICATED, "the passkey was not accepted"):
            challenge, _ = self._spend(_SIGN_IN, credential)
            if row is None:
                raise _Wrong("this center does not know it")
            if credential["response"].get("userHandle") != bytes_to_base64url(row.handle):
                raise _Wrong("it is another account's")
            verified = webauthn.verify_authentication_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=self.site.rp_id,
                expected_origin=self.site.origin,
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
                require_user_verification=True,
            )
            if not self._used(row, verified.new_sign_count):
                raise _Wrong("it was used twice at once, or has been removed")
        self._failures.succeeded(*subjects)
        return str(row.account)

    def remove(self, account: str, passkey: str, *, keep_one: bool) -> None:
        """Raises `NOT_FOUND` when `account` has no such passkey, and with `keep_one` `CONFLICT`
        for its last one."""
        mine = (passkeys.c.account == account, passkeys.c.id == passkey)
        with self._engine.begin() as connection:
            count = select(func.count()).where(passkeys.c.account == account)
            if connection.execute(delete(passkeys).where(*mine)).rowcount == 0:
                raise SerambiError(Kind.NOT_FOUND, "there is no such passkey of yours")
            if keep_one and connection.execute(count).scalar() == 0:
                # Raised inside the transaction, which is thereby undone.
                raise SerambiError(
                    Kind.CONFLICT,
                    "the last passkey cannot be removed, because signing in needs one",
                    hint="register another one first",
                )

    def forget(self, account: str) -> None:
        """Remove all of an account's passkeys."""
        with self._engine.begin() as connection:
            connection.execute(delete(passkeys).where(passkeys.c.account == account))

    def _rows(self, account: str) -> list[Row[Any]]:
        mine = select(passkeys).where(passkeys.c.account == account)
        with self._engine.connect() as connection:
            return list(connection.execute(mine.order_by(passkeys.c.created_ms)).all())

    def _row(self, credential: Credential) -> Row[Any] | None:
        with self._engine.connect() as connection:
            one = select(passkeys).where(passkeys.c.id == credential["id"])
            return connection.execute(one).first()

    def _spend(self, purpose: str, credential: Credential) -> tuple[bytes, bytes]:
        """The question that is answered and what it was about; it cannot be answered again."""
        said = parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        about = self._challenges.take(purpose, said.challenge)
        if about is None:
            raise _Wrong("its question was not asked here, was answered already, or is too old")
        if said.cross_origin:
            raise _Wrong("it was asked for inside a page of another site")
        return said.challenge, about

    def _used(self, row: Row[Any], sign_count: int) -> bool:
        """Note the new counter, unless another use or a removal came between."""
        now_ms = unix_ms(self._clock.now())
        seen = (passkeys.c.id == row.id, passkeys.c.sign_count == row.sign_count)
        with self._engine.begin() as connection:
            noted = connection.execute(
                update(passkeys).where(*seen).values(sign_count=sign_count, used_ms=now_ms)
            )
        return noted.rowcount == 1


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


def _meanwhile() -> SerambiError:
    return SerambiError(
        Kind.CONFLICT,
        "the passkeys of this account have changed meanwhile",
        hint="look at the list and begin anew",
    )
