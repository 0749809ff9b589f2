"""What a run without a control plane shows: its log lines, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from homeport.engine.reporting import NullReporter
from homeport.engine.states import State


class ConsoleReporter(NullReporter):
    """Prints `09:30:00.123 | INFO | Task run 'extract-0' - message`."""

    def __init__(self, run_name: str) -> None:
        self._run_name = run_name
        self._names: dict[UUID, str] = {}

    def run_name(self, name: str) -> None:
        """Show it by this name from now on."""
        self._run_name = name

    def task_run(
        self,
        id: UUID,
        *,
        name: str,
        task_key: str,
        map_index: int | None,
        upstream: Sequence[UUID],
        parent: UUID | None,
    ) -> None:
        """Remember the name."""
        self._names[id] = name

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """Forget the name of what has ended, so that a long run does not fill the memory."""
        if state.is_final() and not state.is_cancelled():
            self._names.pop(task_run, None)

    def log(self, *, at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> None:
        """Print the line."""
        if task_run is None:
            who = f"Flow run {self._run_name!r}"
        else:
            who = f"Task run {self._names.get(task_run, str(task_run))!r}"
        time = at.astimezone().strftime("%H:%M:%S.%f")[:-3]
        print(f"{time} | {level:<7} | {who} - {message}", file=sys.stderr)
