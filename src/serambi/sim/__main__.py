"""`python -m serambi.sim --config sim.json [--control]`."""

import argparse
import asyncio
import sys
from pathlib import Path

from serambi.base.errors import SerambiError
from serambi.sim.cameras import read_config, serve


def _first(error: BaseException) -> SerambiError | None:
    if isinstance(error, BaseExceptionGroup):
        return next((found for inner in error.exceptions if (found := _first(inner))), None)
    return error if isinstance(error, SerambiError) else None


def main() -> int:
    """Exit 0 after serving, 2 when it could not start; the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python -m serambi.sim", description="Simulated cameras")
    parser.add_argument("--config", type=Path, required=True, help="JSON configuration")
    parser.add_argument("--control", action="store_true", help="take commands on standard input")
    asked = parser.parse_args()
    try:
        asyncio.run(serve(read_config(asked.config), control=asked.control))
    except (SerambiError, BaseExceptionGroup) as error:
        reason = _first(error)
        if reason is None:
            raise
        sys.stderr.write(f"{reason}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
