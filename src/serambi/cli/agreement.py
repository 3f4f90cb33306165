"""`serambi agreement`: draft, read, sign, check and revoke, from files, without the network."""

from pathlib import Path

import click

from serambi.agreement.attestation import read_attestation
from serambi.agreement.confirmation import Confirmation, read_confirmation, seal_confirmation
from serambi.agreement.model import (
    SignedAgreement,
    check_attested,
    check_same_cameras,
    draft_statement,
    read_agreement,
    seal_agreement,
)
from serambi.agreement.revocation import Revocation, seal_revocation
from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.instants import instant_text
from serambi.base.words import Language
from serambi.cli.agreement_page import page
from serambi.cli.draft import read_attestations, read_draft, read_file
from serambi.cli.plain import PlainGroup, printable
from serambi.identity import dsse
from serambi.identity.chain import load_chain
from serambi.identity.keys import SigningKey, is_encrypted
from serambi.identity.roster import Roster

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_NEW = click.Path(dir_okay=False, path_type=Path)

_file = click.argument("file", type=_EXISTING)
_roster = click.option(
    "--roster",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Roster of the parties: a file, or a folder with a chain.",
)
_key = click.option("--key", required=True, type=_FOLDER, help="Folder with your key.pem.")
_attestations = click.option(
    "--attestations", required=True, type=_FOLDER, help="Folder with the cameras' attestations."
)


@click.group("agreement", cls=PlainGroup)
def agreement_group() -> None:
    """Draft, read, sign, check and revoke agreements."""


@agreement_group.command("new")
@click.option("--from", "draft", required=True, type=_EXISTING, help="The draft, a TOML file.")
@_roster
@_attestations
@click.option("--out", required=True, type=_NEW, help="The agreement, without signatures yet.")
def new(draft: Path, roster: Path, attestations: Path, out: Path) -> None:
    """Turn a draft into an agreement that waits for signatures."""
    parties = _read_roster(roster)
    agreement = read_draft(draft)
    known = read_attestations(attestations, parties)
    check_attested(agreement, known)
    cameras = [camera for site in agreement.sites for camera in site.cameras]
    raw = seal_agreement(
        draft_statement(agreement, {camera: known[camera].digest for camera in cameras}), []
    )
    signed = read_agreement(raw, parties)
    _write_new(out, raw)
    click.echo(f"Agreement {agreement.number} is drafted: {len(cameras)} cameras.")
    click.echo(f"sha256 {signed.digest}")
    _say_missing(signed)


@agreement_group.command("show")
@_file
@_roster
@click.option("--lang", type=click.Choice(["id", "en"]), default="id", help="Language.")
def show(file: Path, roster: Path, lang: Language) -> None:
    """Say in plain words what FILE opens, to whom, until when, and who has signed."""
    parties = _read_roster(roster)
    for line in page(read_agreement(read_file(file), parties), parties, lang):
        click.echo(line)


@agreement_group.command("sign")
@_file
@_key
@_roster
@_attestations
def sign(file: Path, key: Path, roster: Path, attestations: Path) -> None:
    """Add your party's signature to FILE. Read it with `show` before."""
    parties = _read_roster(roster)
    raw = read_file(file)
    signed = read_agreement(raw, parties)
    mine = _load_key(key)
    party = _party_of(mine, signed, parties)
    check_same_cameras(signed, read_attestations(attestations, parties))
    if not SystemClock().now() < signed.valid_until:
        raise SerambiError(
            Kind.DENIED,
            f"agreement {signed.agreement.number} ended on {signed.agreement.valid_until}",
            hint="draft a new one",
        )
    raw = dsse.dump(dsse.add_signature(dsse.load(raw), mine))
    signed = read_agreement(raw, parties)
    write_atomically(file, raw)
    click.echo(f"Signed by {party}.")
    _say_missing(signed)


