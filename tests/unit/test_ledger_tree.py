"""RFC 6962 hashes and proofs against a plain recursive reading of the RFC."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.ledger.tree import (
    EMPTY_ROOT,
    Pyramid,
    complete_root,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(140)]


def plain_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(plain_root(leaves[:k]), plain_root(leaves[k:]))


def subtree(level: int, index: int) -> bytes:
    return plain_root(LEAVES[index << level : (index + 1) << level])


def root(size: int) -> bytes:
    return plain_root(LEAVES[:size])


def test_known_hashes() -> None:
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")
    assert leaf_hash(b"").hex().startswith("6e340b9cffb37a98")


def test_every_way_to_the_root_agrees() -> None:
    grown = Pyramid()
    for size in range(len(LEAVES)):
        assert grown.hashes == LEAVES[:size]
        assert grown.root() == root(size) == tree_root(size, subtree)
        assert len(grown.peaks()) == size.bit_count()
        grown.extend([LEAVES[size]])
    assert complete_root(LEAVES[:128]) == root(128)
    at_once = Pyramid()
    at_once.extend(LEAVES)
    assert at_once.root() == grown.root()


@given(st.data())
def test_inclusion_of_any_leaf_and_of_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, subtree)
    assert verify_inclusion(LEAVES[index], index, size, proof, root(size))
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index)) if size > 1 else -1
    assert not verify_inclusion(LEAVES[index], other, size, proof, root(size))
    assert not verify_inclusion(leaf_hash(b"x"), index, size, proof, root(size))
    assert not verify_inclusion(LEAVES[index], index, size, [*proof, EMPTY_ROOT], root(size))
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not verify_inclusion(
            LEAVES[index], index, size, proof[:at] + proof[at + 1 :], root(size)
        )
        proof[at] = leaf_hash(proof[at])
        assert not verify_inclusion(LEAVES[index], index, size, proof, root(size))


@given(st.data())
def test_consistency_of_any_two_sizes(data: st.DataObject) -> None:
    new = data.draw(st.integers(0, len(LEAVES)))
    old = data.draw(st.integers(0, new))
    proof = consistency_proof(old, new, subtree)
    assert verify_consistency(old, new, proof, root(old), root(new))
    wrong = leaf_hash(b"wrong")
    assert not verify_consistency(old, new, proof, wrong, root(new))
    assert not verify_consistency(old, new, [*proof, wrong], root(old), root(new))
    if old > 0:
        assert not verify_consistency(old, new, proof, root(old), wrong)
    if proof:
        assert not verify_consistency(old, new, proof[:-1], root(old), root(new))
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = wrong
        assert not verify_consistency(old, new, proof, root(old), root(new))


@given(
    st.integers(-3, 2**64),
    st.integers(-3, 2**64),
    st.lists(st.one_of(st.binary(max_size=40), st.binary(min_size=32, max_size=32)), max_size=70),
    st.binary(min_size=32, max_size=32),
)
def test_nonsense_proofs_are_refused_without_error(
    a: int, b: int, proof: list[bytes], some_root: bytes
) -> None:
    assert not verify_inclusion(EMPTY_ROOT, a, b, [*proof, b"short"], some_root)
    assert not verify_inclusion(EMPTY_ROOT, a, b, proof, some_root)
    if a != b:
        assert not verify_consistency(a, b, proof, some_root, leaf_hash(some_root))


def test_sizes_that_cannot_be() -> None:
    for index, size in ((0, 0), (-1, 3), (3, 3)):
        with pytest.raises(SerambiError, match="there is no entry") as caught:
            inclusion_proof(index, size, subtree)
        assert caught.value.kind is Kind.BAD_INPUT
    for old, new in ((4, 3), (-1, 3)):
        with pytest.raises(SerambiError, match="cannot continue") as caught:
            consistency_proof(old, new, subtree)
        assert caught.value.kind is Kind.BAD_INPUT
    assert not verify_consistency(0, 5, [], leaf_hash(b""), root(5))
    assert not verify_consistency(3, 3, [], root(3), root(2))


def test_leaves_and_parents_are_told_apart_as_the_rfc_says() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert left == hashlib.sha256(b"\0a").digest()
    assert node_hash(left, right) == hashlib.sha256(b"\1" + left + right).digest()
    assert hashlib.sha256(b"").digest() == EMPTY_ROOT
