"""`serambi keeper clock`: what the box has seen of the date, and the owner's word against it."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from serambi.base.clock import SystemClock
from serambi.keeper.clock import latest_seen, reset
from serambi.keeper.config import read_config

_WHY = "a date in the future was seen"


@click.command()
@click.option("--config", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--reset", "do_reset", is_flag=True, help="Forget every later date than now.")
@click.option("--why", default=_WHY, help="What happened, in words, for the ledger.")
@click.option("--yes", is_flag=True, help="Do not ask whether the date is right.")
def clock(config: Path, do_reset: bool, why: str, yes: bool) -> None:
    """Show the latest date that the keeper has seen; with --reset, forget it."""
    keeper = read_config(config)
    zone = ZoneInfo(keeper.zone)

    def shown(at: float) -> str:
        return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S %Z")

    now = SystemClock()
    click.echo(f"latest date seen: {shown(latest_seen(keeper))}")
    click.echo(f"date of this box: {shown(now.now())}")
    if not do_reset:
        return
    # Whoever turns the date back can open an agreement that has ended.
    if not yes:
        click.confirm("Is the date of this box right?", abort=True)
    reset(keeper, now, why)
    click.echo("forgotten, and written down in the ledger: start the keeper")