@agreement_group.command("verify")
@_file
@_roster
@click.option("--attestations", type=_FOLDER, help="Also check that the cameras are these.")
@click.pass_context
def verify(ctx: click.Context, file: Path, roster: Path, attestations: Path | None) -> None:
    """Check FILE: exit code 0 when it is valid, 1 when not; the last line says why."""
    try:
        parties = _read_roster(roster)
        signed = read_agreement(read_file(file), parties)
        click.echo(f"roster sha256 {parties.digest}")
        click.echo(f"agreement {signed.agreement.number} sha256 {signed.digest}")
        for party in signed.signed_by:
            click.echo(f"signed by {party}")
        if attestations is not None:
            check_same_cameras(signed, read_attestations(attestations, parties))
            click.echo(f"{len(signed.attested)} cameras are attested")
    except SerambiError as error:
        click.echo(f"Not valid: {printable(str(error))}")
        ctx.exit(1)
    now = SystemClock().now()
    if signed.missing:
        click.echo(f"Not valid: not signed by {', '.join(signed.missing)}.")
        ctx.exit(1)
    if not now < signed.valid_until:
        click.echo(f"Not valid: it ended on {signed.agreement.valid_until}.")
        ctx.exit(1)
    begins = "" if now >= signed.valid_from else f" from {signed.agreement.valid_from}"
    click.echo(f"Valid{begins} until {signed.agreement.valid_until}: signed by all its parties.")


@agreement_group.command("revoke")
@_file
@_key
@_roster
@click.option("--out", required=True, type=_NEW, help="The revocation, to be passed on.")
def revoke(file: Path, key: Path, roster: Path, out: Path) -> None:
    """Revoke the agreement in FILE for your party. One party suffices; nothing undoes it."""
    parties = _read_roster(roster)
    signed = read_agreement(read_file(file), parties)
    mine = _load_key(key)
    party = _party_of(mine, signed, parties)
    number = signed.agreement.number
    revocation = Revocation(1, signed.digest, number, party, instant_text(SystemClock().now()))
    _write_new(out, seal_revocation(revocation, mine))
    click.echo(f"Agreement {number} is revoked by {party} once a site has this file:")
    click.echo(f"put {out} into the site's inbox folder, or send it through the center.")


@agreement_group.command("confirm-view")
@click.argument("attestation", type=_EXISTING)
@click.option(
    "--key", "folders", required=True, multiple=True, type=_FOLDER, help="The owner's, another's."
)
@_roster
@click.option("--out", required=True, type=_NEW, help="The confirmation, to be passed on.")
def confirm_view(attestation: Path, folders: tuple[Path, ...], roster: Path, out: Path) -> None:
    """Say that a camera whose view had changed stands again as in ATTESTATION: its owner and one
    other party, who have looked at both pictures."""
    parties = _read_roster(roster)
    signed = read_attestation(read_file(attestation), parties)
    said = signed.attestation
    at = instant_text(SystemClock().now())
    keys = [_load_key(folder) for folder in folders]
    raw = seal_confirmation(Confirmation(1, said.site, said.camera, signed.digest, at), keys)
    read_confirmation(raw, parties)
    _write_new(out, raw)
    click.echo(f"Camera {said.number} is looked at again once its site has this file:")
    click.echo(f"put {out} into the site's inbox folder.")


def _read_roster(path: Path) -> Roster:
    try:
        return load_chain(path)[-1]
    except SerambiError as error:
        raise SerambiError(error.kind, str(error), where=error.where or str(path)) from error


def _load_key(folder: Path) -> SigningKey:
    """Asks for the passphrase of a key that has one."""
    passphrase = None
    if is_encrypted(folder):
        passphrase = str(click.prompt(f"Passphrase of {folder}", hide_input=True)).encode()
    return SigningKey.load(folder, passphrase)


def _party_of(key: SigningKey, signed: SignedAgreement, roster: Roster) -> str:
    """The party this key signs for, one of the agreement's; else raises `DENIED`."""
    entry = roster.entry(key.key_id)
    if entry is None or entry.use != "sign":
        raise SerambiError(
            Kind.DENIED,
            f"key {key.key_id} signs for no party of this roster",
            hint="use the key whose public half is in the roster",
        )
    if entry.party not in signed.agreement.parties:
        raise SerambiError(
            Kind.DENIED, f"{entry.party} is not a party of agreement {signed.agreement.number}"
        )
    return entry.party


def _write_new(path: Path, raw: bytes) -> None:
    """A document that people may already have in hand is never written over."""
    if path.exists():
        raise SerambiError(Kind.CONFLICT, "there is a file already", where=str(path))
    write_atomically(path, raw)


def _say_missing(signed: SignedAgreement) -> None:
    if signed.missing:
        click.echo(f"Still to sign: {', '.join(signed.missing)}.")
    else:
        click.echo("All parties have signed.")
