"""Renewed certificates are noticed, once they are whole."""

import asyncio
from pathlib import Path

from serambi.fabric.port import TlsFiles
from serambi.fabric.renewal import Renewal
from tests.unit.fabric_tasks import LIMIT_S


def files(folder: Path) -> TlsFiles:
    tls = TlsFiles(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    for path in (tls.ca, tls.cert, tls.key):
        path.write_text("old")
    return tls


async def test_a_replaced_file_ends_the_wait(tmp_path: Path) -> None:
    tls = files(tmp_path)
    waiting = asyncio.create_task(Renewal(tls, look_every_s=0.01).wait())
    await asyncio.sleep(0)
    (tmp_path / "new").write_text("renewed")
    (tmp_path / "new").rename(tls.cert)
    await asyncio.wait_for(waiting, LIMIT_S)


async def test_a_missing_file_is_not_a_renewal_until_it_is_back(tmp_path: Path) -> None:
    tls = files(tmp_path)
    waiting = asyncio.create_task(Renewal(tls, look_every_s=0.01).wait())
    await asyncio.sleep(0)
    tls.key.unlink()
    done, _ = await asyncio.wait([waiting], timeout=0.3)
    assert not done
    tls.key.write_text("renewed")
    await asyncio.wait_for(waiting, LIMIT_S)
