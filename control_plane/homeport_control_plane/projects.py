"""Projects: the folders that flows are registered in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Database, Queries
from homeport_control_plane.pages import Page


@dataclass(frozen=True, slots=True)
class Project:
    """A project and how many flows it holds."""

    id: UUID
    name: str
    description: str
    created_at: datetime
    flow_count: int


async def create(
    db: Queries, tenant_id: UUID, *, name: str, description: str = "", skip_if_exists: bool = False
) -> tuple[Project, bool]:
    """The project and whether it was created now. Raises Conflict if the name is taken (unless skipped), InvalidInput."""
    raise NotImplementedError


async def delete(db: Database, tenant_id: UUID, name: str) -> UUID:
    """Deletes the project with its flows, deployments and runs; its id. Raises NotFound, or Conflict while runs are held by agents."""
    raise NotImplementedError


async def by_name(db: Queries, tenant_id: UUID, name: str) -> Project | None:
    """The project of that name, if there is one."""
    raise NotImplementedError


async def get_many(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Project]:
    """The projects of these ids that exist in the tenant."""
    raise NotImplementedError


async def page(
    db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None, name_contains: str | None = None
) -> Page[Project]:
    """The tenant's projects by name."""
    raise NotImplementedError
