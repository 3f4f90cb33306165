"""Checking a ledger's folder offline: everything is rebuilt from the entries and compared.

Believes the roster and nothing else. What one folder alone cannot show is said, not guessed:
whether a newer checkpoint exists elsewhere.
"""

import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.limits import CLOCK_SKEW_MAX_S
from serambi.identity.keys import VerifyKey
from serambi.identity.roster import Roster
from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint
from serambi.ledger.entry import decode_entry
from serambi.ledger.note import Verifier
from serambi.ledger.pending import PENDING_FILE
from serambi.ledger.quorum import Cosigned, quorum_of, read_cosigned, seen_by_quorum, witnesses_of
from serambi.ledger.reader import (
    CHECKPOINT_FILE,
    COSIGNED_FILE,
    FORMAT_FILE,
    LOCK_FILE,
    TEMPORARY_FILES,
    TileReader,
    check_format,
    files_below,
    read_checkpoint,
    read_cosigned_notes,
    read_pending,
)
from serambi.ledger.tiles import (
    BUNDLE_LEVEL,
    TILE_WIDTH,
    Edge,
    Tile,
    decode_hashes,
    parse_path,
    tiles_of,
    width_at,
)

_NAMED_MAX = 8
_OWN_FILES = frozenset({CHECKPOINT_FILE, COSIGNED_FILE, FORMAT_FILE, LOCK_FILE, PENDING_FILE})


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome: `lines` for people, step by step; `why` is the last of them."""

    ok: bool
    lines: tuple[str, ...]
    why: str


def verify(folder: Path, roster: Roster) -> Report:
    """Check the whole ledger of `folder` against the keys of `roster`. Raises nothing but bugs."""
    lines: list[str] = []
    try:
        why = "OK: " + _verify(folder, roster, lines)
        ok = True
    except SerambiError as error:
        why, ok = f"NOT VALID: {error}", False
    lines.append(why)
    return Report(ok, tuple(lines), why)


def keys_of_origin(origin: str, roster: Roster) -> tuple[VerifyKey, ...]:
    """The keys that may sign for `<party>/<site>/keeper` or `<party>/center`, by the roster: those
    of today first, then former ones that were not lost."""
    parts = origin.split("/")
    for part in parts:
        check_id(part, "part of the origin")
    match parts:
        case [party, site, "keeper"]:
            return roster.log_keys(use="gateway", party=party, site=site)
        case [party, "center"]:
            return roster.log_keys(use="center", party=party)
    raise SerambiError(Kind.BAD_INPUT, f"the origin {origin!r} names neither a keeper nor a center")


def _verify(folder: Path, roster: Roster, lines: list[str]) -> str:
    for name in (FORMAT_FILE, CHECKPOINT_FILE):
        _check_plain(folder, name)
    check_format(folder)
    # The checkpoint first: in a live folder the tiles listed after it can only be newer.
    checkpoint, note = read_checkpoint(folder)
    lines.append(f"1. The checkpoint is of {checkpoint.origin} with {checkpoint.size} entries.")
    keys = keys_of_origin(checkpoint.origin, roster)
    signed = note.signed_by(Verifier(checkpoint.origin, key) for key in keys)
    if not signed:
        raise SerambiError(
            Kind.UNAUTHENTICATED,
            f"the checkpoint is not signed by a key that the roster has for {checkpoint.origin}",
        )
    key_ids = ", ".join(verifier.key.key_id for verifier in signed)
    lines.append(f"2. It is signed by the roster's key {key_ids}.")
    names = list(files_below(folder))
    for name in names:
        _check_plain(folder, name)
    found = _sort_files(names, checkpoint.size)
    lines.append(f"3. All {found.current} tiles are there; {found.beyond_said()}.")
    words = cosigned_in(folder, checkpoint.origin, keys, roster)
    sizes = frozenset(word.checkpoint.size for word in words)
    rebuilt = _Rebuilding(TileReader(folder, checkpoint.size), folder, sizes)
    rebuilt.run()
    for tile in found.narrower:
        rebuilt.compare_narrower(tile)
    lines.append(f"4. All tiles follow from the entries; {rebuilt.span_said()}.")
    if rebuilt.edge.root() != checkpoint.root:
        raise SerambiError(Kind.CORRUPT, "the entries do not lead to the checkpoint's root")
    lines.append("5. The entries lead to the signed root.")
    newest = _go_on(folder, checkpoint, keys, rebuilt)
    if newest.size > checkpoint.size:
        more = newest.size - checkpoint.size
        lines.append(f"6. {more} newer entries wait for their tiles, signed as they were written.")
    said = _cosigned_said(words, newest, rebuilt, len(witnesses_of(roster)))
    lines.append(f"{len(lines) + 1}. {said}")
    lines.append(
        "   Whether a newer checkpoint exists cannot be known from this folder alone: "
        "compare with another copy."
    )
    return _conclusion(newest)


def _go_on(
    folder: Path, checkpoint: Checkpoint, keys: Sequence[VerifyKey], rebuilt: "_Rebuilding"
) -> Checkpoint:
    """Check what was appended and is not in tiles yet; -> the newest signed checkpoint.

    In a folder copied while it grew this may begin later than the tiles end: then it is passed
    over, as what lies beyond the checkpoint always is.
    """
    for record in read_pending(folder, checkpoint.size):
        rebuilt.add(record.leaves)
        newer, note = parse_checkpoint(record.checkpoint)
        if not note.signed_by(Verifier(checkpoint.origin, key) for key in keys):
            raise SerambiError(
                Kind.UNAUTHENTICATED, f"{PENDING_FILE} is not signed at entry {record.start}"
            )
        expected = (checkpoint.origin, record.stop, rebuilt.edge.root())
        if (newer.origin, newer.size, newer.root) != expected:
            raise SerambiError(
                Kind.CORRUPT, f"{PENDING_FILE} does not lead to its root at entry {record.start}"
            )
        checkpoint = newer
    return checkpoint


def cosigned_in(
    folder: Path, origin: str, keys: Sequence[VerifyKey], roster: Roster
) -> list[Cosigned]:
    """What each party has cosigned last, by the file in the folder. Raises `SerambiError` for a
    false one; whether the checkpoints lie in this ledger's past is not judged."""
    latest: dict[str, Cosigned] = {}
    for raw in read_cosigned_notes(folder):
        for word in read_cosigned(raw, origin, keys, roster):
            known = latest.get(word.party)
            if known is None or (known.checkpoint.size, known.at_s) < (
                word.checkpoint.size,
                word.at_s,
            ):
                latest[word.party] = word
    return [latest[party] for party in sorted(latest)]


