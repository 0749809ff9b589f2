"""What a user of Prefect types by habit, and what the program says to type instead: those commands exist."""

import re
import shlex

import click
import pytest

from homeport.cli.main import cli
from homeport.cli.prefect_commands import INSTEAD, instead

COMMANDS = sorted({command for mend in INSTEAD.values() for command in re.findall(r"homeport [a-z][a-z \-]*", mend)})


def found(words: list[str]) -> click.Command:
    """The command that these words lead to; whatever comes behind it belongs to it."""
    context = click.Context(cli, info_name="homeport")
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            return command
        below = command.get_command(context, word)
        assert below is not None, f"there is no command {word!r} in {' '.join(words)!r}"
        command = below
    return command


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_that_is_named_exists(command):
    words = [word for word in shlex.split(command)[1:] if not word.startswith("-")]

    assert not isinstance(found(words), click.Group)


@pytest.mark.parametrize("typed", INSTEAD)
def test_each_command_of_prefect_that_is_explained_does_not_exist(typed):
    *groups, name = typed.split()
    group = found(groups)
    assert isinstance(group, click.Group)

    with pytest.raises(click.UsageError) as told:
        group.resolve_command(click.Context(group, info_name=" ".join(["homeport", *groups])), [name])

    assert instead(" ".join(["homeport", *groups]), name) in str(told.value)
