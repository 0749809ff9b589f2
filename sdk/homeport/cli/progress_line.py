"""One line at the bottom of a terminal that says how far things are; in a pipe it does not exist."""

from __future__ import annotations

import shutil
import sys

import click

from homeport.cli import text


class ProgressLine:
    """Shown on stderr, and taken away before anything else is printed."""

    def __init__(self, *, wanted: bool = True) -> None:
        self._live = wanted and sys.stderr.isatty() and sys.stdout.isatty()
        self._shown = False

    @property
    def live(self) -> bool:
        """Whether there is a terminal to show it on."""
        return self._live

    def show(self, line: str) -> None:
        """Put the line in place of the one before."""
        if self._live:
            room = shutil.get_terminal_size().columns - 1
            shown = click.style(text.shortened(text.one_line(line), room), dim=True)
            click.echo(f"\r\x1b[2K{shown}", nl=False, err=True)
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[2K", nl=False, err=True)
            self._shown = False
