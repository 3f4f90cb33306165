"""`serambi party`: what an institution does with its own key, on its own machine."""

import base64
from pathlib import Path

import click

from serambi.base.ids import check_id
from serambi.cli.plain import PlainGroup
from serambi.identity.keys import SigningKey


@click.group("party", cls=PlainGroup)
def party_group() -> None:
    """An institution's own key."""


@party_group.command("keygen")
@click.option("--party", required=True, help="The institution's id in the roster, such as kpu.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for key.pem (only you can read it) and public.pem.",
)
def keygen(party: str, out: Path) -> None:
    """Make a key. It is never replaced, and only its public half belongs in the roster."""
    check_id(party, "party")
    key = SigningKey.generate()
    key.save(out)
    click.echo(f"party:   {party}")
    click.echo(f"key id:  {key.key_id}")
    click.echo(f"public:  {base64.b64encode(key.public.raw).decode()}")
    click.echo(f"Keep {out / 'key.pem'} secret; whoever has it signs for {party}.")
