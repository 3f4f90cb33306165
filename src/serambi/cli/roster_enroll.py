"""`serambi roster invite|enroll|confirm`: keys come by a one-time code, on the command line.

The same rules and the same files as at the signing desk: a code given there can be confirmed here.
"""

from pathlib import Path

import click
import msgspec

from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.instants import instant_text
from serambi.base.limits import ENROLLMENT_MAX_BYTES
from serambi.base.toml import read_struct
from serambi.base.words import Language, Words
from serambi.cli.passphrase import ask_new_passphrase
from serambi.cli.plain import printable
from serambi.identity.chain import Chain
from serambi.identity.change_page import change_lines
from serambi.identity.code import code_key, in_groups
from serambi.identity.enrollment import (
    Enrollment,
    changes_for,
    new_party,
    read_enrollment,
    seal_enrollment,
    shown_of,
)
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Key, Party, Use, key_entry, seal_roster
from serambi.identity.roster_draft import next_roster
from serambi.identity.succession import waiting
from serambi.party.config import PartyConfig, read_config
from serambi.party.invitations import Invitations

_HINT = "see docs/reference/roster.md"
_NOBODY = Words("", "")
_config = click.option(
    "--config", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="Settings of your party's process; the desk and this command share its folder.",
)  # fmt: skip
_out = click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File to write."
)
_lang = click.option("--lang", type=click.Choice(["id", "en"]), default="id", help="Language.")


class _Us(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who enrolls, and for what it makes keys besides the one that signs."""

    id: str
    name: Words = _NOBODY
    role: Words = _NOBODY
    contact: Words = _NOBODY
    lost_since: str = ""
    witness: bool = False
    sites: tuple[str, ...] = ()


@click.command("invite")
@_config
@click.option("--party", required=True, help="The id of who is to enroll, such as rsud.")
@click.option("--person", required=True, help="Who you are; somebody else confirms later.")
def invite(config: Path, party: str, person: str) -> None:
    """Make a one-time code for a newcomer, or for a party that lost its keys. Read it to them on
    the telephone; it is printed once and kept nowhere."""
    code = _invitations(read_config(config)).invite(party, person)
    click.echo(f"code for {party}: {code}")


@click.command("enroll")
@click.option(
    "--from",
    "source",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Who you are, a TOML file.",
)
@click.option(
    "--keys",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the new keys, one folder each; only you can read them.",
)
@_out
@click.option("--passphrase", is_flag=True, help="Keep the key that signs under a passphrase.")
def enroll(source: Path, keys: Path, out: Path, passphrase: bool) -> None:
    """Make your keys and a request for whoever gave you the code, which is asked for. Then read
    the fingerprint to them from here."""
    if out.exists():
        raise SerambiError(Kind.CONFLICT, "there is a file already", where=str(out))
    us = read_struct(source, _Us, _HINT, "who you are")
    by_code = code_key(str(click.prompt("One-time code")), us.id)
    secret = ask_new_passphrase() if passphrase else None
    made = {name: SigningKey.generate() for name in _names(us)}
    document = Enrollment(
        1,
        Party(us.id, us.name, us.role, us.contact) if not us.lost_since else new_party(us.id),
        tuple(_entry(name, key, us.id) for name, key in made.items()),
        us.lost_since,
    )
    raw = seal_enrollment(document, list(made.values()), by_code)
    for name, key in made.items():
        key.save(keys / name, secret if name == "sign" else None)
    write_atomically(out, raw)
    click.echo(f"request: {out}")
    click.echo(f"fingerprint: {in_groups(read_enrollment(raw).fingerprint)}")


@click.command("confirm")
@click.argument("request", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_config
@click.option(
    "--person", required=True, help="Who you are, as it will stand in the roster; not who invited."
)
@_out
@_lang
def confirm(request: Path, config: Path, person: str, out: Path, lang: Language) -> None:
    """Compare the fingerprint of REQUEST with whoever made it: type its last four groups as they
    read them to you. Then the next roster is written, which all have still to sign."""
    settings = read_config(config)
    with request.open("rb") as file:
        raw = file.read(ENROLLMENT_MAX_BYTES + 1)
    if out.exists():
        raise SerambiError(Kind.CONFLICT, "there is a file already", where=str(out))
    invitations = _invitations(settings)
    taken = invitations.present(raw)
    head = Chain.open(settings.folder / "rosters", settings.roster, settings.genesis).head
    at = instant_text(SystemClock().now())
    changes = changes_for(taken, head, at=at, by=settings.party, person=person)
    proposed = seal_roster(next_roster(head, changes), [])
    lines = change_lines(head, waiting(head, proposed), lang)
    _say(f"{taken.document.party.id}: {shown_of(taken.fingerprint)}-????-????-????-????")
    typed = str(click.prompt("The last four groups, as they are read to you"))
    invitations.confirm(taken.digest, person, typed)
    write_atomically(out, proposed)
    invitations.done(taken.digest)
    for line in lines:
        _say(line)
    _say(f"{out}: serambi roster sign, by every party and every new key")


def _names(us: _Us) -> list[str]:
    """The new keys by the names of their folders."""
    return ["sign", *(["witness"] if us.witness else []), *(f"gateway-{s}" for s in us.sites)]


def _entry(name: str, key: SigningKey, party: str) -> Key:
    kind, _, site = name.partition("-")
    uses: dict[str, Use] = {"sign": "sign", "witness": "witness", "gateway": "gateway"}
    return key_entry(key.public, party, uses[kind], site)


def _invitations(config: PartyConfig) -> Invitations:
    return Invitations(config.folder, config.party, SystemClock())


def _say(line: str) -> None:
    click.echo(printable(line))
