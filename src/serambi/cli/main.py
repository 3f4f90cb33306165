"""The command `serambi`. Each job lives beside this file; here they only get their names."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import ClassVar

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
    "report": "serambi.cli.report:report",
    "roster": "serambi.cli.roster:roster_group",
}


class _Lazy(click.Group):
    """Loads a command only when it is asked for: a courier must not load what it may not do."""

    places: ClassVar[Mapping[str, str]]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.places})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = self.places.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


class _Serambi(_Lazy):
    """Turns a `SerambiError` into one sentence and exit code 1."""

    places = _COMMANDS

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


_config = click.option("--config", type=click.Path(path_type=Path, dir_okay=False), required=True)


@main.command()
@_config
def courier(config: Path) -> None:
    """Run the courier with the settings in FILE, until SIGTERM or Ctrl-C."""
    run_process("courier", config)


class _Center(_Lazy):
    places: ClassVar[Mapping[str, str]] = {"account": "serambi.cli.center_account:account"}


class _Keeper(_Lazy):
    places: ClassVar[Mapping[str, str]] = {"clock": "serambi.cli.clock:clock"}


_or_config = click.option("--config", type=click.Path(path_type=Path, dir_okay=False))


@main.group(cls=_Center, invoke_without_command=True)
@_or_config
@click.pass_context
def center(context: click.Context, config: Path | None) -> None:
    """Run the center with the settings in FILE, until SIGTERM or Ctrl-C."""
    _run_or_go_on("center", context, config)


@main.group(cls=_Keeper, invoke_without_command=True)
@_or_config
@click.pass_context
def keeper(context: click.Context, config: Path | None) -> None:
    """Run the keeper with the settings in FILE, until SIGTERM or Ctrl-C."""
    _run_or_go_on("keeper", context, config)


def _run_or_go_on(name: str, context: click.Context, config: Path | None) -> None:
    """Run the process, unless a command of it was named: that has a --config of its own."""
    if context.invoked_subcommand is None:
        if config is None:
            raise click.UsageError("Missing option '--config'.")
        run_process(name, config)
    elif config is not None:
        raise click.UsageError(f"Give --config behind {context.invoked_subcommand}.")
