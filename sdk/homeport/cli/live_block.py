"""A block of lines at the bottom of a terminal that says how far things are; in a pipe it does not exist."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

import click

# Long lines are cut by the terminal itself, which knows how wide each character is, styles and all.
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
_LEAVE_FREE = 6


class LiveBlock:
    """Shown on stderr, and taken away before anything else is printed."""

    def __init__(self, *, wanted: bool = True) -> None:
        dumb = os.environ.get("TERM") == "dumb"  # it would print the codes that move the cursor
        self._live = wanted and sys.stderr.isatty() and sys.stdout.isatty() and not dumb
        self._shown = 0

    @property
    def live(self) -> bool:
        """Whether there is a terminal to show it on."""
        return self._live

    def show(self, lines: Sequence[str]) -> None:
        """Put these lines in place of those before; no more of them than leave room for what scrolls by."""
        if not self._live:
            return
        self.clear()
        room = max(1, shutil.get_terminal_size().lines - _LEAVE_FREE)
        kept = list(lines[:room])
        if len(lines) > room:
            kept[-1] = f"... and {len(lines) - room + 1} more"
        if os.environ.get("NO_COLOR"):
            kept = [click.unstyle(line) for line in kept]
        _write(_NO_WRAP + "\n".join(kept) + _WRAP)
        self._shown = len(kept)

    def clear(self) -> None:
        """Take the block away: its last line first, then each above it."""
        if self._shown:
            _write("\r\x1b[2K" + "\x1b[1A\x1b[2K" * (self._shown - 1))
            self._shown = 0


def _write(codes: str) -> None:
    """Not by click.echo, which takes cursor movements for colours and leaves them out under NO_COLOR."""
    sys.stderr.write(codes)
    sys.stderr.flush()
