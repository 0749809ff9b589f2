"""The examples on the pages of help are commands that the program understands."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from homeport.cli.main import cli


def lines_of(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from lines_of(child, click.Context(child, info_name=name, parent=context))
    joined = re.sub(r"\\\n\s*", " ", command.help or "")
    for line in joined.splitlines():
        if line.strip().startswith("homeport ") and not line.strip().endswith((".", ",")):
            yield line.strip()


EXAMPLES = sorted(set(lines_of(cli, click.Context(cli, info_name="homeport"))))


def test_the_commands_of_everybodys_first_day_have_examples() -> None:
    begun = {" ".join(example.split()[1:3]) for example in EXAMPLES}

    assert {"auth login", "server start", "agent start", "block create", "deployment build", "flow-run ls"} <= begun
    assert len(EXAMPLES) >= 25


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_understood(example: str) -> None:
    words = shlex.split(re.sub(r"\s[<>]\s.*", "", example))[1:]
    context, command = click.Context(cli, info_name="homeport"), cli

    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        context, command = click.Context(found, info_name=name, parent=context), found  # type: ignore[assignment]

    command.make_context(context.info_name, words, parent=context.parent)