def _cosigned_said(
    words: Sequence[Cosigned], newest: Checkpoint, rebuilt: "_Rebuilding", witnesses: int
) -> str:
    """Who cosigned how much. What is newer than a quorum's word is said, not refused: cosigning
    takes its time, and this copy may be older than the words in it."""
    if not witnesses:
        return "The roster names no witness: nobody but its signer vouches for this ledger."
    for word in words:
        root = rebuilt.roots.get(word.checkpoint.size)
        if root is not None and root != word.checkpoint.root:
            raise SerambiError(
                Kind.CORRUPT,
                f"{word.party} cosigned another past: {word.checkpoint.size} entries with the root "
                f"{word.checkpoint.root.hex()[:16]}, which is {root.hex()[:16]} here",
                where=COSIGNED_FILE,
                hint="keep both copies, and tell every party: one of them was forged",
            )
    needed = quorum_of(witnesses)
    seen = seen_by_quorum({word.party: word.checkpoint.size for word in words}, witnesses)
    each = ", ".join(
        f"{word.party} to entry {word.checkpoint.size} at {_utc(word.at_s * 1000)}"
        for word in words
    )
    if seen < 0:
        return f"Not cosigned by {needed} of {witnesses} parties yet: {each or 'by nobody'}."
    fresh = max(newest.size - int(seen), 0)
    more = f"{fresh} newer entries are not yet cosigned" if fresh else "nothing waits for them"
    return f"Cosigned by {needed} of {witnesses} parties to entry {int(seen)}; {more}: {each}."


def _check_plain(folder: Path, name: str) -> None:
    """Links lead out of what was copied, pipes block: neither is read."""
    try:
        mode = (folder / name).lstat().st_mode
    except OSError:
        return  # gone meanwhile, or never there: whoever needs it says so
    if not stat.S_ISREG(mode):
        raise SerambiError(Kind.CORRUPT, f"{name} is not a plain file", where=str(folder))


def _conclusion(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size} entries of {checkpoint.origin}, complete and unchanged as signed"


@dataclass(slots=True)
class _Found:
    current: int = 0
    beyond: int = 0
    narrower: list[Tile] = field(default_factory=list)

    def beyond_said(self) -> str:
        if not self.beyond:
            return "nothing lies beyond the checkpoint"
        return f"{self.beyond} more lie beyond the checkpoint, unsigned and not judged"


