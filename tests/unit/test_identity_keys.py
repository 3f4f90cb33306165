import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey, VerifyKey

P = 2**255 - 19
SHARED = Path(
    os.environ.get("SERAMBI_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data")
)
WYCHEPROOF = SHARED / "vectors" / "wycheproof" / "ed25519_test.json"


def test_a_key_goes_to_its_folder_and_back(tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.save(tmp_path / "key")
    again = SigningKey.load(tmp_path / "key")
    assert again.key_id == key.key_id
    assert again.public == key.public
    assert key.public.verify(again.sign(b"m"), b"m")
    assert stat.S_IMODE((tmp_path / "key" / "key.pem").stat().st_mode) == 0o600
    public = serialization.load_pem_public_key((tmp_path / "key" / "public.pem").read_bytes())
    assert VerifyKey(public) == key.public  # type: ignore[arg-type]


def test_a_passphrase_is_asked_for(tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path, b"kata sandi")
    assert SigningKey.load(tmp_path, b"kata sandi")
    for wrong in (None, b"salah"):
        with pytest.raises(SerambiError) as caught:
            SigningKey.load(tmp_path, wrong)
        assert caught.value.kind == Kind.CORRUPT
        assert "sandi" not in str(caught.value)


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path)
    before = (tmp_path / "key.pem").read_bytes()
    with pytest.raises(SerambiError) as caught:
        SigningKey.generate().save(tmp_path)
    assert caught.value.kind == Kind.CONFLICT
    assert (tmp_path / "key.pem").read_bytes() == before


def test_a_dangling_link_counts_as_a_key(tmp_path: Path) -> None:
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SerambiError):
        SigningKey.generate().save(tmp_path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_touch_is_not_used(tmp_path: Path, mode: int) -> None:
    SigningKey.generate().save(tmp_path)
    (tmp_path / "key.pem").chmod(mode)
    with pytest.raises(SerambiError, match="chmod 600") as caught:
        SigningKey.load(tmp_path)
    assert caught.value.kind == Kind.DENIED


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(SerambiError) as caught:
        SigningKey.load(tmp_path)
    assert caught.value.kind == Kind.NOT_FOUND
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for content in (b"nothing", other):
        (tmp_path / "key.pem").write_bytes(content)
        (tmp_path / "key.pem").chmod(0o600)
        with pytest.raises(SerambiError) as caught:
            SigningKey.load(tmp_path)
        assert caught.value.kind == Kind.CORRUPT


def test_a_key_shows_its_name_only() -> None:
    key = SigningKey.generate()
    assert repr(key) == f"SigningKey({key.key_id})"
    assert repr(key.public) == f"VerifyKey({key.key_id})"
    assert len(key.key_id) == 32
    assert {key.public: 1}[VerifyKey.from_raw(key.public.raw)] == 1
    assert key.public != key.key_id


@given(st.binary(max_size=80))
def test_any_bytes_are_a_key_or_refused(raw: bytes) -> None:
    try:
        key = VerifyKey.from_raw(raw)
    except SerambiError:
        return
    assert key.raw == raw
    assert len(raw) == 32
    assert not key.verify(b"\0" * 64, b"m")


def _roots(square: int) -> list[int]:
    """Square roots modulo P, if there are any."""
    root = pow(square, (P + 3) // 8, P)
    turned = root * pow(2, (P - 1) // 4, P) % P
    return [r for each in (root, turned) for r in (each, P - each) if r * r % P == square % P]


def _small_order() -> set[int]:
    """The y of the points whose order divides 8, worked out rather than written down: y = 0, 1
    and -1, and those that double to y = 0, for which d y^4 + 2 y^2 - 1 = 0."""
    d = -121665 * pow(121666, P - 2, P) % P
    squares = [(root - 1) * pow(d, P - 2, P) % P for root in _roots(1 + d)]
    return {0, 1, P - 1, *(y for square in squares for y in _roots(square))}


def test_points_of_small_order_and_second_spellings_are_refused() -> None:
    small = _small_order()
    assert len(small) == 5
    for y in [*small, *(y + P for y in range(19))]:
        for sign in (0, 1 << 255):
            with pytest.raises(SerambiError):
                VerifyKey.from_raw((y | sign).to_bytes(32, "little"))


def test_a_signature_of_another_length_is_none() -> None:
    key = SigningKey.generate()
    good = key.sign(b"m")
    for bad in (b"", good[:63], good + b"\0", bytes(64)):
        assert not key.public.verify(bad, b"m")


@pytest.mark.skipif(not WYCHEPROOF.exists(), reason="no Wycheproof vectors in the shared data")
def test_wycheproof_ed25519() -> None:
    cases = 0
    for group in json.loads(WYCHEPROOF.read_text())["testGroups"]:
        key = VerifyKey.from_raw(bytes.fromhex(group["publicKey"]["pk"]))
        for case in group["tests"]:
            signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
            assert key.verify(signature, message) is (case["result"] == "valid"), case["tcId"]
            cases += 1
    assert cases > 50
