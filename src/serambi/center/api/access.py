"""Who asks, as a parameter of every route."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from serambi.base.errors import Kind, SerambiError
from serambi.center.accounts import MAY_READ_HISTORY, MAY_READ_REPORTS, Account
from serambi.center.service import Center


def center_of(connection: HTTPConnection) -> Center:
    found = connection.app.state.center
    if not isinstance(found, Center):
        raise SerambiError(Kind.UNAVAILABLE, "the center is not running")
    return found


TheCenter = Annotated[Center, Depends(center_of)]


def account_of(connection: HTTPConnection, center: TheCenter) -> Account:
    """The signed-in account. Raises `UNAUTHENTICATED`, `DENIED` for a foreign page."""
    login = center.gate.require(connection)
    account = center.accounts.find(login.account)
    if account is None:
        raise SerambiError(
            Kind.UNAUTHENTICATED, "this account does not exist any more", hint="sign in again"
        )
    return account


SignedIn = Annotated[Account, Depends(account_of)]


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
