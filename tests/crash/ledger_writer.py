"""A process to be killed: appends for ever, prints each index when it is durable.

Arguments: folder, private key (hex), number of the first session. Batches of 1 to 3 entries.
"""

import sys
from pathlib import Path

from serambi.base.clock import SystemClock
from serambi.identity.keys import SigningKey
from serambi.ledger.entry import Entry
from serambi.ledger.store import LedgerStore


def main() -> None:
    folder, key_folder, run = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    key = SigningKey.load(key_folder)
    with LedgerStore.open(folder, "dishub/simpang-lima/keeper", key, SystemClock()) as store:
        number = 0
        while True:
            batch = [
                Entry(kind="session_opened", at_ms=store.stamp(), session=f"{run}-{number + more}")
                for more in range(1 + number % 3)
            ]
            number += len(batch)
            for index, entry in zip(store.append(batch), batch, strict=True):
                print(index, entry.session, flush=True)


if __name__ == "__main__":
    main()
