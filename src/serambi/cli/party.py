"""`serambi party`: what an institution does with its own key, on its own machine."""

import base64
from pathlib import Path

import click

from serambi.base.ids import check_id
from serambi.cli.passphrase import ask_new_passphrase
from serambi.cli.plain import PlainGroup
from serambi.cli.running import run_process
from serambi.identity.keys import SigningKey
from serambi.party.config import read_config
from serambi.party.signing.accounts import Accounts


@click.group("party", cls=PlainGroup, invoke_without_command=True)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Run the party's process with the settings in FILE, until SIGTERM or Ctrl-C.",
)
@click.pass_context
def party_group(context: click.Context, config: Path | None) -> None:
    """An institution's own process, which witnesses the ledgers, and its keys."""
    if context.invoked_subcommand is None:
        if config is None:
            raise click.UsageError("name a command, or --config FILE to run the party's process")
        run_process("party", config)


@party_group.command("keygen")
@click.option("--party", required=True, help="The institution's id in the roster, such as kpu.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for key.pem (only you can read it) and public.pem.",
)
@click.option("--passphrase", is_flag=True, help="Ask for a passphrase, and keep the key under it.")
def keygen(party: str, out: Path, passphrase: bool) -> None:
    """Make a key. It is never replaced, and only its public half belongs in the roster."""
    check_id(party, "party")
    key = SigningKey.generate()
    key.save(out, ask_new_passphrase() if passphrase else None)
    click.echo(f"party:   {party}")
    click.echo(f"key id:  {key.key_id}")
    click.echo(f"public:  {base64.b64encode(key.public.raw).decode()}")
    click.echo(f"Keep {out / 'key.pem'} secret; whoever has it signs for {party}.")


@party_group.command("account")
@click.option(
    "--config",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The party's settings.",
)
@click.option("--name", required=True, help="What the person signs in as, such as ani.")
def account(config: Path, name: str) -> None:
    """Make an account for one person at the signing desk, or change its password."""
    accounts = Accounts(read_config(config).folder)
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    accounts.put(name, password)
    click.echo(f"{name} can sign in at the signing desk.")
