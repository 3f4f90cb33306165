"""Every command and option is documented; no option is documented that does not exist."""

import re
from collections.abc import Iterator

import click
import pytest

from serambi.cli.main import main
from tests.docs.pages import page, section

PAGE = page("docs/reference/commands.md")


def commands(
    group: click.Group = main, names: tuple[str, ...] = ("serambi",)
) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group) and command.invoke_without_command:
            yield " ".join((*names, name)), command
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield " ".join((*names, name)), command
            yield from commands(command, (*names, name))
        else:
            yield " ".join((*names, name)), command


def part_of(name: str) -> str:
    """The part of the page whose heading names the command."""
    for heading in re.findall(r"^### .*$", PAGE, re.MULTILINE):
        if re.search(rf"`{name}[ `]", heading):
            return section(PAGE, heading)
    raise AssertionError(f"{name} is not documented")


@pytest.mark.parametrize(
    ("name", "command"), [pytest.param(name, found, id=name) for name, found in commands()]
)
def test_every_option_is_documented_and_no_other(name: str, command: click.Command) -> None:
    documented = set(re.findall(r"^\| `(--[\w-]+)` \|", part_of(name), re.MULTILINE))
    options = {p.opts[0] for p in command.params if isinstance(p, click.Option)}
    assert documented == options
    assert command.help


def test_every_heading_is_a_command() -> None:
    known = {name for name, _ in commands()}
    for heading in re.findall(r"^### (.*)$", PAGE, re.MULTILINE):
        for quoted in re.findall(r"`([^`]+)`", heading):
            assert re.sub(r"( [A-Z]+)+$", "", quoted) in known


def test_verbs_of_the_task_runner() -> None:
    found = re.search(r"verbs = \(([^)]*)\)", page("dev.py"))
    assert found
    verbs = set(re.findall(r'"(\w+)"', found[1]))
    part = section(PAGE, "## `python3 dev.py`")
    assert verbs == set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))
    assert verbs == set(re.findall(r"^python3 dev\.py (\w+) ", page("dev.py"), re.MULTILINE))


def test_scripts_that_the_task_runner_calls_exist() -> None:
    called = re.findall(r'npm\("run", "--silent", "([\w:]+)"\)', page("dev.py"))
    assert called
    for name in called:
        assert f'"{name}": ' in page("ui/package.json")
