"""A passkey's answers as browsers write them: `PublicKeyCredential.toJSON()`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints

from serambi.base.limits import PASSKEY_FIELD_MAX_CHARACTERS

Bytes = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*$", max_length=PASSKEY_FIELD_MAX_CHARACTERS)
]
"""Bytes in base64url without padding."""


class _Credential(BaseModel):
    id: Bytes
    rawId: Bytes
    type: Literal["public-key"]

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class NewAnswer(BaseModel):
    clientDataJSON: Bytes
    attestationObject: Bytes


class UsedAnswer(BaseModel):
    clientDataJSON: Bytes
    authenticatorData: Bytes
    signature: Bytes
    userHandle: Bytes | None = None


class NewPasskey(_Credential):
    """What `navigator.credentials.create` gave."""

    response: NewAnswer


class UsedPasskey(_Credential):
    """What `navigator.credentials.get` gave."""

    response: UsedAnswer
