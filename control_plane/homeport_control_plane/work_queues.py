"""Work queues: named lines that agents serve, with a pause, a limit and a priority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.pages import Page


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """A queue; `held` counts runs that agents hold now, `scheduled` those waiting. The lower `priority` is served first."""

    id: UUID
    name: str
    description: str
    paused: bool
    concurrency_limit: int | None
    priority: int
    held: int
    scheduled: int
    created_at: datetime


async def create(
    db: Queries,
    tenant_id: UUID,
    *,
    name: str,
    description: str = "",
    concurrency_limit: int | None = None,
    priority: int | None = None,
) -> WorkQueue:
    """A new queue. Raises Conflict, InvalidInput."""
    raise NotImplementedError


async def update(
    db: Queries,
    tenant_id: UUID,
    name: str,
    *,
    paused: bool | None = None,
    concurrency_limit: int | None = None,
    clear_concurrency_limit: bool = False,
    priority: int | None = None,
    description: str | None = None,
) -> WorkQueue:
    """The queue with what was given changed; its agents are woken. Raises NotFound, InvalidInput."""
    raise NotImplementedError


async def by_name(db: Queries, tenant_id: UUID, name: str) -> WorkQueue | None:
    """The queue of that name, if there is one."""
    raise NotImplementedError


async def page(db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None) -> Page[WorkQueue]:
    """The tenant's queues by name."""
    raise NotImplementedError


async def ensure(db: Queries, tenant_id: UUID, names: Sequence[str]) -> dict[str, UUID]:
    """The ids of the queues of these names, made where missing. Raises InvalidInput for a name that cannot be one."""
    raise NotImplementedError
