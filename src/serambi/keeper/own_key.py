"""The gateway's own key: what it signs is believed as long as the roster has it."""

import logging

from serambi.base.clock import Clock
from serambi.identity.chain import Chain
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster
from serambi.keeper.config import KeeperConfig
from serambi.ledger.store import LedgerStore
from serambi.ledger.verify import keys_of_origin

log = logging.getLogger(__name__)


def open_ledger(config: KeeperConfig, clock: Clock) -> LedgerStore:
    """The site's own ledger, which may have been begun under an earlier key of the roster. Raises
    what `SigningKey.load`, `Chain.open` and `LedgerStore.open` raise."""
    key = SigningKey.load(config.folder / "key")
    rosters = Chain.open(config.folder / "rosters", config.roster, config.genesis)
    known = keys_of_origin(config.origin, rosters.head)
    return LedgerStore.open(config.folder / "ledger", config.origin, key, clock, known)


def say_whose_key(config: KeeperConfig, roster: Roster, key: SigningKey) -> None:
    """Say which roster holds, and when nobody believes this gateway by it."""
    log.info("roster %d holds, sha256 %s", roster.document.sequence, roster.digest)
    entry = roster.entry(key.key_id)
    if entry is None or (entry.use, entry.site) != ("gateway", config.site):
        log.error(
            "the roster does not have the key of this gateway: stop the keeper, put the new key "
            "into %s and start it again",
            config.folder / "key",
        )
