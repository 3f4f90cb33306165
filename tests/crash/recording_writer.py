"""Records a clip group by group until it is killed; says after each unit how far it is."""

import sys
from pathlib import Path

from serambi.base.clock import SystemClock
from serambi.recording.index import Index
from serambi.recording.recorder import Recorder
from tests.clips import clip


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    recorder = Recorder(folder, "gate", Index(folder / "index.db"), SystemClock())
    made = clip(100)
    recorder.write(made.config)
    for unit in made.units[:count]:
        recorder.write(unit)
    print("written", flush=True)
    sys.stdin.read()  # the test kills this process here, in the middle of a group


if __name__ == "__main__":
    main()
