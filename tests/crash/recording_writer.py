"""Records a clip group by group until it is killed; says after each unit how far it is.

Arguments: folder, number of units, and `synced` for a pass of the syncer after the first second.
"""

import sys
from pathlib import Path

from serambi.base.clock import SystemClock
from serambi.recording.index import Index
from serambi.recording.recorder import Recorder
from serambi.recording.syncer import Syncer
from tests.clips import clip


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    clock = SystemClock()
    syncer = Syncer(folder, Index(folder / "index.db"), clock)
    syncer.prepare()
    recorder = Recorder(folder, "gate", syncer, clock)
    made = clip(100)
    recorder.write(made.config)
    for number, unit in enumerate(made.units[:count]):
        recorder.write(unit)
        if number == 30 and "synced" in sys.argv:
            syncer.sync()
    print("written", flush=True)
    sys.stdin.read()  # the test kills this process here, in the middle of a group


if __name__ == "__main__":
    main()
