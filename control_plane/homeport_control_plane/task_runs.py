"""Task runs: what the tasks of an attempt did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.pages import Page
from homeport_control_plane.states import State


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task run with its present state."""

    id: UUID
    flow_run_id: UUID
    name: str
    task_key: str
    map_index: int | None
    upstream: tuple[UUID, ...]
    parent_id: UUID | None
    attempt_number: int
    run_count: int
    state: State
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


async def get(db: Queries, tenant_id: UUID, task_run_id: UUID) -> TaskRun | None:
    """The task run of this id, if the tenant has it."""
    raise NotImplementedError


async def page(
    db: Queries,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    first: int = 100,
    after: str | None = None,
    state_types: Sequence[str] | None = None,
    task_key: str | None = None,
) -> Page[TaskRun]:
    """The run's task runs, oldest first."""
    raise NotImplementedError


async def states(db: Queries, tenant_id: UUID, task_run_ids: Sequence[UUID]) -> dict[UUID, list[State]]:
    """The history of each task run, oldest first, refused states included."""
    raise NotImplementedError


async def counts(db: Queries, tenant_id: UUID, flow_run_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """How many task runs of each run's last attempt are in which state type."""
    raise NotImplementedError
