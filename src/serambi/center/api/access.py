"""Who asks, as a parameter of every route."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from serambi.base.errors import Kind, SerambiError
from serambi.center.accounts import MAY_READ_HISTORY, MAY_READ_REPORTS, Account, Role
from serambi.center.service import Center
from serambi.web.errors import ReasonedError


def center_of(connection: HTTPConnection) -> Center:
    found = connection.app.state.center
    if not isinstance(found, Center):
        raise SerambiError(Kind.UNAVAILABLE, "the center is not running")
    return found


TheCenter = Annotated[Center, Depends(center_of)]


def account_of(connection: HTTPConnection, center: TheCenter) -> Account:
    """The signed-in account. Raises `UNAUTHENTICATED`, `DENIED` for a foreign page, and with the
    reason `register_passkey` for a sign-in that may do nothing else."""
    login = center.door.gate.identify(connection)
    if login is None:
        if center.door.registering.identify(connection) is not None:
            raise must_register(connection.url.path)
        login = center.door.gate.require(connection)
    return center.door.accounts.get(login.account)


def must_register(where: str) -> ReasonedError:
    """The answer to a password without a passkey where one is needed."""
    return ReasonedError(
        Kind.DENIED,
        "signing in needs a passkey, and this account has none yet",
        "register_passkey",
        where=where,
        hint="open /login and register one: only that is possible until then",
    )


Anybody = Annotated[Account, Depends(account_of)]
"""For what is everybody's own: who they are, their passkeys. Any other route takes `SignedIn` or
`Invited`."""


def staff(account: Account) -> Account:
    """Raises `DENIED` for somebody of another institution, whatever they ask for."""
    if account.role is Role.PARTICIPANT:
        raise SerambiError(
            Kind.DENIED,
            "people of other institutions see their part of an incident and nothing else",
            hint="open /part",
        )
    return account


def staff_of(account: Anybody) -> Account:
    return staff(account)


SignedIn = Annotated[Account, Depends(staff_of)]


def invited_of(account: Anybody) -> Account:
    """Raises `DENIED` for the center's own people: they have all of it."""
    if account.role is not Role.PARTICIPANT:
        raise SerambiError(
            Kind.DENIED, "this is for people of other institutions", hint="open /incidents"
        )
    return account


Invited = Annotated[Account, Depends(invited_of)]


def reader_of_history(account: SignedIn) -> Account:
    """Raises `DENIED` for a role whose work needs no history."""
    if account.role not in MAY_READ_HISTORY:
        raise SerambiError(
            Kind.DENIED,
            f"the role {account.role} does not read the history",
            hint="ask a commander or an investigator",
        )
    return account


def reader_of_reports(account: SignedIn) -> Account:
    """Raises `DENIED` for a role that does not answer for what the law asks."""
    if account.role not in MAY_READ_REPORTS:
        raise SerambiError(
            Kind.DENIED,
            f"the role {account.role} does not read these reports",
            hint="ask a commander or a coordinator",
        )
    return account


ReadsReports = Annotated[Account, Depends(reader_of_reports)]
ReadsHistory = Annotated[Account, Depends(reader_of_history)]
