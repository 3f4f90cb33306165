"""What keeper and center say to each other; the courier carries it without reading it.

Every message is a DSSE envelope (identity/dsse.py) around one of these structs in canonical
JSON; `payloadType` says which. Requests are signed by the center's key, states and replies by
the gateway's. Times are unix milliseconds.
"""

from typing import Annotated

import msgspec

from serambi.agreement.model import Purpose
from serambi.agreement.request import REQUEST_TYPE, Request, Stream
from serambi.base.words import Words
from serambi.ledger.entry import Entry, encode_entry
from serambi.ledger.tree import leaf_hash

BATCH_TYPE = "application/vnd.serambi.batch+json"
COSIGNED_TYPE = "text/vnd.serambi.cosigned-checkpoint"
"""The payload is a signed note, believed for the signatures in it; the envelope has none."""
RECEIPT_TYPE = "application/vnd.serambi.receipt+json"
REPLY_TYPE = "application/vnd.serambi.reply+json"
STATE_TYPE = "application/vnd.serambi.state+json"

Index = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""Of an entry in a ledger."""

__all__ = [
    "BATCH_TYPE",
    "COSIGNED_TYPE",
    "RECEIPT_TYPE",
    "REPLY_TYPE",
    "REQUEST_TYPE",
    "STATE_TYPE",
    "Batch",
    "CameraState",
    "Entry",
    "Purpose",
    "Receipt",
    "RecordedGap",
    "RecordedSpan",
    "Reply",
    "Request",
    "Sector",
    "SiteState",
    "Stream",
    "StreamShape",
    "Waiting",
    "Words",
]


class RecordedSpan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pictures were recorded from `from_ms` to `to_ms`."""

    from_ms: int
    to_ms: int


class RecordedGap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing was recorded, and why."""

    from_ms: int
    to_ms: int
    cause: str


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keeper's answer to a request or a delivered document.

    `nonce` repeats the request's (or is empty for a document). `seq` is the state's number from
    which on the session is listed. `until_ms` is when the grant ends unless renewed. `spans` and
    `gaps` answer a request that asks what is recorded.
    """

    site: str
    nonce: str
    session: str
    allowed: bool
    reason: str
    agreement: str
    until_ms: int
    seq: int
    spans: tuple[RecordedSpan, ...] = ()
    gaps: tuple[RecordedGap, ...] = ()


class Waiting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agreement this site is named in, not signed by all yet: nothing more is said."""

    agreement: str
    missing: tuple[str, ...]
    parties: int


class StreamShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    width: int
    height: int
    fps: int


class Sector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a camera stands and what it faces, as attested; heading clockwise from north."""

    latitude_deg: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude_deg: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    heading_deg: Annotated[int, msgspec.Meta(ge=0, lt=360)]
    fov_deg: Annotated[int, msgspec.Meta(ge=1, le=360)]


class CameraState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One camera that a fully signed agreement names.

    `state` is `open` or the reason why not (agreement.decide.Reason); `since_ms` when that began;
    `opens_ms` when hours open again (0: unknown); `online` whether the box itself gets pictures.
    `incident_needed`, `four_eyes`, `break_glass` are the agreement's words about a view; `terms`
    is its digest where approvals are asked for under it.
    `sector` is none where the attestation names no place.
    """

    id: str
    number: str
    name: Words
    facing: str
    agreement: str
    until_ms: int
    actions: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    state: str
    since_ms: int
    opens_ms: int
    online: bool
    offline_since_ms: int
    trouble: str
    main: StreamShape
    sub: StreamShape
    incident_needed: bool = False
    four_eyes: bool = False
    break_glass: bool = False
    terms: str = ""
    sector: Sector | None = None


class SiteState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a site tells the center; sent every second and at every change, newest wins.

    A session that the center holds and a state with `seq` >= its reply's does not list is over.
    `checkpoint` is the newest signed state of the site's ledger, for the parties' witnesses.
    """

    site: str
    name: Words
    owner: str
    contact: Words
    seq: int
    at_ms: int
    waiting: tuple[Waiting, ...]
    cameras: tuple[CameraState, ...]
    sessions: tuple[str, ...]
    checkpoint: str = ""


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Entries of the keeper's ledger as they stand there, the first at index `first`.

    `epoch` names one uninterrupted life of the ledger: the hash of the entry at index `since`,
    where that life began (`epoch_of`). A gateway that was restored from a backup begins another.
    """

    site: str
    epoch: str
    since: Index
    first: Index
    entries: tuple[Entry, ...]


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The center's answer, signed by its key: all entries of this epoch before `next` are kept.

    `batch` is the SHA-256 of the batch it answers, so that an old receipt cannot stand in for a
    new one. `differs` is the index of an entry of which the center holds another version, or -1;
    nothing of the batch was kept then.
    """

    site: str
    epoch: str
    batch: str
    next: int
    differs: int


def epoch_of(first: Entry) -> str:
    """The name of the epoch that begins with this entry."""
    return leaf_hash(encode_entry(first)).hex()[:32]
