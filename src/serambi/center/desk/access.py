"""Who may do what at the desk: the whole table."""

from enum import StrEnum

from serambi.base.errors import Kind, SerambiError
from serambi.center.accounts import Account, Role
from serambi.center.desk.steps import Person


class Act(StrEnum):
    READ = "read"
    REPORT = "report"
    HANDLE = "handle"
    SHELVE = "shelve"
    OPEN = "open"
    WORK = "work"
    CLOSE = "close"
    HAND_OVER = "hand_over"
    ARRANGE = "arrange"


_O, _C, _I = Role.OPERATOR, Role.COMMANDER, Role.INVESTIGATOR

# A coordinator connects sites: what happens in front of them is not that work.
MAY: dict[Act, frozenset[Role]] = {
    Act.READ: frozenset({_O, _C, _I}),
    Act.REPORT: frozenset({_O, _C}),
    Act.HANDLE: frozenset({_O, _C}),
    Act.SHELVE: frozenset({_O, _C}),
    Act.OPEN: frozenset({_O, _C}),
    Act.WORK: frozenset({_O, _C, _I}),
    Act.CLOSE: frozenset({_C}),
    Act.HAND_OVER: frozenset({_O, _C}),
    Act.ARRANGE: frozenset({_O, _C}),
}


def allow(account: Account, act: Act) -> Person:
    """Who acts, for the step that says so. Raises `DENIED` when the role may not."""
    if account.role not in MAY[act]:
        raise SerambiError(
            Kind.DENIED,
            f"the role {account.role} may not do this",
            where=f"desk {act}",
            hint="ask " + " or ".join(sorted(MAY[act])),
        )
    return Person(account=account.account, name=account.name, unit=account.unit)
