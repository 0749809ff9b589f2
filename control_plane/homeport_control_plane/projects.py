"""Projects: the folders that flows are registered in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from homeport_control_plane import names
from homeport_control_plane.database import Database, Queries, load_sql
from homeport_control_plane.errors import Conflict, NotFound
from homeport_control_plane.ids import new_id
from homeport_control_plane.pages import Page, decode_cursor, page_of, page_size

SQL = load_sql("projects")
# In this order, because each table refers to those after it.
_DELETIONS = (
    "delete_task_runs",
    "delete_attempts",
    "delete_runs",
    "delete_deployments",
    "delete_versions",
    "delete_flows",
    "delete_project",
)


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
    """The project and whether it was created now.

    Raises Conflict if the name is taken (unless skipped), InvalidInput.
    """
    names.name("name", name)
    names.text("description", description)
    row = await db.fetchrow(SQL["create"], new_id(), tenant_id, name, description)
    if row is not None:
        return Project(**row), True
    present = await by_name(db, tenant_id, name) if skip_if_exists else None
    if present is None:
        raise Conflict(f"there is a project {name!r} already", hint="choose another name, or pass --skip-if-exists")
    return present, False


async def delete(db: Database, tenant_id: UUID, name: str) -> UUID:
    """Deletes the project with its flows, deployments and runs; its id.

    Raises NotFound, or Conflict while agents hold runs of it. Log lines and history go with their day.
    """
    names.filter_text("name", name)
    async with db.transaction() as session:
        project_id: UUID | None = await session.fetchval(SQL["lock"], tenant_id, name)
        if project_id is None:
            raise NotFound("project", name)
        held = await session.fetchval(SQL["lock_runs"], tenant_id, project_id)
        if held:
            raise Conflict(f"agents hold {held} runs of project {name!r}", hint="cancel them, or wait for their end")
        try:
            for deletion in _DELETIONS:
                await session.execute(SQL[deletion], tenant_id, project_id)
        except asyncpg.ForeignKeyViolationError as error:
            raise Conflict(f"a run of project {name!r} was created meanwhile", hint="try again") from error
    return project_id


async def by_name(db: Queries, tenant_id: UUID, name: str) -> Project | None:
    """The project of that name, if there is one."""
    row = await db.fetchrow(SQL["by_name"], tenant_id, names.filter_text("name", name))
    return None if row is None else Project(**row)


async def get_many(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Project]:
    """The projects of these ids that exist in the tenant."""
    rows = await db.fetch(SQL["get_many"], tenant_id, list(ids))
    return {row["id"]: Project(**row) for row in rows}


async def page(
    db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None, name_contains: str | None = None
) -> Page[Project]:
    """The tenant's projects by name."""
    size = page_size(first)
    key = decode_cursor(after, str) or (None,)
    contains = None if name_contains is None else names.like(names.text("nameContains", name_contains, limit=1000))
    rows = await db.fetch(SQL["page"], tenant_id, *key, contains, size + 1)
    return page_of([Project(**row) for row in rows], size, lambda project: (project.name,))
