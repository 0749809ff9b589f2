"""What a run that is watched here shows: its log lines on standard error, and how far it is.

On a terminal that is a live table below the lines; in a pipe, in CI or in a notebook a line now and then.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TextIO
from uuid import UUID

from homeport.engine import current
from homeport.engine.states import State
from homeport.engine.tallies import TallyingReporter

if TYPE_CHECKING:
    from homeport.engine.progress import Display

SHOW_AFTER = 1.5
"""Seconds after which a run is long enough for a live table: loading rich takes a twentieth of that."""
TELL_EVERY = 10.0
"""Seconds between two lines that say how far a run is, where there is no live table."""
MANY = 10
"""So many task runs, and a run ends with a line that counts them."""
_OFF = frozenset({"0", "false", "no", "off"})


def progress_wanted(environ: Mapping[str, str]) -> bool:
    """Whether to say how far a run is at all: not with HOMEPORT_PROGRESS=0."""
    return environ.get("HOMEPORT_PROGRESS", "").strip().lower() not in _OFF


def live_wanted(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal on which a table may move: not in CI, not where colours are unwanted."""
    if not progress_wanted(environ) or environ.get("CI", "").strip().lower() not in ("", *_OFF):
        return False
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb" and stream.isatty()


class ConsoleReporter(TallyingReporter):
    """Prints `09:30:00.123 | INFO | Task run 'extract-0' - message`."""

    def __init__(self, run_name: str) -> None:
        super().__init__()
        self._run_name = run_name
        self._began = self._told = time.monotonic()
        self._display: Display | None = None
        self._timer: threading.Timer | None = None
        self._progress = progress_wanted(os.environ)
        if live_wanted(sys.stderr, os.environ):
            self._timer = threading.Timer(SHOW_AFTER, self._go_live)
            self._timer.daemon = True
            self._timer.start()
        self._tells = self._progress and self._timer is None

    def run_name(self, name: str) -> None:
        """Show it by this name from now on."""
        self._run_name = name

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """Count it under its new state; now and then, say how far the run is."""
        super().task_state(task_run, state, run_count=run_count)
        if self._tells and time.monotonic() - self._told > TELL_EVERY:
            self._told = time.monotonic()
            together = self.together()
            self._line(f"{together.ended:,} of {together.total:,} task runs ended: {together.told()}")

    def run_state(self, state: State) -> None:
        """At its end, count what there was."""
        if not state.is_final():
            return
        if self._timer is not None:
            self._timer.cancel()
        display, self._display = self._display, None
        if display is not None:
            display.close()
        together = self.together()
        if self._progress and (display is not None or together.total >= MANY):
            self._line(f"{together.total:,} task runs in {time.monotonic() - self._began:.1f} s: {together.told()}")

    def log(self, *, at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> None:
        """Print the line."""
        who = f"Task run {self._name_of(task_run)!r}" if task_run is not None else None
        self._line(message, level, at, who)

    def _name_of(self, task_run: UUID) -> str:
        inside = current.task_run.get()
        if inside is not None and inside.id == task_run:  # one that has ended is forgotten, but its hooks still speak
            return inside.name
        return self.name_of(task_run)

    def _line(self, message: str, level: str = "INFO", at: datetime | None = None, who: str | None = None) -> None:
        moment = (at or datetime.now()).astimezone().strftime("%H:%M:%S.%f")[:-3]
        line = f"{moment} | {level:<7} | {who or f'Flow run {self._run_name!r}'} - {message}"
        display = self._display
        if display is not None:
            display.line(line)
        elif "\nTraceback (" in line and live_wanted(sys.stderr, os.environ):
            from homeport.engine.progress import coloured

            print(coloured(line), file=sys.stderr)
        else:
            print(line, file=sys.stderr)

    def _go_live(self) -> None:
        """Called by the timer's thread: show the table from now on, unless another run does so already."""
        from homeport.engine.progress import display

        self._display = display(self.tallies, sys.stderr)
