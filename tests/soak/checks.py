"""What must hold after each fault."""

import re
import time
from collections import Counter
from functools import partial
from pathlib import Path

from serambi.base.errors import SerambiError
from serambi.base.limits import RECORDING_SYNC_EVERY_S
from serambi.ledger.entry import Entry
from serambi.ledger.reader import TileReader, read_checkpoint
from serambi.ledger.verify import verify
from tests.crash.small_town import GOP_S, SHUT, TALL, wait_until
from tests.simulation.tap import occurs
from tests.soak.processes import Lives
from tests.soak.recordings import Recordings
from tests.soak.town import PROCESSES, World

MARGIN_S = 6.0
"""How late pictures, passes and our own looking may be on a busy machine."""
LATE_S = RECORDING_SYNC_EVERY_S + 2 * GOP_S + MARGIN_S
"""After what is recorded may be looked for on the disk, once all is well."""
GAP_MARGIN_S = 20.0
_BAD_LINES = re.compile(r"Traceback|FATAL|not rethrown|Segmentation|never awaited|crashed")
_TRIES = 4


class Checks:
    """Of one run; remembers what was looked at before."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.recordings = {site: Recordings(world.layout.keeper(site)) for site in (TALL, SHUT)}
        self.lives = Lives()
        self.entries: dict[Path, list[Entry]] = {}
        self._logs: dict[Path, int] = {}

    def run(self) -> list[str]:
        """-> what does not hold."""
        return [
            *self._recordings(),
            *self._ledgers(),
            *self._crossed(),
            *self._processes(),
            *self._log_lines(),
        ]

    def _recordings(self) -> list[str]:
        wrong = []
        for recordings in self.recordings.values():
            found, gaps, ends = recordings.look()
            wrong += found
            for camera, end_us in ends.items():
                if time.time() - end_us / 1e6 > LATE_S:
                    wrong.append(f"{camera}: {time.time() - end_us / 1e6:.0f} s are not recorded")
                wrong += [f"{camera}: {what}" for what in self._unexplained(gaps[camera])]
        return wrong

    def _unexplained(self, gaps: list[tuple[int, int]]) -> list[str]:
        return [
            f"a gap of {(b - a) / 1e6:.1f} s at {a} that nobody caused"
            for a, b in gaps
            if not any(
                begin - GAP_MARGIN_S <= a / 1e6 and b / 1e6 <= end + GAP_MARGIN_S
                for begin, end in self.world.troubled
            )
        ]

    def _ledgers(self) -> list[str]:
        wrong = []
        layout = self.world.layout
        for folder in (layout.keeper(TALL) / "ledger", layout.center / "ledger"):
            entries, why = self._read(folder)
            if why:
                wrong.append(f"{folder.parent.name}'s ledger: {why}")
                continue
            before = self.entries.get(folder, [])
            if entries[: len(before)] != before:
                wrong.append(f"{folder.parent.name}'s ledger has lost or changed an entry")
            self.entries[folder] = entries
            wrong += [f"{folder.parent.name}'s ledger: {what}" for what in self._views(entries)]
        wrong += self._caused(self.entries.get(layout.keeper(TALL) / "ledger", []))
        return wrong

    def _read(self, folder: Path) -> tuple[list[Entry], str]:
        """All entries, verified. A ledger that is written to may move on while it is read."""
        why = ""
        for _ in range(_TRIES):
            report = verify(folder, self.world.layout.roster)
            try:
                checkpoint, _ = read_checkpoint(folder)
                tiles = TileReader(folder, checkpoint.size)
                entries = [
                    entry
                    for start in range(0, checkpoint.size, 256)
                    for entry in tiles.entries(start, min(start + 256, checkpoint.size))
                ]
            except (SerambiError, OSError) as error:
                why = str(error)
                continue
            if report.ok:
                return entries, ""
            why = report.why
        return [], why

    @staticmethod
    def _views(entries: list[Entry]) -> list[str]:
        opened = Counter(e.session for e in entries if e.kind == "session_opened")
        closed = Counter(e.session for e in entries if e.kind == "session_closed")
        doubled = [s for count in (opened, closed) for s, n in count.items() if n > 1]
        wrong = [f"session {session} stands there twice" for session in doubled]
        wrong += [f"session {s} was closed, never opened" for s in closed.keys() - opened.keys()]
        return wrong

    def _caused(self, entries: list[Entry]) -> list[str]:
        """What the driver did and was told of stands there as often as it was done."""
        counted = Counter(entry.kind for entry in entries)
        wrong = []
        for kind in ("stopped", "resumed", "agreement_revoked"):
            sure = self.world.done.get(kind, 0)
            most = sure + self.world.unsure.get(kind, 0)
            if not sure <= counted[kind] <= most:
                wrong.append(f"{counted[kind]} entries {kind}, caused were {sure} to {most}")
        lost = set(self.world.town.opened) - {
            entry.session for entry in entries if entry.kind == "session_opened"
        }
        # The newest may not have been published when the ledger was read.
        wait_s = 3
        if lost - set(self.world.town.opened[-4:]):
            wrong.append(f"{len(lost)} views were open and are not in the ledger ({wait_s} s)")
        return wrong

    def _crossed(self) -> list[str]:
        wrong = []
        for site, sieve in self.world.sieves.items():
            wrong += [
                f"{name} crossed to the courier of {site}: {around!r}"
                for name, around in sorted(sieve.found.items())
                if not name.startswith("+")
            ]
        shared = {f"+{camera}" for camera in self.world.town.shared}
        if self.world.sieves and not shared <= self.world.sieves[TALL].found.keys():
            wrong.append("the tap does not even hear what is shared")
        wrong += [
            f"a viewer saw another camera {v.strange} times"
            for v in self.world.viewers
            if v.strange
        ]
        return wrong + self._kept_by_center()

    def _kept_by_center(self) -> list[str]:
        layout = self.world.layout
        files = [p for p in layout.center.rglob("*") if p.is_file() and p.name != "filler"]
        files.append(layout.folder / "logs" / "center.log")
        secrets = {
            text: text.encode()
            for camera in layout.town.cameras
            if camera.id in self.world.town.unshared
            for text in (camera.id, camera.number, camera.name.id, camera.name.en)
        } | {
            f"canary of {camera}": self.world.town.canary(camera)
            for camera in self.world.town.unshared
        }
        wrong = []
        for path in files:
            try:
                raw = path.read_bytes()
            except FileNotFoundError:
                continue
            wrong += [
                f"{path.name} of the center holds {s}" for s, b in secrets.items() if occurs(b, raw)
            ]
        return wrong

    def _processes(self) -> list[str]:
        return self.lives.look({name: self.world.town.pid(name) for name in PROCESSES})

    def _log_lines(self) -> list[str]:
        wrong = []
        for path in sorted((self.world.layout.folder / "logs").glob("*.log")):
            with path.open("rb") as file:
                file.seek(self._logs.get(path, 0))
                new = file.read()
                self._logs[path] = file.tell()
            wrong += [
                f"{path.name}: {line[:160]}"
                for line in new.decode("utf-8", "replace").splitlines()
                if _BAD_LINES.search(line)
            ]
        return wrong

    def settle(self) -> None:
        """Wait until what is recorded, and the ledgers' newest entries, are where a reader finds
        them."""
        for recordings in self.recordings.values():
            wait_until(partial(_goes_on, recordings), "it is recorded again", LATE_S)
        folder = self.world.layout.keeper(TALL) / "ledger"
        session = self.world.town.opened[-1] if self.world.town.opened else ""
        wait_until(
            lambda: any(e.session == session for e in self._read(folder)[0]) or not session,
            "the ledger is published",
        )


def _goes_on(recordings: Recordings) -> bool:
    """Something newer than what a fault may have held up is durable, of each camera."""
    return all(time.time() - end_s <= LATE_S / 2 for end_s in recordings.ends().values())
