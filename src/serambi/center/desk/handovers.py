"""Handovers: a shift's account of itself, signed by who goes and who comes."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DESK_TEXT_MAX_CHARACTERS
from serambi.center.desk.meter import Meter
from serambi.center.desk.steps import Body, Draft, Person, Step

Side = Literal["from", "to"]
Remarks = Annotated[str, StringConstraints(max_length=DESK_TEXT_MAX_CHARACTERS)]


class OpenIncident(BaseModel):
    id: str
    number: int
    title: str
    priority: int
    late_tasks: int
    missing: int


class DeadCamera(BaseModel):
    """`state` is why it shows nothing, since `since_ms`."""

    camera: str
    number: str
    site: str
    state: str
    since_ms: int


class ShiftAccount(BaseModel):
    """What the shift leaves, as it was when the handover was drafted."""

    since_ms: int
    until_ms: int
    incidents: list[OpenIncident]
    cameras: list[DeadCamera]
    shelves: int
    waiting: int
    handled: int
    meter: Meter


class Drafted(Body):
    kind: Literal["drafted"] = "drafted"
    account: ShiftAccount
    remarks: Remarks = ""


class Signed(Body):
    """`side`: who goes, or who comes."""

    kind: Literal["signed"] = "signed"
    side: Side


class Withdrawn(Body):
    """The draft no longer holds; another one is made."""

    kind: Literal["withdrawn"] = "withdrawn"


BODIES: TypeAdapter[Body] = TypeAdapter(
    Annotated[Drafted | Signed | Withdrawn, Field(discriminator="kind")]
)


class Signature(BaseModel):
    by: Person
    at_ms: int


class Handover(BaseModel):
    """`state` is `open` until both have signed."""

    id: str
    number: int
    at_ms: int
    by: Person | None
    account: ShiftAccount
    remarks: str
    signed_from: Signature | None = None
    signed_to: Signature | None = None
    state: Literal["open", "done", "withdrawn"] = "open"


class Handovers:
    """Those that were loaded and made since."""

    def __init__(self) -> None:
        self._known: dict[str, Handover] = {}

    def apply(self, step: Step) -> None:
        match step.body:
            case Drafted() as body:
                self._known[step.subject] = Handover(
                    id=step.subject,
                    number=step.number,
                    at_ms=step.at_ms,
                    by=step.by,
                    account=body.account,
                    remarks=body.remarks,
                )
            case Signed() as body if step.by is not None:
                found = self._known[step.subject]
                signature = Signature(by=step.by, at_ms=step.at_ms)
                if body.side == "from":
                    found.signed_from = signature
                else:
                    found.signed_to = signature
                if found.signed_from and found.signed_to:
                    found.state = "done"
            case Withdrawn():
                self._known[step.subject].state = "withdrawn"

    def all(self) -> list[Handover]:
        """The newest first."""
        return sorted(self._known.values(), key=lambda one: -one.number)

    def find(self, handover: str) -> Handover:
        found = self._known.get(handover)
        if found is None:
            raise SerambiError(Kind.NOT_FOUND, "there is no such handover", where=handover[:64])
        return found

    def draft(self, handover: str, account: ShiftAccount, remarks: str) -> list[Draft]:
        """A new draft; one that is open still is withdrawn by it."""
        old = [one.id for one in self._known.values() if one.state == "open"]
        return [
            *(Draft("handover", one, Withdrawn(), open=False) for one in old),
            Draft("handover", handover, Drafted(account=account, remarks=remarks), open=True),
        ]

    def sign(self, handover: str, side: Side, by: Person) -> Draft:
        """Raises `CONFLICT`: signed already, withdrawn, or both sides by one person."""
        found = self.find(handover)
        other = found.signed_to if side == "from" else found.signed_from
        same = found.signed_from if side == "from" else found.signed_to
        if found.state != "open" or same is not None:
            raise SerambiError(Kind.CONFLICT, "nothing is to be signed here", where="handovers")
        if other is not None and other.by.account == by.account:
            raise SerambiError(
                Kind.CONFLICT,
                "one person cannot sign for both",
                where="handovers",
                hint="who takes over signs with their own account",
            )
        return Draft("handover", handover, Signed(side=side), open=other is None)
