"""How the commands on documents talk: errors as one sentence, nothing that moves the cursor."""

import click

from serambi.base.errors import SerambiError


class PlainGroup(click.Group):
    """Turns a `SerambiError` or an `OSError` of a command into one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SerambiError as error:
            raise click.ClickException(printable(str(error))) from error
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(printable(f"{where}{error.strerror}")) from error


def printable(text: str) -> str:
    """Text from a document as one line: a signed title must not be able to draw on the screen of
    the person who is about to believe what it shows."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
