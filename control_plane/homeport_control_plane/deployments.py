"""Deployments: runnable flow versions with parameters, labels, queue and run config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.pages import Page


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment; `on_lost` is CRASH, RETRY or HOLD."""

    id: UUID
    name: str
    flow_id: UUID
    flow_name: str
    project_id: UUID
    project_name: str
    flow_version_id: UUID
    parameters: Any
    labels: tuple[str, ...]
    queue: str
    run_config: Any
    on_lost: str
    paused: bool
    created_at: datetime
    updated_at: datetime


async def get(db: Queries, tenant_id: UUID, deployment_id: UUID) -> Deployment | None:
    """The deployment of this id, if the tenant has it."""
    raise NotImplementedError


async def by_name(db: Queries, tenant_id: UUID, project: str, flow: str, name: str = "default") -> Deployment | None:
    """The deployment of this name of the project's flow."""
    raise NotImplementedError


async def get_many(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Deployment]:
    """The deployments of these ids that exist in the tenant."""
    raise NotImplementedError


async def page(
    db: Queries,
    tenant_id: UUID,
    *,
    first: int = 50,
    after: str | None = None,
    project: str | None = None,
    flow: str | None = None,
    name: str | None = None,
    queue: str | None = None,
) -> Page[Deployment]:
    """The tenant's deployments, newest first."""
    raise NotImplementedError
