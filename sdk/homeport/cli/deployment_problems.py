"""What is wrong with deployments, told: each problem with its place and mend, then one sentence about all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from homeport.cli import text
from homeport.cli.failures import USAGE, CommandError
from homeport.cli.session import say
from homeport.deployments.problems import InvalidDeployment, Note, Problem

MOST_SHOWN = 50


@contextmanager
def told(outcome: str) -> Iterator[None]:
    """Turn InvalidDeployment into lines on stderr and a CommandError; `outcome` says what was (not) done."""
    try:
        yield
    except InvalidDeployment as error:
        raise refused(error.problems, outcome) from error


def refused(problems: Sequence[Problem], outcome: str) -> CommandError:
    """The problems on stderr, and the error to raise then."""
    problems = sorted(problems, key=lambda problem: _order(problem.place))
    if len(problems) == 1:
        say(outcome, dim=True)
        return CommandError(f"{problems[0].place}: {problems[0].message}", hint=problems[0].mend or None, code=USAGE)
    for problem in problems[:MOST_SHOWN]:
        say(text.harmless(f"{problem.place}: {problem.message}"))
        if problem.mend:
            say(text.harmless(f"    {problem.mend}"), dim=True)
    more = f", of which the first {MOST_SHOWN} are shown" if len(problems) > MOST_SHOWN else ""
    return CommandError(f"{len(problems)} problems{more}. {outcome}", code=USAGE)


def warn(notes: Sequence[Note]) -> None:
    """Tell what a person should know, though nothing stops."""
    for note in notes:
        say(text.harmless(f"{note.place}: {note.message}"), fg="yellow")


def _order(place: str) -> tuple[str, int, int]:
    file, line, column = [*place.rsplit(":", 2), "", ""][:3]
    return (file, int(line), int(column)) if line.isdigit() and column.isdigit() else (place, 0, 0)
