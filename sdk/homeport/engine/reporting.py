"""Whom the engine tells what happened. Telling never waits for a network, and never raises."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from homeport.engine.states import State


class Reporter(Protocol):
    """Receives a run's events, from any of its threads, in the order in which they happen."""

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
        """A task run (or the run of a subflow) exists, in the state Pending."""

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """A task run entered a state; `run_count` counts the calls of its function so far."""

    def run_name(self, name: str) -> None:
        """The flow run is called this from now on."""

    def run_state(self, state: State) -> None:
        """The flow run entered a state. The first RUNNING is not told: it was, before user code was loaded."""

    def log(self, *, at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> None:
        """A log line, of a task run or of the flow run itself. `level` is one of logging's five names."""


class NullReporter:
    """Tells nobody."""

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
        """Nothing."""

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """Nothing."""

    def run_name(self, name: str) -> None:
        """Nothing."""

    def run_state(self, state: State) -> None:
        """Nothing."""

    def log(self, *, at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> None:
        """Nothing."""


@dataclass(slots=True)
class ReportedTaskRun:
    """A task run as it was told: who it is, and every state it entered."""

    id: UUID
    name: str
    task_key: str
    map_index: int | None
    upstream: tuple[UUID, ...]
    parent: UUID | None
    states: list[State] = field(default_factory=list)
    run_count: int = 0
    tags: frozenset[str] = frozenset()

    @property
    def state(self) -> State | None:
        """The latest state; None while the task run is pending."""
        return self.states[-1] if self.states else None


@dataclass(frozen=True, slots=True)
class ReportedLine:
    """A log line as it was told."""

    at: datetime
    level: str
    logger: str
    message: str
    task_run: UUID | None


@dataclass(frozen=True, slots=True)
class ReportedArtifact:
    """An artifact of a run that no control plane knows."""

    id: UUID
    kind: str
    data: dict[str, Any]
    key: str | None
    description: str | None


@dataclass(slots=True)
class InMemoryReporter:
    """Keeps everything, to be looked at afterwards."""

    task_runs: dict[UUID, ReportedTaskRun] = field(default_factory=dict)
    run_states: list[State] = field(default_factory=list)
    lines: list[ReportedLine] = field(default_factory=list)
    artifacts: list[ReportedArtifact] = field(default_factory=list)
    name: str | None = None
    """What the flow named its run; None where it did not."""

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
        """Keep the task run."""
        self.task_runs[id] = ReportedTaskRun(
            id, name, task_key, map_index, tuple(upstream), parent, tags=frozenset(tags)
        )

    def task_state(self, task_run: UUID, state: State, *, run_count: int) -> None:
        """Keep the state with its task run."""
        kept = self.task_runs[task_run]
        kept.states.append(state)
        kept.run_count = run_count

    def run_name(self, name: str) -> None:
        """Keep the name of the flow run."""
        self.name = name

    def run_state(self, state: State) -> None:
        """Keep the state of the flow run."""
        self.run_states.append(state)

    def log(self, *, at: datetime, level: str, logger: str, message: str, task_run: UUID | None) -> None:
        """Keep the line."""
        self.lines.append(ReportedLine(at, level, logger, message, task_run))

    def artifact(self, id: UUID, *, kind: str, data: dict[str, Any], key: str | None, description: str | None) -> None:
        """Keep the artifact."""
        self.artifacts.append(ReportedArtifact(id, kind, data, key, description))

    def named(self, name: str) -> list[ReportedTaskRun]:
        """The task runs whose name, or whose task's key, is this, in the order in which they were made."""
        return [kept for kept in self.task_runs.values() if name in (kept.name, kept.task_key)]

    def messages(self, task_run: UUID | None = None) -> list[str]:
        """The messages of a task run's lines; of the flow run's own without one."""
        return [line.message for line in self.lines if line.task_run == task_run]
