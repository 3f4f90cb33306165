"""How people come in: everything that a sign-in needs, opened in one place."""

from dataclasses import dataclass

from sqlalchemy import Engine

from serambi.base.clock import Clock
from serambi.base.limits import REGISTERING_TTL_S
from serambi.center.accounts import Accounts
from serambi.center.config import CenterConfig
from serambi.center.invitations import Invitations
from serambi.center.journal import Journal
from serambi.center.login_settings import LoginSettings
from serambi.center.oidc import Oidc
from serambi.center.passkeys import Passkeys
from serambi.web.login import Gate, MemoryLogins, NoTokens, cookie_name


@dataclass(frozen=True, slots=True)
class Door:
    """`gate` tells who is in, `registering` who may do nothing but register a passkey."""

    settings: LoginSettings
    gate: Gate
    registering: Gate
    accounts: Accounts
    passkeys: Passkeys
    oidc: Oidc | None
    invitations: Invitations


def open_door(
    config: CenterConfig, engine: Engine, journal: Journal, clock: Clock, port: int
) -> Door:
    """The door of a center that listens on `port`. Raises `BAD_INPUT` when a file that the
    settings name cannot be read."""
    settings = config.login
    secure = config.web_tls is not None
    site = settings.site(port, tls=secure)
    accounts = Accounts(engine, clock, rule=settings.passkey)
    passkeys = Passkeys(engine, clock, site)
    return Door(
        settings=settings,
        gate=Gate(cookie_name("center", port), accounts, accounts, clock, secure=secure),
        registering=Gate(
            cookie_name("center_passkey", port),
            MemoryLogins(),
            NoTokens(),
            clock,
            secure=secure,
            ttl_s=REGISTERING_TTL_S,
        ),
        accounts=accounts,
        passkeys=passkeys,
        oidc=Oidc(settings.oidc, site, clock) if settings.oidc else None,
        invitations=Invitations(config.party, accounts, passkeys, journal, clock),
    )
