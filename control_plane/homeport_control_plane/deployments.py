"""Deployments: runnable flow versions with parameters, labels, queue and run config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from homeport_control_plane import names, schedule_times, schedules
from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.documents import from_json, to_json
from homeport_control_plane.pages import Page, decode_time_cursor, page_of, page_size

SQL = load_sql("deployments")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment; `on_lost` is CRASH, RETRY or HOLD. A deleted one is kept for the history of its runs."""

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
    schedule: Any
    schedule_active: bool
    description: str
    version: str | None
    tags: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


async def get(db: Queries, tenant_id: UUID, deployment_id: UUID) -> Deployment | None:
    """The deployment of this id, if the tenant has it and nobody deleted it."""
    found = (await get_many(db, tenant_id, [deployment_id])).get(deployment_id)
    return None if found is None or found.deleted_at is not None else found


async def by_name(db: Queries, tenant_id: UUID, project: str, flow: str, name: str = "default") -> Deployment | None:
    """The deployment of this name of the project's flow."""
    for path, value in (("project", project), ("flow", flow), ("deployment", name)):
        names.filter_text(path, value)
    row = await db.fetchrow(SQL["by_name"], tenant_id, project, flow, name)
    return None if row is None else _deployment(row)


async def get_many(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Deployment]:
    """The deployments of these ids that the tenant has or had."""
    rows = await db.fetch(SQL["get_many"], tenant_id, list(ids))
    return {row["id"]: _deployment(row) for row in rows}


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
    size = page_size(first)
    given = {"project": project, "flow": flow, "name": name, "queue": queue}
    filters = [names.filter_text(path, value) for path, value in given.items()]
    rows = await db.fetch(SQL["page"], tenant_id, *decode_time_cursor(after), *filters, size + 1)
    return page_of([_deployment(row) for row in rows], size, lambda d: (d.created_at, d.id))


def upcoming(deployment: Deployment, first: int, now: datetime) -> list[datetime]:
    """The next times at which its schedule has a run due: up to 20, within a year of `now`; none while it is paused."""
    if deployment.schedule is None or not deployment.schedule_active or deployment.paused:
        return []
    schedule = schedules.decoded(to_json("schedule", deployment.schedule))
    found = schedule_times.upcoming(schedule, now, now + timedelta(days=366))
    return [due.at for due in islice(found, min(max(first, 0), 20))]


def _deployment(row: Row) -> Deployment:
    documents = {name: from_json(row[name]) for name in ("parameters", "run_config", "schedule")}
    return Deployment(**{**row, **documents, "labels": tuple(row["labels"]), "tags": tuple(row["tags"])})
