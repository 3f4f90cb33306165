"""`python -m tests.fakes.hasty COMMAND ...` is `serambi COMMAND ...` where everything about the
heartbeat goes five times as fast: agreements may have a shorter one, and witnesses speak the more
often, and try the sooner again who was away. Nothing else is another."""

import runpy
import sys
from unittest.mock import patch

FASTER = 5
HEARTBEAT_S = 60 // FASTER

if __name__ == "__main__":
    from serambi.base import limits

    names = ("WITNESS_LOOK_EVERY_S", "WITNESS_AGAIN_S", "BACKOFF_MAX_S", "PAPERS_DELIVER_EVERY_S")
    faster = {name: getattr(limits, name) / FASTER for name in names}
    with patch.multiple(limits, HEARTBEAT_MIN_S=HEARTBEAT_S, **faster):
        sys.argv = ["serambi", *sys.argv[1:]]
        runpy.run_module("serambi", run_name="__main__", alter_sys=True)
