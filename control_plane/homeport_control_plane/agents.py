"""Agents: registered pullers of work, and how recently each was heard of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.pages import Page
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent; `running` counts its live attempts, `online` says it was heard of in the last 30 s."""

    id: UUID
    name: str
    kind: str
    labels: tuple[str, ...]
    queues: tuple[str, ...]
    version: str
    host: str
    capacity: int
    running: int
    online: bool
    last_seen_at: datetime
    registered_at: datetime
    draining: bool


@dataclass(frozen=True, slots=True)
class Registration:
    """The agent's id, stable by kind and name, and its new session."""

    agent_id: UUID
    session_id: UUID


async def register(
    db: Queries,
    tenant_id: UUID,
    *,
    name: str,
    kind: str,
    version: str,
    host: str,
    capacity: int,
    labels: Sequence[str] = (),
    queues: Sequence[str] = (),
    key_id: str | None = None,
    allowed_queues: Sequence[str] = (),
    now: datetime | None = None,
) -> Registration:
    """The agent, made or taken over with a new session; its queues (none given: "default") are made where missing.

    `allowed_queues` are those that the key is bound to (none: any). Raises InvalidInput.
    """
    raise NotImplementedError


async def get_many(
    db: Queries, tenant_id: UUID, ids: Sequence[UUID], *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None
) -> dict[UUID, Agent]:
    """The agents of these ids that exist in the tenant."""
    raise NotImplementedError


async def page(
    db: Queries,
    tenant_id: UUID,
    *,
    first: int = 50,
    after: str | None = None,
    name: str | None = None,
    kind: str | None = None,
    queue: str | None = None,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Page[Agent]:
    """The tenant's agents, the one registered last first."""
    raise NotImplementedError
