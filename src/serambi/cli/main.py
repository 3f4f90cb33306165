"""The command `serambi`. Each job lives beside this file; here they only get their names."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import click

from serambi import __version__
from serambi.base.errors import SerambiError
from serambi.base.process import start_log


class _Serambi(click.Group):
    """Turns a `SerambiError` into one sentence and exit code 1."""

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


def _process(name: str, run: Callable[[Path], Coroutine[None, None, None]]) -> None:
    """`serambi NAME --config FILE` runs that process until it is told to end."""

    @main.command(name)
    @click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
    def command(config: Path) -> None:
        start_log(name)
        try:
            asyncio.run(run(config))
        except* SerambiError as group:
            for error in group.exceptions:
                click.echo(f"serambi {name}: {error}", err=True)
            sys.exit(1)

    command.help = f"Run the {name} with the settings in FILE, until SIGTERM or Ctrl-C."


async def _keeper(path: Path) -> None:
    from serambi.keeper.main import run

    await run(path)


async def _courier(path: Path) -> None:
    from serambi.courier.main import run

    await run(path)


async def _center(path: Path) -> None:
    from serambi.center.main import run

    await run(path)


# Imported only when asked for: a courier must not load what it may not do.
for _name, _run in (("keeper", _keeper), ("courier", _courier), ("center", _center)):
    _process(_name, _run)


def _add_groups() -> None:
    from serambi.cli.agreement import agreement_group, party_group
    from serambi.cli.demo import demo
    from serambi.cli.doctor import doctor
    from serambi.cli.ledger import ledger_group

    for command in (agreement_group, party_group, ledger_group, demo, doctor):
        main.add_command(command)


_add_groups()
