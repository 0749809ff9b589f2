"""Flows and their versions: what was registered, never its code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from homeport_control_plane import names
from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.documents import from_json
from homeport_control_plane.pages import Page, decode_cursor, page_of, page_size

SQL = load_sql("flows")


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
    return (await get_many(db, tenant_id, [flow_id])).get(flow_id)


async def by_name(db: Queries, tenant_id: UUID, project: str, name: str) -> Flow | None:
    """The flow of this name in the project of that name."""
    names.filter_text("project", project)
    row = await db.fetchrow(SQL["by_name"], tenant_id, project, names.filter_text("name", name))
    return None if row is None else Flow(**row)


async def get_many(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Flow]:
    """The flows of these ids that exist in the tenant."""
    rows = await db.fetch(SQL["get_many"], tenant_id, list(ids))
    return {row["id"]: Flow(**row) for row in rows}


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
    size = page_size(first)
    key = decode_cursor(after, str, str) or (None, None)
    contains = None if name_contains is None else names.like(names.text("nameContains", name_contains, limit=1000))
    named = (names.filter_text("project", project), names.filter_text("name", name))
    rows = await db.fetch(SQL["page"], tenant_id, *key, *named, contains, size + 1)
    return page_of([Flow(**row) for row in rows], size, lambda flow: (flow.project_name, flow.name))


async def versions(
    db: Queries, tenant_id: UUID, flow_id: UUID, *, first: int = 50, after: str | None = None
) -> Page[FlowVersion]:
    """The flow's versions, newest first."""
    size = page_size(first)
    key = decode_cursor(after, Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]) or (None,)
    rows = await db.fetch(SQL["versions"], tenant_id, flow_id, *key, size + 1)
    return page_of([_version(row) for row in rows], size, lambda version: (version.number,))


async def versions_by_id(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, FlowVersion]:
    """The versions of these ids that exist in the tenant."""
    rows = await db.fetch(SQL["versions_by_id"], tenant_id, list(ids))
    return {row["id"]: _version(row) for row in rows}


def _version(row: Row) -> FlowVersion:
    documents = {name: from_json(row[name]) for name in ("parameter_schema", "graph", "storage", "envelope")}
    return FlowVersion(**{**row, **documents})
