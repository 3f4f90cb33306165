"""The options of the commands that write a report from files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click


def _zone(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """`Asia/Jakarta` and the like, or an error that says so."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(f"{value!r} is no zone such as Asia/Jakarta") from error
    return value


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_OPTIONS = (
    click.option("--lang", type=click.Choice(["id", "en"]), default="id", help="Language."),
    click.option("--zone", default="Asia/Jakarta", help="Whose dates.", callback=_zone),
    click.option("--agreements", type=_FOLDER, help="Folder with the signed agreements."),
    click.option("--attestations", type=_FOLDER, help="Folder with the cameras' attestations."),
)


def report_options(out_help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--out` and what every report is made from; `out_help` says what is written there."""
    out = click.option(
        "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help=out_help
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((out, *_OPTIONS)):
            command = option(command)
        return command

    return add
