"""What a hint tells people to type exists: every command named in a string of the program is one of its commands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import homeport
import homeport_control_plane
from homeport.cli.main import cli

_COMMAND = re.compile(r"(?:^|[\s`'(])homeport((?: [a-z][a-z-]*)+)")
_PROSE = {" asks for it", " wakeups"}  # what stands after our name in a sentence, and in a connection's name
_PACKAGES = [Path(homeport.__file__).parent, Path(homeport_control_plane.__file__).parent]


def _strings(file: Path) -> Iterator[tuple[int, str]]:
    """Each string of the file that is no docstring, with the number of its line."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def _missing(words: list[str]) -> str | None:
    """The first of these words that is no command where it stands; None when they lead to one."""
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            return None
        found = command.get_command(click.Context(command), word)
        if found is None:
            return word
        command = found
    return None


@pytest.mark.parametrize("package", _PACKAGES, ids=lambda package: package.name)
def test_no_hint_names_a_command_that_does_not_exist(package: Path) -> None:
    named = [
        (f"{file.relative_to(package)}:{line}", found)
        for file in sorted(package.rglob("*.py"))
        for line, text in _strings(file)
        for found in _COMMAND.findall(text)
        if found not in _PROSE
    ]

    assert [(where, found) for where, found in named if _missing(found.split())] == []
    assert len(named) > 5
