"""`serambi center account`: somebody's first link to the center, or the next one."""

import asyncio
from pathlib import Path

import click

from serambi.base.clock import SystemClock
from serambi.center.accounts import Account, Role
from serambi.center.config import read_config
from serambi.center.invitations import invite_at_the_machine


@click.command()
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--account", required=True, help="What the person signs in as, such as ani.")
@click.option("--name", help="The person's name, as owners see it when somebody watches.")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="Their work.")
@click.option("--unit", help="Where they work, such as Unit 1.")
def account(
    config: Path, account: str, name: str | None, role: str | None, unit: str | None
) -> None:
    """Make an account with its sign-in link, or a fresh link for one that is there."""
    new = None
    if name and role and unit:
        new = Account(account, name, Role(role), unit)
    elif name or role or unit:
        raise click.UsageError("a new account needs --name, --role and --unit")
    center = read_config(config)
    given = asyncio.run(invite_at_the_machine(center, SystemClock(), account, new))
    origin = center.login.site(center.port, tls=center.web_tls is not None).origin
    click.echo(f"{origin}{given.path}")
    click.echo("It signs in once, within seven days. Give it to nobody else.")
