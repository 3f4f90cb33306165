"""Proofs and a log made by others, read with our code."""

import base64
import json
import os
from pathlib import Path

import pytest

from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint
from serambi.ledger.note import parse_verifier
from serambi.ledger.reader import TileReader
from serambi.ledger.tiles import BUNDLE_LEVEL, Edge, Tile, tiles_of
from serambi.ledger.tree import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SERAMBI_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
MERKLE = DATA / "vectors" / "merkle"
LOG = DATA / "vectors" / "tlog-tiles"

pytestmark = pytest.mark.skipif(
    not (MERKLE.is_dir() and LOG.is_dir()), reason=f"no test vectors in {DATA}"
)


def vectors(kind: str) -> list[Path]:
    return sorted((MERKLE / kind).rglob("*.json"))


@pytest.mark.parametrize("path", vectors("inclusion"), ids=lambda path: path.stem)
def test_inclusion(path: Path) -> None:
    case = json.loads(path.read_bytes())
    proof = [base64.b64decode(step) for step in case["proof"] or []]
    leaf, root = base64.b64decode(case["leafHash"]), base64.b64decode(case["root"])
    valid = verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)
    assert valid != case["wantErr"]


@pytest.mark.parametrize("path", vectors("consistency"), ids=lambda path: path.stem)
def test_consistency(path: Path) -> None:
    case = json.loads(path.read_bytes())
    proof = [base64.b64decode(step) for step in case["proof"] or []]
    roots = base64.b64decode(case["root1"]), base64.b64decode(case["root2"])
    valid = verify_consistency(case["size1"], case["size2"], proof, *roots)
    assert valid != case["wantErr"]


def checkpoints() -> list[Checkpoint]:
    verifier = parse_verifier((LOG / "PUBLIC_KEY.txt").read_text().strip())
    found = []
    for path in sorted(LOG.glob("checkpoint*")):
        checkpoint, note = parse_checkpoint(path.read_bytes())
        assert note.signed_by([verifier]) == (verifier,)
        assert checkpoint.origin == verifier.name
        found.append(checkpoint)
    return found


def test_all_checkpoints_are_signed_and_lead_to_the_tiles() -> None:
    found = checkpoints()
    assert len(found) == 17
    assert {checkpoint.size for checkpoint in found} == set(range(16))
    for checkpoint in found:
        tiles = TileReader(LOG, checkpoint.size)
        edge = Edge()
        edge.extend(list(tiles.raw_entries(0, checkpoint.size)))
        assert edge.root() == checkpoint.root == tree_root(checkpoint.size, tiles.subtree)
        assert dict(edge.partial()).keys() == set(tiles_of(checkpoint.size))
        for tile, content in edge.partial():
            assert (LOG / tile.path).read_bytes() == content


def test_our_proofs_over_their_log() -> None:
    by_size = {checkpoint.size: checkpoint.root for checkpoint in checkpoints()}
    for size, root in by_size.items():
        tiles = TileReader(LOG, size)
        for index, raw in enumerate(tiles.raw_entries(0, size)):
            proof = inclusion_proof(index, size, tiles.subtree)
            assert verify_inclusion(leaf_hash(raw), index, size, proof, root)
        for old in range(size + 1):
            proof = consistency_proof(old, size, tiles.subtree)
            assert verify_consistency(old, size, proof, by_size[old], root)
    assert TileReader(LOG, 15).bundle(0)[:2] == [b"one", b"two"]
    assert Tile(BUNDLE_LEVEL, 0, 15).path == "tile/entries/000.p/15"
