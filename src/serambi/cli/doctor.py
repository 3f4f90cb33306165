"""`serambi doctor`: looks at this machine and says what is missing, and what to do about it."""

import os
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click

_FREE_GB = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `needed`: without it Serambi does not run."""

    name: str
    well: bool
    text: str
    needed: bool = True


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    well = sys.version_info >= (3, 11)
    return Finding("Python", well, version if well else f"{version}: 3.11 or newer is needed")


def _video() -> Finding:
    try:
        av = import_module("av")
    except ImportError as error:
        return Finding("video library (PyAV)", False, f"{error}: run dev.py again")
    well = "libx264" in av.codecs_available
    return Finding("video library (PyAV)", well, f"{av.__version__}" if well else "lacks libx264")


def _fabric() -> Finding:
    try:
        import_module("zenoh")
    except ImportError as error:
        return Finding("fabric (Zenoh)", False, f"{error}: run dev.py again")
    return Finding("fabric (Zenoh)", True, "present")


def _sqlite() -> Finding:
    well = sqlite3.sqlite_version_info >= (3, 35)
    return Finding("SQLite", well, sqlite3.sqlite_version if well else "3.35 or newer is needed")


def _zones() -> Finding:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo("Asia/Jakarta")
    except ZoneInfoNotFoundError:
        return Finding("time zones", False, "missing: install the package tzdata")
    return Finding("time zones", True, "present")


def _disk(folder: Path) -> Finding:
    free_gb = shutil.disk_usage(folder).free / 1e9
    text = f"{free_gb:.0f} GB free at {folder}"
    return Finding("disk", free_gb >= _FREE_GB, text + ("" if free_gb >= _FREE_GB else ": too few"))


def _sync(folder: Path) -> Finding:
    """The ledger's promise needs a disk that can be written and synced."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"serambi")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding("writing", False, f"cannot write and sync at {folder}: {error}")
    return Finding("writing", True, f"can write and sync at {folder}")


def _loopback() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)):
            pass
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
    except OSError as error:
        return Finding("ports", False, f"cannot listen on 127.0.0.1: {error}")
    return Finding("ports", True, "TCP and UDP on 127.0.0.1")


def _files() -> Finding:
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    well = soft >= 1024
    return Finding("open files", well, f"{soft}" if well else f"{soft}: raise ulimit -n to 1024")


def _pages() -> Finding:
    built = Path(__file__).parents[1] / "web" / "built" / "index.html"
    text = "built" if built.exists() else "not built: python3 dev.py demo builds it"
    return Finding("web app", built.exists(), text)


def _browser() -> Finding:
    names = ("chromium", "chromium-browser", "google-chrome", "firefox")
    found = next((path for path in map(shutil.which, names) if path), None)
    return Finding("browser", found is not None, found or "none found on this machine", False)


def examine(folder: Path) -> Iterator[Finding]:
    """Look at everything, in the order a person would fix it."""
    looks: tuple[Callable[[], Finding], ...] = (
        _python, _video, _fabric, _sqlite, _zones, _loopback, _files, _pages, _browser
    )  # fmt: skip
    for look in looks:
        yield look()
    yield _disk(folder)
    yield _sync(folder)


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(tempfile.gettempdir()),
    help="Folder where data would be kept.",
)
def doctor(data: Path) -> None:
    """Check this machine and say what is missing. Exit code 1 when something needed is."""
    missing = 0
    for finding in examine(data):
        mark = "ok  " if finding.well else ("NO  " if finding.needed else "note")
        click.echo(f"{mark} {finding.name}: {finding.text}")
        missing += finding.needed and not finding.well
    click.echo("Everything needed is here." if not missing else f"{missing} missing, see above.")
    raise SystemExit(1 if missing else 0)
