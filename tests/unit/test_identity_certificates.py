import ssl
import stat
import threading
from pathlib import Path
from socket import create_connection, create_server

import pytest
from cryptography import x509

from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.identity.certificates import create_authority, ensure, issue

NOW = 1_795_430_400.0
HOUR_S = 3600.0


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    create_authority(tmp_path / "ca", NOW)
    return tmp_path / "ca"


def certificate(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())


def test_a_host_certificate_lives_for_a_day_and_names_its_host(
    authority: Path, tmp_path: Path
) -> None:
    host = tmp_path / "host"
    issue(host, authority, "gudang-kpu", NOW, dns=["gudang.local"], ips=["127.0.0.1", "::1"])
    made = certificate(host)
    assert made.subject.rfc4514_string() == "CN=gudang-kpu"
    assert made.not_valid_after_utc.timestamp() == NOW + 24 * HOUR_S
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gudang-kpu", "gudang.local"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert (host / "ca.pem").read_bytes() == (authority / "ca.pem").read_bytes()


def test_private_keys_are_for_their_owner_only(authority: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    issue(host, authority, "center", NOW)
    for path in (host / "key.pem", authority / "ca-key.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_authority_is_never_replaced(authority: Path) -> None:
    before = (authority / "ca.pem").read_bytes()
    with pytest.raises(SerambiError) as caught:
        create_authority(authority, NOW)
    assert caught.value.kind == Kind.CONFLICT
    assert (authority / "ca.pem").read_bytes() == before


@pytest.mark.parametrize(
    ("later_h", "renewed"), [(0, False), (15.9, False), (16.5, True), (30, True), (-1, True)]
)
def test_it_is_renewed_when_less_than_a_third_is_left(
    authority: Path, tmp_path: Path, later_h: float, renewed: bool
) -> None:
    host = tmp_path / "host"
    assert ensure(host, authority, "center", NOW)
    serial = certificate(host).serial_number
    assert ensure(host, authority, "center", NOW + later_h * HOUR_S) is renewed
    assert (certificate(host).serial_number != serial) is renewed


def test_it_is_renewed_when_it_is_for_other_names(authority: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    ensure(host, authority, "center", NOW)
    assert ensure(host, authority, "center", NOW, ips=["127.0.0.1"])
    assert ensure(host, authority, "other", NOW, ips=["127.0.0.1"])
    assert not ensure(host, authority, "other", NOW, ips=["127.0.0.1"])


def test_it_is_renewed_when_the_authority_is_another(authority: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    ensure(host, authority, "center", NOW)
    create_authority(tmp_path / "new", NOW)
    assert ensure(host, tmp_path / "new", "center", NOW)
    assert not ensure(host, tmp_path / "new", "center", NOW)


@pytest.mark.parametrize("name", ["cert.pem", "key.pem", "ca.pem"])
@pytest.mark.parametrize("harm", ["absent", "damaged", "of another host"])
def test_a_broken_set_of_files_is_made_whole(
    authority: Path, tmp_path: Path, name: str, harm: str
) -> None:
    host, other = tmp_path / "host", tmp_path / "other"
    ensure(host, authority, "center", NOW)
    create_authority(tmp_path / "new", NOW)
    issue(other, tmp_path / "new", "center", NOW)
    if harm == "absent":
        (host / name).unlink()
    else:
        content = (other / name).read_bytes() if harm != "damaged" else b"-----BEGIN"
        (host / name).write_bytes(content)
    assert ensure(host, authority, "center", NOW)
    assert not ensure(host, authority, "center", NOW)


def test_a_certificate_without_names_is_replaced(authority: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    ensure(host, authority, "center", NOW)
    # The authority's own certificate is well formed and issued by it, but names no host.
    (host / "cert.pem").write_bytes((authority / "ca.pem").read_bytes())
    assert ensure(host, authority, "center", NOW)


@pytest.mark.parametrize(
    ("name", "dns", "ips"),
    [("Center", [], []), ("center", ["ruang kendali é"], []), ("center", [], ["300.1.1.1"])],
)
def test_names_that_are_none_are_refused(
    authority: Path, tmp_path: Path, name: str, dns: list[str], ips: list[str]
) -> None:
    with pytest.raises(SerambiError) as caught:
        issue(tmp_path / "host", authority, name, NOW, dns=dns, ips=ips)
    assert caught.value.kind == Kind.BAD_INPUT
    assert not (tmp_path / "host").exists()


def test_an_authority_that_has_run_out_issues_nothing(authority: Path, tmp_path: Path) -> None:
    with pytest.raises(SerambiError, match="run out"):
        issue(tmp_path / "host", authority, "center", NOW + 4000 * 24 * HOUR_S)


def test_no_certificate_outlives_its_authority(authority: Path, tmp_path: Path) -> None:
    end = x509.load_pem_x509_certificate((authority / "ca.pem").read_bytes()).not_valid_after_utc
    issue(tmp_path / "host", authority, "center", end.timestamp() - HOUR_S)
    assert certificate(tmp_path / "host").not_valid_after_utc == end


def test_an_authority_that_cannot_be_used_is_told(authority: Path, tmp_path: Path) -> None:
    def kind() -> Kind:
        with pytest.raises(SerambiError) as caught:
            issue(tmp_path / "host", authority, "center", NOW)
        return caught.value.kind

    key = authority / "ca-key.pem"
    good = key.read_bytes()
    key.chmod(0o644)
    assert kind() == Kind.DENIED
    key.chmod(0o600)
    key.write_bytes(b"nothing")
    assert kind() == Kind.CORRUPT
    create_authority(tmp_path / "new", NOW)
    key.write_bytes((tmp_path / "new" / "ca-key.pem").read_bytes())
    assert kind() == Kind.CORRUPT
    key.write_bytes(good)
    (authority / "ca.pem").unlink()
    assert kind() == Kind.NOT_FOUND


def test_two_hosts_meet_over_mutual_tls_1_3(tmp_path: Path) -> None:
    now = SystemClock().now()
    create_authority(tmp_path / "ca", now)
    issue(tmp_path / "center", tmp_path / "ca", "center", now, ips=["127.0.0.1"])
    issue(tmp_path / "site", tmp_path / "ca", "gudang-kpu", now)
    server = _context(ssl.PROTOCOL_TLS_SERVER, tmp_path / "center")
    client = _context(ssl.PROTOCOL_TLS_CLIENT, tmp_path / "site")
    seen: list[object] = []

    with create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve() -> None:
            accepted, _ = listening.accept()
            with accepted, server.wrap_socket(accepted, server_side=True) as connection:
                seen.append(connection.getpeercert())
                connection.sendall(b"hello")

        thread = threading.Thread(target=serve)
        thread.start()
        with (
            create_connection(listening.getsockname(), timeout=10) as plain,
            client.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
        ):
            assert connection.version() == "TLSv1.3"
            assert connection.recv(5) == b"hello"
        thread.join(10)
    assert "gudang-kpu" in repr(seen)


def _context(protocol: int, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context
