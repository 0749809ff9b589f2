"""`agent start --show-flow-logs` and `run --execute`: a run's lines are shown beside being reported."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from homeport.engine.reporting import Reporter
    from homeport.engine.states import State


class EchoingReporter:
    """Tells two reporters everything."""

    def __init__(self, reporter: Reporter, shown: Reporter) -> None:
        self._both = (reporter, shown)

    def task_run(
        self,
        id: UUID,
        *,
        name: str,
        task_key: str,
        map_index: int | None,
        upstream: Sequence[UUID],
        parent: UUID | None,
        tags: Collection[str] = (),
    ) -> None:
        """A task run exists."""
        for reporter in self._both:
            reporter.task_run(
                id, name=name, task_key=task_key, map_index=map_index, upstream=upstream, parent=parent, tags=tags
            )

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """A task run entered a state."""
        for reporter in self._both:
            reporter.task_state(task_run, state, run_count=run_count)

    def run_name(self, name: str) -> None:
        """The flow run is called this from now on."""
        for reporter in self._both:
            reporter.run_name(name)

    def run_state(self, state: State) -> None:
        """The flow run entered a state."""
        for reporter in self._both:
            reporter.run_state(state)

    def log(self, *, at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> None:
        """A log line."""
        for reporter in self._both:
            reporter.log(at=at, level=level, logger=logger, message=message, task_run=task_run)
