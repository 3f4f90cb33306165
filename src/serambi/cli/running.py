"""One process of the town in this very process: its log, its work, its end."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from importlib import import_module
from pathlib import Path

import click

from serambi.base.errors import SerambiError
from serambi.base.process import leave, start_log


def run_process(name: str, config: Path) -> None:
    """Run `serambi.NAME` with the settings in `config` until it is told to end; does not return.
    What refuses to start is said in one sentence, exit code 1."""
    start_log(name)
    run: Callable[[Path], Coroutine[None, None, None]]
    run = import_module(f"serambi.{name}.main").run
    try:
        asyncio.run(run(config))
    except* SerambiError as group:
        for error in _each(group):
            click.echo(f"serambi {name}: {error}", err=True)
        sys.exit(1)
    leave()


def _each(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The errors themselves, however deep the tasks were nested that they ended."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _each(error)
        else:
            yield error
