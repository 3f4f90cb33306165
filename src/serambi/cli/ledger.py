"""`serambi ledger`: check, show and prove, from a folder or a copy of it, without the network."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from serambi.base.errors import SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.identity.roster import Roster, read_roster
from serambi.ledger.entry import COMMITMENT_PREFIX, Entry
from serambi.ledger.reader import READ_MAX_ENTRIES, newest_entries, prove, read_file
from serambi.ledger.verify import verify

_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))

_KINDS = {
    "started": ("kotak dinyalakan", "started"),
    "agreement_accepted": ("perjanjian diterima", "agreement accepted"),
    "agreement_revoked": ("perjanjian dicabut", "agreement revoked"),
    "session_opened": ("tayangan dibuka", "view opened"),
    "session_closed": ("tayangan ditutup", "view closed"),
    "refused": ("ditolak", "refused"),
    "stopped": ("dihentikan oleh pemilik", "stopped by the owner"),
    "resumed": ("dibuka lagi oleh pemilik", "resumed by the owner"),
    "roster_accepted": ("daftar pihak diterima", "roster accepted"),
    "suspended": ("ditangguhkan karena pandangannya", "suspended for its view"),
    "restored": ("pandangannya cocok lagi", "its view matches again"),
    "alert": ("peringatan", "alert"),
    "history_differs": ("riwayat lokasi tidak sama lagi", "site's history differs"),
    "clock_reset": (
        "tanggal terakhir dilupakan oleh pemilik",
        "latest date forgotten by the owner",
    ),
}
_FIELDS = (
    ("site", "lokasi", "site"),
    ("camera", "kamera", "camera"),
    ("person", "orang", "person"),
    ("unit", "unit", "unit"),
    ("party", "pihak", "party"),
    ("purpose", "tujuan", "purpose"),
    ("reason", "alasan", "reason"),
    ("detail", "keterangan", "detail"),
    ("session", "sesi", "session"),
    ("agreement", "perjanjian", "agreement"),
)
_HIDDEN_CAMERA = ("tidak pernah disepakati", "never agreed on")
_UNCHECKED = (
    "Belum diperiksa: jalankan `serambi ledger verify` dengan daftar pihak.",
    "Not checked: run `serambi ledger verify` with the roster.",
)


@click.group("ledger")
def ledger_group() -> None:
    """Check, show and prove what a ledger says."""


@ledger_group.command("verify")
@_FOLDER
@click.option(
    "--trust",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The roster of the parties' keys: the only thing that is believed.",
)
def verify_command(folder: Path, trust: Path) -> None:
    """Check every entry, tile and signature of FOLDER; exit 0 when valid, 1 when not."""
    try:
        roster = _read_roster(trust)
    except SerambiError as error:
        raise click.ClickException(str(error)) from error
    report = verify(folder, roster)
    for line in report.lines:
        click.echo(_printable(line))
    sys.exit(0 if report.ok else 1)


@ledger_group.command("show")
@_FOLDER
@click.option("--lang", type=click.Choice(["id", "en"]), default="id", help="Language.")
@click.option(
    "--last",
    type=click.IntRange(1, READ_MAX_ENTRIES),
    default=50,
    help="How many of the newest entries.",
)
def show_command(folder: Path, lang: str, last: int) -> None:
    """Print the newest entries of FOLDER in plain words, times in UTC."""
    language = 0 if lang == "id" else 1
    try:
        checkpoint, start, entries = newest_entries(folder, last)
    except SerambiError as error:
        raise click.ClickException(str(error)) from error
    words = (f"{checkpoint.size} catatan", f"{checkpoint.size} entries")[language]
    click.echo(f"{checkpoint.origin}: {words}. {_UNCHECKED[language]}")
    for index, entry in enumerate(entries, start):
        click.echo(_printable(f"{index:>8}  {_describe(entry, language)}"))


@ledger_group.command("prove")
@_FOLDER
@click.argument("index", type=click.IntRange(min=0))
def prove_command(folder: Path, index: int) -> None:
    """Print as JSON what shows that entry INDEX is in the ledger, without the rest of it."""
    try:
        proof = prove(folder, index)
    except SerambiError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(proof, indent=2))


def _read_roster(path: Path) -> Roster:
    raw = read_file(path.parent, path.name, DOCUMENT_MAX_BYTES)
    return read_roster(raw, None)


def _describe(entry: Entry, language: int) -> str:
    try:
        at = datetime.fromtimestamp(entry.at_ms / 1000, UTC).isoformat(" ", "seconds")
    except (ValueError, OverflowError):
        at = f"{entry.at_ms} ms"
    parts = [at, _KINDS[entry.kind][language]]
    for name, *labels in _FIELDS:
        value = str(getattr(entry, name))
        if name == "camera" and value.startswith(COMMITMENT_PREFIX):
            value = _HIDDEN_CAMERA[language]
        if value:
            parts.append(f"{labels[language]}: {value}")
    return "; ".join(parts)


def _printable(text: str) -> str:
    """No control character of an entry reaches the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