def _sort_files(names: Iterable[str], size: int) -> _Found:
    """Tell the files of the signed tree from leftovers; raise for missing and foreign ones."""
    found = _Found()
    tiles: set[Tile] = set()
    foreign = []
    for name in names:
        tile = parse_path(name)
        if tile is not None:
            tiles.add(tile)
        elif name not in _OWN_FILES | TEMPORARY_FILES:
            foreign.append(name)
    if foreign:
        raise SerambiError(
            Kind.CORRUPT, f"{len(foreign)} files do not belong to a ledger: {_some(foreign)}"
        )
    widest: dict[tuple[int, int], int] = {}
    for tile in tiles:
        place = (tile.level, tile.index)
        widest[place] = max(widest.get(place, 0), tile.width)
        width = width_at(tile.level, tile.index, size)
        if tile.width > width:
            found.beyond += 1
        elif tile.width < width:
            found.narrower.append(tile)
    # In a folder copied while it grew, a wider tile may have taken the place of the signed one.
    missing = []
    for tile in tiles_of(size):
        found.current += 1
        if widest.get((tile.level, tile.index), 0) < tile.width:
            missing.append(tile.path)
    if missing:
        raise SerambiError(Kind.CORRUPT, f"{len(missing)} tiles are missing: {_some(missing)}")
    return found


class _Rebuilding:
    """The tree grown anew from the entries, each tile compared as it fills."""

    def __init__(self, tiles: TileReader, folder: Path, sizes: frozenset[int]) -> None:
        """`sizes`: after so many entries the root is to be remembered in `roots`."""
        self.edge = Edge()
        self.roots: dict[int, bytes] = {}
        self._sizes = sizes
        self._tiles = tiles
        self._folder = folder
        self._first_ms = self._last_ms = 0

    def run(self) -> None:
        for index in range(-(-self._tiles.size // TILE_WIDTH)):
            for tile, content in self.add(self._tiles.bundle(index)):
                self._compare(tile, content)
        for tile, content in self.edge.partial():
            self._compare(tile, content)

    def add(self, leaves: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Check the next entries and let the tree grow by them; -> the tiles that are full then."""
        start = self.edge.size
        stop = start + len(leaves)
        for index, raw in enumerate(leaves, start):
            self._check_time(index, decode_entry(raw, index).at_ms)
        full = []
        for size in sorted({stop} | {size for size in self._sizes if start < size < stop}):
            full += self.edge.extend(leaves[self.edge.size - start : size - start])
            if size in self._sizes:
                self.roots[size] = self.edge.root()
        return full

    def _check_time(self, index: int, at_ms: int) -> None:
        if index == 0:
            self._first_ms = at_ms
        elif at_ms < self._last_ms - CLOCK_SKEW_MAX_S * 1000:
            raise SerambiError(
                Kind.CORRUPT,
                f"the time runs back by {self._last_ms - at_ms} ms, "
                f"more than the {CLOCK_SKEW_MAX_S:g} s allowed",
                where=f"entry {index}",
            )
        self._last_ms = at_ms

    def _compare(self, tile: Tile, content: bytes) -> None:
        if tile.level == BUNDLE_LEVEL:
            return  # it is what the tree is rebuilt from
        expected = decode_hashes(content, tile.path)
        for position, (want, have) in enumerate(
            zip(expected, self._tiles.hashes(tile.level, tile.index), strict=True)
        ):
            if want != have:
                raise SerambiError(
                    Kind.CORRUPT,
                    f"{tile.path} does not follow from the entries at its hash {position}",
                    where=str(self._folder),
                )

    def compare_narrower(self, tile: Tile) -> None:
        """A narrower tile that was left over must be the beginning of the one in its place."""
        size = (tile.index * TILE_WIDTH + tile.width) << (8 * max(tile.level, 0))
        old = TileReader(self._folder, size)
        if tile.level == BUNDLE_LEVEL:
            same = old.bundle(tile.index) == self._tiles.bundle(tile.index)[: tile.width]
        else:
            now = self._tiles.hashes(tile.level, tile.index)[: tile.width]
            same = old.hashes(tile.level, tile.index) == now
        if not same:
            raise SerambiError(
                Kind.CORRUPT,
                f"{tile.path} is not the beginning of the tile that replaced it",
                where=str(self._folder),
            )

    def span_said(self) -> str:
        """From when to when the entries are."""
        if not self.edge.size:
            return "there are none yet"
        return f"from {_utc(self._first_ms)} to {_utc(self._last_ms)}"


def _utc(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(" ", "seconds")
    except (ValueError, OverflowError):
        return f"{at_ms} ms"  # a date beyond the calendar is strange, not a forgery


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED_MAX])
    return shown if len(names) <= _NAMED_MAX else f"{shown} and {len(names) - _NAMED_MAX} more"
