"""Which signatures under a document count here, and why none does."""

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.identity import dsse
from serambi.identity.roster import Roster

_SIGN_HINT = "have it signed anew, and change nothing in it afterwards"


def believed(envelope: dsse.Envelope, roster: Roster, where: str) -> dsse.Envelope:
    """Without signatures that nobody made: kept, they would fill the room for good ones. Raises
    `DENIED` when none is left."""
    keys = roster.signing_keys()
    good = tuple(
        pair
        for pair in envelope.signatures
        if dsse.verified_by(msgspec.structs.replace(envelope, signatures=(pair,)), keys)
    )
    if not good:
        why = _why_unsigned(envelope, roster)
        raise SerambiError(Kind.DENIED, why, where=where, hint=_SIGN_HINT)
    return msgspec.structs.replace(envelope, signatures=good)


def _why_unsigned(envelope: dsse.Envelope, roster: Roster) -> str:
    if not envelope.signatures:
        return "nobody has signed this document"
    entries = (roster.entry(key_id) for key_id, _ in envelope.signatures)
    claimed = sorted({entry.party for entry in entries if entry and entry.use == "sign"})
    if not claimed:
        return "this document is signed by keys that the roster does not know for signing"
    return f"the signature of {', '.join(claimed)[:80]} does not fit this document"
