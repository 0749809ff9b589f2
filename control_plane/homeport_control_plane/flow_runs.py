"""Flow runs as people see them: read one, list them, their history, cancel one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.pages import Page
from homeport_control_plane.states import State


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A flow run with its present state. `attempt_number` is 0 until an agent claims it; `queue` is None for a direct run."""

    id: UUID
    name: str
    project_id: UUID
    project_name: str
    flow_id: UUID
    flow_name: str
    flow_version_id: UUID
    deployment_id: UUID
    deployment_name: str
    parameters: Any
    labels: tuple[str, ...]
    queue: str | None
    state: State
    attempt_number: int
    attempt_id: UUID | None
    agent_id: UUID | None
    on_lost: str
    cancel_requested_at: datetime | None
    created_at: datetime
    created_by: str
    scheduled_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class FlowRunFilter:
    """Which runs a list shows; every given field must hold. `ref` is a full id, a unique id prefix of 4 or more hex digits, or a name."""

    ref: str | None = None
    state_types: Sequence[str] | None = None
    state_names: Sequence[str] | None = None
    project: str | None = None
    flow: str | None = None
    deployment_id: UUID | None = None
    queue: str | None = None
    labels: Sequence[str] | None = None
    name_contains: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


async def get(db: Queries, tenant_id: UUID, flow_run_id: UUID) -> FlowRun | None:
    """The run of this id, if the tenant has it."""
    raise NotImplementedError


async def page(
    db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None, where: FlowRunFilter | None = None
) -> Page[FlowRun]:
    """The tenant's runs, newest first. Raises InvalidInput, InvalidCursor."""
    raise NotImplementedError


async def states(db: Queries, tenant_id: UUID, flow_run_ids: Sequence[UUID]) -> dict[UUID, list[State]]:
    """The history of each run, oldest first, refused states included."""
    raise NotImplementedError


async def cancel(
    db: Queries, tenant_id: UUID, flow_run_id: UUID, *, actor: str, now: datetime | None = None
) -> FlowRun:
    """The run, CANCELLED if nothing held it, else CANCELLING with its agent woken; asked again, the same answer.

    Raises NotFound, or InvalidTransition if the run had ended otherwise.
    """
    raise NotImplementedError
