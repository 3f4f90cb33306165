"""The command `serambi`. Each job lives beside this file; here they only get their names."""

from importlib import import_module
from pathlib import Path

import click

from serambi import __version__
from serambi.base.errors import SerambiError
from serambi.cli.running import run_process

_COMMANDS = {
    "agreement": "serambi.cli.agreement:agreement_group",
    "analyze": "serambi.cli.analyze:analyze",
    "demo": "serambi.cli.demo:demo",
    "doctor": "serambi.cli.doctor:doctor",
    "ledger": "serambi.cli.ledger:ledger_group",
    "party": "serambi.cli.party:party_group",
}


class _Serambi(click.Group):
    """Loads a command only when it is asked for: a courier must not load what it may not do.
    Turns a `SerambiError` into one sentence and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SerambiError as error:
            click.echo(f"serambi: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Serambi)
@click.version_option(__version__, prog_name="serambi")
def main() -> None:
    """Serambi: CCTV integration by agreement."""


def _process(name: str) -> None:
    """`serambi NAME --config FILE` runs that process until it is told to end."""

    @main.command(name)
    @click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
    def command(config: Path) -> None:
        run_process(name, config)

    command.help = f"Run the {name} with the settings in FILE, until SIGTERM or Ctrl-C."


for _name in ("keeper", "courier", "center"):
    _process(_name)
