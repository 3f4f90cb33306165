"""The one-time codes that this institution has given away, and what was presented with them.

Kept is the public half of a code's key, never the code. An invitation takes one request, once, in
time and after few tries; then somebody else than who invited compares the fingerprint.
"""

import base64
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.instants import instant, instant_text
from serambi.base.kept import StateFile
from serambi.base.limits import (
    CONFIRMATION_TRIES,
    ENROLLMENT_MAX_BYTES,
    INVITATION_TRIES,
    INVITATION_TTL_S,
    INVITATIONS_KEPT,
    INVITATIONS_OPEN_MAX,
)
from serambi.identity.code import code_key, new_code
from serambi.identity.enrollment import SignedEnrollment, read_enrollment, typed_is_right
from serambi.identity.keys import VerifyKey

State = Literal["open", "presented", "confirmed", "guessed", "differs"]
"""`guessed`: closed after too many wrong codes; `differs`: the fingerprint was another one."""
_WRONG_CODE = "this is not the code that was given"
_OPEN: tuple[State, ...] = ("open", "presented")
_FILE_MAX_BYTES = 4 * ENROLLMENT_MAX_BYTES * INVITATIONS_KEPT


class Refused(SerambiError):
    """Nobody is enrolled by this; `reason` says why in one word, for screens."""

    def __init__(self, reason: str, what: str, hint: str) -> None:
        super().__init__(Kind.DENIED, what, where="enrollment", hint=hint)
        self.reason = reason


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`code_key`: public half of the code's key, base64. `tries`: wrong codes so far; `misses`:
    wrong fingerprints. `request`: what was presented, base64, empty before."""

    code_key: str
    party: str
    invited_by: str
    made: str
    until: str
    state: State
    tries: int
    misses: int
    request: str

    @property
    def presented(self) -> SignedEnrollment | None:
        return read_enrollment(base64.b64decode(self.request)) if self.request else None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    invitations: tuple[Invitation, ...]


class Invitations:
    """The file `invitations.json` of a party's folder, read anew each time: the desk and the
    command line work on the same. Any thread and process may use it."""

    def __init__(self, folder: Path, party: str, clock: Clock) -> None:
        self._party = party
        self._clock = clock
        self._lock = folder / "invitations.lock"
        self._file = StateFile(
            folder / "invitations.json",
            _File,
            what="who was invited to enroll",
            max_bytes=_FILE_MAX_BYTES,
        )

    def all(self) -> list[Invitation]:
        """The newest in front."""
        found = self._file.read()
        return list(reversed(found.invitations)) if found else []

    def is_over(self, invitation: Invitation) -> bool:
        """Whether nothing can come of it any more."""
        late = self._clock.now() >= instant(invitation.until, "until")
        return invitation.state not in _OPEN or late

    def invite(self, party: str, person: str) -> str:
        """A code for `party`, given once, in the name of `person` of this institution. A code that
        was open for it before counts no more. Raises `DENIED`, `LIMIT`, `UNAVAILABLE`."""
        if check_id(party, "party") == self._party:
            raise SerambiError(
                Kind.DENIED, "a party does not invite itself", hint="ask another party for a code"
            )
        code = new_code()
        public = base64.b64encode(code_key(code, party).public.raw).decode()
        now = self._clock.now()
        made, until = instant_text(now), instant_text(now + INVITATION_TTL_S)
        fresh = Invitation(public, party, person, made, until, "open", 0, 0, "")
        with self._locked() as known:
            rest = [each for each in known if self.is_over(each) or each.party != party]
            if sum(not self.is_over(each) for each in rest) >= INVITATIONS_OPEN_MAX:
                raise SerambiError(
                    Kind.LIMIT,
                    f"{INVITATIONS_OPEN_MAX} invitations are open already",
                    hint="wait until one was used or is over",
                )
            known[:] = [*rest, fresh]
        return code

    def present(self, raw: bytes) -> SignedEnrollment:
        """Take a request, from wherever it comes; the same one again changes nothing. Durable on
        return. Raises what `read_enrollment` does, and `Refused`, with another reason for each of:
        never invited, expired, used, wrong code, too many wrong codes, another fingerprint."""
        request = read_enrollment(raw)
        party = request.document.party.id
        with self._locked() as known:
            at = next((at for at in reversed(range(len(known))) if known[at].party == party), None)
            if at is None:
                raise Refused("uninvited", f"{party} was not invited here", "ask for a code first")
            known[at], error = self._presented(known[at], request, raw)
        if error is not None:
            raise error
        return request

    def _presented(
        self, invitation: Invitation, request: SignedEnrollment, raw: bytes
    ) -> tuple[Invitation, Refused | None]:
        again = "have a new code made"
        if self._clock.now() >= instant(invitation.until, "until"):
            return invitation, Refused("expired", "the code has expired", again)
        if invitation.state == "guessed":
            return invitation, Refused(
                "guessed", "the code is void after too many wrong ones", again
            )
        known = VerifyKey.from_raw(base64.b64decode(invitation.code_key))
        if not request.knows_code(known):
            if invitation.state != "open":
                return invitation, Refused("wrong_code", _WRONG_CODE, again)
            tries = invitation.tries + 1
            over: State = "guessed" if tries >= INVITATION_TRIES else "open"
            closed = msgspec.structs.replace(invitation, tries=tries, state=over)
            left = INVITATION_TRIES - tries
            return closed, Refused(
                "wrong_code", _WRONG_CODE, f"{left} more tries" if left else again
            )
        presented = invitation.presented
        if presented is None:
            taken = base64.b64encode(raw).decode()
            return msgspec.structs.replace(invitation, state="presented", request=taken), None
        if invitation.state == "differs":
            return invitation, Refused(
                "void", "the request of this code was void: its fingerprint was another one", again
            )
        if presented.digest == request.digest:
            return invitation, None
        return invitation, Refused(
            "used",
            "the code was used already, with other keys",
            "if that was not you, somebody else had the code: tell the party that gave it",
        )

    def presented(self) -> list[Invitation]:
        """Those whose request waits for its fingerprint."""
        return [each for each in self.all() if each.state == "presented" and not self.is_over(each)]

    def find(self, digest: str) -> tuple[Invitation, SignedEnrollment]:
        """The invitation with the request `digest`, which waits for its fingerprint. Raises
        `NOT_FOUND`."""
        for invitation in self.all():
            request = invitation.presented
            if request and request.digest == digest and not self.is_over(invitation):
                return invitation, request
        raise SerambiError(Kind.NOT_FOUND, "no such request waits here", where=digest[:16])

    def confirm(self, digest: str, person: str, typed: str) -> SignedEnrollment:
        """`person` typed the last groups of the fingerprint as they heard them. Raises
        `NOT_FOUND`; `Refused` when it is the person who invited and for another fingerprint;
        after three of them the request is void. What it gives may go into a roster; `done` says
        that it has."""
        invitation, request = self.find(digest)
        if person == invitation.invited_by:
            raise Refused(
                "same_person",
                "whoever gave the code does not compare the fingerprint",
                "a second person of this institution does",
            )
        if typed_is_right(request.fingerprint, typed):
            return request
        misses = invitation.misses + 1
        state: State = "differs" if misses >= CONFIRMATION_TRIES else "presented"
        self._replace(invitation, msgspec.structs.replace(invitation, misses=misses, state=state))
        raise Refused(
            "void" if state == "differs" else "differs",
            "these are not the last groups of the fingerprint here",
            "the request is void: the keys here may be somebody else's"
            if state == "differs"
            else f"hear them once more; {CONFIRMATION_TRIES - misses} more tries",
        )

    def done(self, digest: str) -> None:
        """The request has gone into a proposed roster."""
        invitation, _ = self.find(digest)
        self._replace(invitation, msgspec.structs.replace(invitation, state="confirmed"))

    def reject(self, digest: str) -> None:
        """The fingerprints differ: the keys here are not those of whoever was invited."""
        invitation, _ = self.find(digest)
        self._replace(invitation, msgspec.structs.replace(invitation, state="differs"))

    def _replace(self, old: Invitation, new: Invitation) -> None:
        with self._locked() as known:
            known[:] = [new if each.code_key == old.code_key else each for each in known]

    @contextmanager
    def _locked(self) -> Iterator[list[Invitation]]:
        """All invitations, oldest first; what is changed is kept on leaving."""
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = self._file.read()
            known = list(found.invitations) if found else []
            yield known
            while len(known) > INVITATIONS_KEPT:
                known.remove(next((each for each in known if self.is_over(each)), known[0]))
            self._file.write(_File(1, tuple(known)))
