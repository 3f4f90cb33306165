"""A new passphrase, asked for twice."""

import click

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PASSPHRASE_MIN_CHARACTERS


def ask_new_passphrase() -> bytes:
    """Raises `BAD_INPUT` for a short one."""
    said = str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True))
    if len(said) < PASSPHRASE_MIN_CHARACTERS:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"the passphrase has less than {PASSPHRASE_MIN_CHARACTERS} characters",
            hint="take several words",
        )
    return said.encode()
