"""The center's private certificate authority and the certificates of its hosts.

They say which host a connection comes from, for a day; they make nothing believable: that takes
a signature by a key of the roster. Keys are ECDSA P-256, which every TLS 1.3 stack speaks.
"""

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically, write_together
from serambi.base.ids import check_id

CA = "ca.pem"
CERT = "cert.pem"
KEY = "key.pem"
_CA_KEY = "ca-key.pem"

LIFE = timedelta(hours=24)
_CA_LIFE = timedelta(days=3653)
# Hosts whose clocks differ a little must still be able to use a fresh certificate.
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Signer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def create_authority(folder: Path, now: float, name: str = "Serambi center") -> None:
    """Make `ca.pem` and `ca-key.pem` (0600), good for ten years. Raises `CONFLICT` where an
    authority is already: replacing it would cut off every host."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (folder / CA, folder / _CA_KEY):
        if os.path.lexists(file):
            raise SerambiError(Kind.CONFLICT, "there is an authority already", where=str(file))
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = _time(now)
    builder = (
        _builder(issuer, issuer, key.public_key(), begin, begin + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(_authority_id(key), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    write_atomically(folder / _CA_KEY, _pem(key), mode=0o600)
    write_atomically(folder / CA, certificate.public_bytes(serialization.Encoding.PEM))


def issue(
    folder: Path,
    authority: Path,
    name: str,
    now: float,
    *,
    dns: Iterable[str] = (),
    ips: Iterable[str] = (),
) -> None:
    """Make a fresh key and a 24 h certificate for `name` (a site's id, or `center`): `key.pem`
    (0600), `cert.pem` and the authority's `ca.pem` in `folder`.

    `name` is the common name and always among the DNS names. Raises `SerambiError` for names
    that are none and when the authority cannot be read or has run out.
    """
    signer = _load_authority(authority)
    names = _names(name, dns, ips)
    begin = _time(now)
    end = min(begin + LIFE, signer.certificate.not_valid_after_utc)
    if end <= begin:
        raise SerambiError(
            Kind.UNAVAILABLE,
            "the authority's certificate has run out",
            where=str(authority),
            hint="create a new authority and enroll the hosts again",
        )
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        _builder(signer.certificate.subject, subject, key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_authority_id(signer.key), critical=False)
    )
    certificate = builder.sign(signer.key, hashes.SHA256())
    folder.mkdir(parents=True, exist_ok=True)
    pem = serialization.Encoding.PEM
    write_together(
        folder,
        {
            KEY: (_pem(key), 0o600),
            CA: (signer.certificate.public_bytes(pem), 0o644),
            # Last, because its presence is what says that the three belong together.
            CERT: (certificate.public_bytes(pem), 0o644),
        },
    )


def ensure(
    folder: Path,
    authority: Path,
    name: str,
    now: float,
    *,
    dns: Iterable[str] = (),
    ips: Iterable[str] = (),
) -> bool:
    """Issue anew when less than a third of the life is left, or when what is there is missing,
    damaged, of another authority or for other names. Returns whether it did."""
    dns, ips = tuple(dns), tuple(ips)
    signer = _load_authority(authority)
    if _serves(folder, signer, _names(name, dns, ips), name, now):
        return False
    issue(folder, authority, name, now, dns=dns, ips=ips)
    return True


def _serves(
    folder: Path, signer: _Signer, names: list[x509.GeneralName], name: str, now: float
) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate((folder / CERT).read_bytes())
        key = serialization.load_pem_private_key((folder / KEY).read_bytes(), None)
        kept_ca = x509.load_pem_x509_certificate((folder / CA).read_bytes())
        certificate.verify_directly_issued_by(signer.certificate)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (
        OSError,
        ValueError,
        TypeError,
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.ExtensionNotFound,
    ):
        return False
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    left = certificate.not_valid_after_utc - _time(now)
    return (
        kept_ca == signer.certificate
        and certificate.public_key() == key.public_key()
        and list(found.value) == names
        and certificate.subject.rfc4514_string() == f"CN={name}"
        and certificate.not_valid_before_utc <= _time(now)
        and left * 3 >= life
    )


def _load_authority(folder: Path) -> _Signer:
    path = folder / _CA_KEY
    try:
        if path.stat().st_mode & 0o077:
            raise SerambiError(
                Kind.DENIED,
                "the authority's key can be read by others",
                where=str(path),
                hint=f"chmod 600 {path}",
            )
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((folder / CA).read_bytes())
    except OSError as error:
        raise SerambiError(
            Kind.NOT_FOUND, f"the authority cannot be read: {error.strerror}", where=str(folder)
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SerambiError(
            Kind.CORRUPT, "the authority's files are damaged", where=str(folder)
        ) from error
    if (
        not isinstance(key, ec.EllipticCurvePrivateKey)
        or key.public_key() != certificate.public_key()
    ):
        raise SerambiError(
            Kind.CORRUPT, "the authority's key and certificate do not match", where=str(folder)
        )
    return _Signer(certificate, key)


def _names(name: str, dns: Iterable[str], ips: Iterable[str]) -> list[x509.GeneralName]:
    check_id(name, "host")
    try:
        return [
            *(x509.DNSName(each) for each in dict.fromkeys((name, *dns))),
            *(x509.IPAddress(ipaddress.ip_address(each)) for each in dict.fromkeys(ips)),
        ]
    except (ValueError, TypeError) as error:
        raise SerambiError(
            Kind.BAD_INPUT, f"a certificate cannot name this: {error}", where=f"host {name}"
        ) from error


def _builder(
    issuer: x509.Name,
    subject: x509.Name,
    public: ec.EllipticCurvePublicKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin - _BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _authority_id(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _time(now: float) -> datetime:
    """X.509 counts whole seconds."""
    return datetime.fromtimestamp(int(now), UTC)
