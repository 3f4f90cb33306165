"""`serambi ledger`: check, compare, show and prove, from a folder without the network, or from an
address of the center."""

import contextlib
import json
import math
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from serambi.base.clock import SystemClock
from serambi.base.errors import SerambiError
from serambi.base.words import Language
from serambi.cli.audit_public import PublicAudit
from serambi.cli.ledger_place import at_hand, place, places, token_option
from serambi.cli.public_page import public_page
from serambi.cli.report_options import report_options
from serambi.identity.chain import load_chain
from serambi.identity.roster import Roster
from serambi.ledger.audit import all_entries, audit, site_of
from serambi.ledger.entry import COMMITMENT_PREFIX, Entry
from serambi.ledger.names import Names
from serambi.ledger.reader import (
    READ_MAX_ENTRIES,
    newest_entries,
    prove,
    read_checkpoint,
)
from serambi.ledger.verify import verify

_FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
_ANY_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_TRUST = click.option(
    "--trust",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="The roster of the parties' keys, the only thing that is believed: a file, or a folder "
    "with a chain of rosters.",
)

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
    "site_lost": ("lokasi tidak terdengar", "site not heard"),
    "site_heard": ("lokasi terdengar lagi", "site heard again"),
    "clock_reset": (
        "tanggal terakhir dilupakan oleh pemilik",
        "latest date forgotten by the owner",
    ),
    "deleted": ("rekaman dihapus", "recordings deleted"),
    "account_link": ("tautan masuk baru untuk sebuah akun", "new sign-in link for an account"),
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
_HIDDEN_PERSON = ("namanya disimpan di luar buku ini", "the name is kept outside this ledger")
_UNCHECKED = (
    "Belum diperiksa: jalankan `serambi ledger verify` dengan daftar pihak.",
    "Not checked: run `serambi ledger verify` with the roster.",
)


@click.group("ledger")
def ledger_group() -> None:
    """Check, show and prove what a ledger says."""


@ledger_group.command("verify")
@click.argument("folder", callback=place)
@_TRUST
@token_option
def verify_command(folder: str | Path, trust: Path, token: Path | None) -> None:
    """Check every entry, tile and signature of FOLDER; exit 0 when valid, 1 when not."""
    try:
        roster = _read_roster(trust)
        with at_hand(folder, token, roster) as found:
            report = verify(found, roster)
    except SerambiError as error:
        raise click.ClickException(str(error)) from error
    for line in report.lines:
        click.echo(_printable(line))
    sys.exit(0 if report.ok else 1)


@ledger_group.command("audit")
@click.argument("ledgers", nargs=-1, callback=places)
@click.option(
    "--public",
    "page",
    help="Recompute this transparency page: its address, or its transparency.json.",
)
@click.option(
    "--trust",
    type=click.Path(exists=True, path_type=Path),
    help="The roster of the parties' keys, the only thing that is believed: a file, or a folder "
    "with a chain. A page at an address offers its own, whose fingerprint is to be compared.",
)
@token_option
def audit_command(
    ledgers: tuple[str | Path, ...], page: str | None, trust: Path | None, token: Path | None
) -> None:
    """Check a site's ledger and the center's, in this order, and compare them view by view; or,
    with --public, recompute every figure of a transparency page from these ledgers. Exit 0 when
    they agree, 1 when not."""
    try:
        roster = _read_roster(trust) if trust else None
        with contextlib.ExitStack() as copies:
            if page is None and (len(ledgers) != 2 or roster is None):
                raise click.UsageError("name a site's ledger, the center's ledger and --trust")
            folders = [copies.enter_context(at_hand(one, token, roster)) for one in ledgers]
            if page is not None:
                audit = PublicAudit(copies.enter_context(public_page(page, roster)), _say)
                agree = audit.run(folders)
            elif roster is not None:
                agree = _audit(folders[0], folders[1], roster)
    except SerambiError as error:
        raise click.ClickException(_printable(str(error))) from error
    sys.exit(0 if agree else 1)


def _say(line: str) -> None:
    click.echo(_printable(line))


def _audit(keeper: Path, center: Path, roster: Roster) -> bool:
    """Say what differs; whether nothing does."""
    for folder in (keeper, center):
        report = verify(folder, roster)
        click.echo(_printable(f"{folder}: {report.why}"))
        if not report.ok:
            return False
    site = site_of(read_checkpoint(keeper)[0].origin)
    if not site or site_of(read_checkpoint(center)[0].origin):
        raise click.ClickException("name the site's ledger first, then the center's")
    work, alarms = audit(all_entries(keeper), all_entries(center), site)
    for alarm in alarms:
        click.echo(_printable(f"ALARM: {alarm}"))
    omitted = len(alarms) - len(work.differing)
    if newer := work.unmatched() - omitted:
        click.echo(f"{newer} views are newer than the other log, and not judged.")
    verdict = "DIFFERENT" if alarms else "OK"
    click.echo(f"{verdict}: {work.matched} views compared, {len(alarms)} alarms")
    return not alarms


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
@click.argument("folder", callback=place)
@click.argument("index", type=click.IntRange(min=0))
@click.option(
    "--trust",
    type=click.Path(exists=True, path_type=Path),
    help="The roster, for a ledger at an address of the center.",
)
@token_option
def prove_command(folder: str | Path, index: int, trust: Path | None, token: Path | None) -> None:
    """Print as JSON what shows that entry INDEX is in the ledger, without the rest of it."""
    try:
        roster = _read_roster(trust) if trust else None
        with at_hand(folder, token, roster) as found:
            proof = prove(found, index)
    except SerambiError as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(proof, indent=2))


@ledger_group.command("report")
@click.argument("folders", nargs=-1, required=True, type=_ANY_FOLDER)
@click.option("--year", type=click.IntRange(1970, 9998), required=True, help="Which year.")
@_TRUST
@report_options("The PDF to write; the figures as JSON when its name ends in .json.")
def report_command(
    folders: tuple[Path, ...],
    year: int,
    trust: Path,
    out: Path,
    lang: Language,
    zone: str,
    agreements: Path | None,
    attestations: Path | None,
) -> None:
    """Write the report of a year's use from the ledgers in FOLDERS, each checked first."""
    # Here, so that the other commands do not wait for what sets type.
    from serambi.cli.year_report import write_report, year_report

    roster = _read_roster(trust)
    document = year_report(
        folders, roster, year=year, zone=zone, agreements=agreements, attestations=attestations
    )
    write_report(document, out, lang)
    figures = document.total
    click.echo(
        f"{out}: {figures.entries} entries, {figures.views} views, {figures.refused} refused"
    )


@ledger_group.command("forget")
@click.argument("names", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
def forget_command(names: Path, name: str) -> None:
    """Erase the person NAME from the folder NAMES beside a ledger; the ledger stays whole."""
    try:
        views = Names(names, SystemClock(), math.inf).forget(name)
    except SerambiError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The name was erased from {views} views.")


def _read_roster(path: Path) -> Roster:
    return load_chain(path)[-1]


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
        elif name == "person" and value.startswith(COMMITMENT_PREFIX):
            value = _HIDDEN_PERSON[language]
        if value:
            parts.append(f"{labels[language]}: {value}")
    return "; ".join(parts)


def _printable(text: str) -> str:
    """No control character of an entry reaches the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
