"""`serambi roster`: who belongs to the town, and how that changes. Nothing here believes a roster
by itself: compare the SHA-256 it prints with a second person."""

from pathlib import Path

import click

from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.base.words import Language
from serambi.cli.plain import PlainGroup, printable
from serambi.cli.roster_draft import read_changes
from serambi.cli.roster_enroll import confirm, enroll, invite
from serambi.identity import dsse
from serambi.identity.chain import load_chain
from serambi.identity.change_page import change_lines
from serambi.identity.code import in_groups
from serambi.identity.enrollment import fingerprint
from serambi.identity.keys import SigningKey, is_encrypted
from serambi.identity.roster import Roster, seal_roster
from serambi.identity.roster_draft import next_roster
from serambi.identity.succession import missing_signatures, waiting

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_chain = click.argument("roster", type=click.Path(exists=True, path_type=Path))
_after = click.option(
    "--after", required=True, type=click.Path(exists=True, path_type=Path),
    help="The roster before it: a file, or a folder with the whole chain.",
)  # fmt: skip
_lang = click.option("--lang", type=click.Choice(["id", "en"]), default="id", help="Language.")


@click.group("roster", cls=PlainGroup)
def roster_group() -> None:
    """Show, change, sign and check the roster: the parties and their keys."""


for _command in (invite, enroll, confirm):
    roster_group.add_command(_command)


@roster_group.command("show")
@_chain
@_lang
def show(roster: Path, lang: Language) -> None:
    """Print who is in ROSTER, a file or a folder with a chain: parties and keys of the newest."""
    head = load_chain(roster)[-1]
    _say(f"{head.document.name.in_language(lang)}: roster {head.document.sequence}")
    _say(f"sha256 {head.digest}")
    for party in head.parties:
        _say(f"{party.id}: {party.name.in_language(lang)}, {party.contact.in_language(lang)}")
        for key in head.document.keys:
            if key.party == party.id:
                _say(f"  {key.use} {key.key_id} {key.site}".rstrip())
                _say(f"    fingerprint {_fingerprint(head, key.key_id)}")


@roster_group.command("next")
@_chain
@click.option("--from", "changes", required=True, type=_FILE, help="The changes, a TOML file.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The next roster, without signatures yet.",
)
@_lang
def make_next(roster: Path, changes: Path, out: Path, lang: Language) -> None:
    """Make the roster that follows ROSTER, which then waits for signatures."""
    before = load_chain(roster)[-1]
    raw = seal_roster(next_roster(before, read_changes(changes)), [])
    after = waiting(before, raw)
    if out.exists():
        raise SerambiError(Kind.CONFLICT, "there is a file already", where=str(out))
    write_atomically(out, raw)
    _say_change(before, after, raw, lang)


@roster_group.command("sign")
@click.argument("file", type=_FILE)
@_after
@click.option(
    "--key",
    "folders",
    required=True,
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with your key.pem: the one in the roster before, or a new one. Several: give it "
    "several times.",
)
@_lang
def sign(file: Path, after: Path, folders: tuple[Path, ...], lang: Language) -> None:
    """Sign the change in FILE, which is printed first. A party signs with the key it had; every
    new key signs too."""
    before = load_chain(after)[-1]
    raw = _read(file)
    change = waiting(before, raw)
    expected = {k.key_id for k in before.document.keys if k.use == "sign"}
    expected |= {k.key_id for k in change.document.keys}
    envelope = dsse.load(raw)
    for key in map(_load_key, folders):
        if key.key_id not in expected:
            raise SerambiError(
                Kind.DENIED,
                f"key {key.key_id} is neither in the roster before nor in the new one",
                hint="use the key whose public half is in one of them",
            )
        envelope = dsse.add_signature(envelope, key)
    raw = dsse.dump(envelope)
    write_atomically(file, raw)
    _say_change(before, change, raw, lang)


@roster_group.command("check")
@_chain
@click.option("--next", "file", type=_FILE, help="A change of it that waits for signatures.")
@_lang
@click.pass_context
def check(ctx: click.Context, roster: Path, file: Path | None, lang: Language) -> None:
    """Check that each roster of ROSTER follows the one before, and, with --next, who has still to
    sign. Exit 0 when nothing is missing, 1 otherwise."""
    chain = load_chain(roster)
    for each in chain:
        _say(f"roster {each.document.sequence} sha256 {each.digest}")
    if file is None:
        _say(f"OK: {len(chain)} rosters, each signed by all that it needs.")
        return
    raw = _read(file)
    if _say_change(chain[-1], waiting(chain[-1], raw), raw, lang):
        ctx.exit(1)


def _say_change(before: Roster, after: Roster, raw: bytes, lang: Language) -> tuple[str, ...]:
    """The change in words, and who has still to sign: these are given back."""
    for line in change_lines(before, after, lang):
        _say(line)
    _say(f"sha256 {after.digest}")
    missing = missing_signatures(before, after, dsse.load(raw))
    _say(f"Still to sign: {', '.join(missing)}." if missing else "All have signed.")
    return missing


def _fingerprint(roster: Roster, key_id: str) -> str:
    key = roster.key(key_id)
    return in_groups(fingerprint(key)) if key else ""


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2 * DOCUMENT_MAX_BYTES + 1)


def _load_key(folder: Path) -> SigningKey:
    """Asks for the passphrase of a key that has one."""
    passphrase = None
    if is_encrypted(folder):
        passphrase = str(click.prompt(f"Passphrase of {folder}", hide_input=True)).encode()
    return SigningKey.load(folder, passphrase)


def _say(line: str) -> None:
    click.echo(printable(line))
