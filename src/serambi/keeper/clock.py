"""A date that this keeper saw and that was wrong: its owner says so, and that is written down.

The keeper denies while the date lies behind the latest one it has seen, so that nobody can turn a
clock back into an agreement that has ended.
"""

import os
from datetime import UTC, datetime

from serambi.agreement.decide import Reason, clock_is_sane
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey
from serambi.keeper.config import KeeperConfig
from serambi.keeper.durable import DURABLE_FILE, Durable
from serambi.ledger.entry import Entry
from serambi.ledger.store import LedgerStore

WHY_MAX_CHARACTERS = 500


def trouble(config: KeeperConfig, behind_s: float) -> str:
    """Why nothing is shared with a date that lies `behind_s` back, and what to do."""
    return (
        f"the date is {behind_s:.0f} s behind the latest one seen: set it right; if that one was "
        f"wrong, stop the keeper and run: serambi keeper clock --config "
        f"{config.folder / 'keeper.toml'} --reset"
    )


def latest_seen(config: KeeperConfig) -> float:
    """The latest date ever seen, unix seconds. Raises NOT_FOUND where no keeper has run yet,
    CORRUPT when it is not known."""
    if not (config.folder / DURABLE_FILE).exists():
        what = "no keeper has run here yet"
        raise SerambiError(Kind.NOT_FOUND, what, where=str(config.folder))
    return Durable(config.folder).clock_high_water


def reset(config: KeeperConfig, clock: Clock, why: str) -> None:
    """Forget every later date than now; first the ledger says so, and `why`.

    Raises what `latest_seen` raises; CONFLICT while the keeper runs, and when the date is not
    behind; DENIED for another user than the keeper's, whose files would be in its way; BAD_INPUT
    for no or too many words; UNAVAILABLE when the disk refuses. Then nothing is forgotten.
    """
    where = f"site {config.site}"
    if not 0 < len(why.strip()) <= WHY_MAX_CHARACTERS:
        what = f"the reason must have 1 to {WHY_MAX_CHARACTERS} characters"
        raise SerambiError(
            Kind.BAD_INPUT, what, where=where, hint="say in a sentence what happened"
        )
    latest_seen(config)
    if os.geteuid() != config.folder.stat().st_uid:
        what = "this is another user than the keeper's"
        raise SerambiError(Kind.DENIED, what, where=where, hint="run it as the keeper's user")
    key = SigningKey.load(config.folder / "key")
    with LedgerStore.open(config.folder / "ledger", config.origin, key, clock) as store:
        durable = Durable(config.folder)
        now, seen = clock.now(), durable.clock_high_water
        if clock_is_sane(now, seen):
            what = "the date is not behind the latest one seen: there is nothing to reset"
            raise SerambiError(Kind.CONFLICT, what, where=where)
        store.append(
            [
                Entry(
                    kind="clock_reset",
                    at_ms=store.stamp(),
                    site=config.site,
                    party=config.owner,
                    reason=Reason.CLOCK,
                    detail=f"{_utc(seen)} -> {_utc(now)}: {why.strip()}",
                )
            ]
        )
        durable.forget_clock(now)


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
