"""The reference page of the command line, written from the commands themselves: `python -m homeport.cli.reference`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click


def page() -> str:
    """docs/reference/cli.md as it has to be for the commands of this version."""
    from homeport.cli.main import cli

    parts = [_INTRODUCTION, *_sections(cli, click.Context(cli, info_name="homeport"))]
    return "\n".join(parts).rstrip() + "\n"


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _sections(child, click.Context(child, info_name=name, parent=context))
        return
    yield f"## {context.command_path}\n"
    yield f"{_prose(inspect.cleandoc(command.help or ''))}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```\n{context.command_path} {usage}\n```\n"
    rows = [row for row in (parameter.get_help_record(context) for parameter in command.params) if row is not None]
    if rows:
        yield "| option | |\n|---|---|"
        yield from (f"| `{_cell(option)}` | {_cell(about)} |" for option, about in rows)
        yield ""


def _prose(text: str) -> str:
    """The help text; what click is told not to wrap becomes a block."""
    parts = []
    for paragraph in text.strip().split("\n\n"):
        lines = paragraph.strip("\n").splitlines()
        if lines and lines[0].strip() == "\b":
            parts.append("\n".join(["```", *lines[1:], "```"]))
        else:
            parts.append(" ".join(line.strip() for line in lines))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


_INTRODUCTION = """# The `homeport` command

Every command takes `-h`. Options before the command hold for all: `--profile NAME`, `--api URL`, `--no-input`.

**Output.** Data goes to stdout, progress and advice to stderr. On a terminal lists are tables that fit; in a pipe they
are tab-separated lines with a header and no colour. `--json` prints JSON, `--json id,state.name` only those fields;
what streams (logs, `--watch`) prints one JSON object a line. `NO_COLOR` is honoured.

**A run** is named by its id, by the start of its id, by its name, or by the URL of its page.

| exit code | |
|---|---|
| 0 | ok |
| 1 | the run, or the command, failed |
| 2 | the command line or a value in it is wrong |
| 3 | not found |
| 4 | not allowed |
| 5 | the control plane cannot be reached |
| 6 | the time to watch is up |
| 130 | interrupted |
"""


if __name__ == "__main__":
    click.echo(page(), nl=False)
