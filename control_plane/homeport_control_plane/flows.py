"""Flows and their versions: what was registered, never its code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.pages import Page


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow; `latest_version_id` is the version registered last."""

    id: UUID
    name: str
    project_id: UUID
    project_name: str
    created_at: datetime
    latest_version_id: UUID


@dataclass(frozen=True, slots=True)
class FlowVersion:
    """One registered description of a flow; numbers count from 1 within the flow."""

    id: UUID
    flow_id: UUID
    number: int
    description: str
    entrypoint: str
    parameter_schema: Any
    graph: Any
    storage: Any
    content_digest: str
    sdk_version: str
    python_version: str
    envelope: Any
    created_at: datetime
    created_by: str


async def get(db: Queries, tenant_id: UUID, flow_id: UUID) -> Flow | None:
    """The flow of this id, if the tenant has it."""
    raise NotImplementedError


async def by_name(db: Queries, tenant_id: UUID, project: str, name: str) -> Flow | None:
    """The flow of this name in the project of that name."""
    raise NotImplementedError


async def get_many(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Flow]:
    """The flows of these ids that exist in the tenant."""
    raise NotImplementedError


async def page(
    db: Queries,
    tenant_id: UUID,
    *,
    first: int = 50,
    after: str | None = None,
    project: str | None = None,
    name: str | None = None,
    name_contains: str | None = None,
) -> Page[Flow]:
    """The tenant's flows by project name and name."""
    raise NotImplementedError


async def versions(
    db: Queries, tenant_id: UUID, flow_id: UUID, *, first: int = 50, after: str | None = None
) -> Page[FlowVersion]:
    """The flow's versions, newest first."""
    raise NotImplementedError


async def versions_by_id(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, FlowVersion]:
    """The versions of these ids that exist in the tenant."""
    raise NotImplementedError
