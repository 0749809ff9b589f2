"""How a log line looks, and which lines were asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from homeport.cli import text, times
from homeport.cli.printing import json_line

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LINE_FIELDS = ("cursor", "at", "level", "logger", "message", "taskRunId", "attemptNumber", "seq")
_COLOURS = {"DEBUG": "bright_black", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines to show; everything that is None or empty lets all through."""

    level: str | None = None
    tasks: frozenset[str] | None = None
    attempt: int | None = None
    contains: str | None = None
    since: datetime | None = None

    def asked(self) -> dict[str, Any]:
        """The part of it that the control plane can choose by."""
        only = next(iter(self.tasks)) if self.tasks is not None and len(self.tasks) == 1 else None
        asked = {
            "minLevel": self.level,
            "taskRunId": only,
            "attemptNumber": self.attempt,
            "contains": self.contains,
            "since": self.since,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def lets_through(self, line: Line) -> bool:
        """Whether to show this line; a subscription delivers all of them."""
        return (
            (self.level is None or LEVELS.index(line["level"]) >= LEVELS.index(self.level))
            and (self.tasks is None or line["taskRunId"] in self.tasks)
            and (self.attempt is None or line["attemptNumber"] == self.attempt)
            and (self.contains is None or self.contains.lower() in line["message"].lower())
            and (self.since is None or times.parse(line["at"]) >= self.since)
        )


class LinePrinter:
    """Prints lines one after the other, with a separator where another attempt begins."""

    def __init__(self, fields: str | None) -> None:
        self._fields = fields
        self._attempt: int | None = None

    def show(self, lines: Iterable[Line]) -> int:
        """Print these lines, at once; how many there were."""
        count = 0
        for line in lines:
            count += 1
            if self._fields is not None:
                json_line(line, self._fields)
                continue
            if self._attempt not in (None, line["attemptNumber"]):
                click.secho(f"---------- attempt {line['attemptNumber']} ----------", dim=True)
            self._attempt = line["attemptNumber"]
            click.echo(written(line))
        sys.stdout.flush()
        return count


def written(line: Line) -> str:
    """`09:30:00.123  INFO      message`; in a pipe with the date and zone, so that it can be sorted and compared."""
    level = str(line["level"])
    message = text.harmless_log(str(line["message"]), colour=sys.stdout.isatty())
    if not sys.stdout.isatty():
        return f"{line['at']}  {level:<8}  {message}"
    at = click.style(times.clock(line["at"]), dim=True)
    return f"{at}  {click.style(f'{level:<8}', fg=_COLOURS.get(level))}  {message}"
