"""Laying a town out: what a long run needs from it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from serambi.cli import demo
from serambi.cli.layout import Layout, Ports, lay_out, renew_couriers
from serambi.sim.encode import Streams
from tests.crash.small_town import SHUT, TALL, small_town

NOW = 1_750_000_000.0
HOUR_S = 3600.0


@pytest.fixture
def laid_out(tmp_path: Path) -> Layout:
    town = small_town()
    streams = Streams(tmp_path / "main.sim", tmp_path / "sub.sim")
    ports = Ports(1001, 1002, 1003, {site.id: 1004 + n for n, site in enumerate(town.site)})
    return lay_out(tmp_path / "town", town, ports, {c.id: streams for c in town.cameras}, NOW)


def _ends(layout: Layout, site: str) -> datetime:
    raw = (layout.courier(site) / "tls" / "cert.pem").read_bytes()
    return x509.load_pem_x509_certificate(raw).not_valid_after_utc


def test_couriers_get_new_certificates_before_the_old_ones_end(laid_out: Layout) -> None:
    center = (laid_out.center / "tls" / "cert.pem").read_bytes()
    assert renew_couriers(laid_out.folder, laid_out.town, NOW + HOUR_S) == []
    later = NOW + 17 * HOUR_S
    assert renew_couriers(laid_out.folder, laid_out.town, later) == [TALL, SHUT]
    assert renew_couriers(laid_out.folder, laid_out.town, later + 600) == []
    for site in (TALL, SHUT):
        assert _ends(laid_out, site) == datetime.fromtimestamp(later + 24 * HOUR_S, UTC)
    # The center has the authority and renews its own: two writers would mix their files.
    assert (laid_out.center / "tls" / "cert.pem").read_bytes() == center


async def test_a_running_demo_keeps_renewing(
    laid_out: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_CERTIFICATES_EVERY_S", 0.01)
    # Today is far beyond the day that this town was laid out on.
    keeping = asyncio.create_task(demo.keep_certificates(laid_out))
    try:
        async with asyncio.timeout(20):
            while _ends(laid_out, SHUT) < datetime.now(UTC):  # noqa: ASYNC110 (files)
                await asyncio.sleep(0.01)
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
    assert keeping.cancelled()
