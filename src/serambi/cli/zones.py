"""A zone of the calendar as an option."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click


def zone_option(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """`Asia/Jakarta` and the like, or an error that says so."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(f"{value!r} is no zone such as Asia/Jakarta") from error
    return value
