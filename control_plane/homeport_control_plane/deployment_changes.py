"""What people change of a deployment by hand: pause it, set, pause or take away its schedule, delete it.

Registering it again sets what the registration says, and leaves a pause as it is.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from homeport_control_plane import deployments, flow_runs, registration, work_queues
from homeport_control_plane.database import Database, load_sql
from homeport_control_plane.deployments import Deployment
from homeport_control_plane.documents import from_json
from homeport_control_plane.errors import InvalidInput, NotFound
from homeport_control_plane.parameters import ParameterSchema

SQL = load_sql("deployment_changes")
_HINT = "`homeport deployment ls` shows what there is"


async def update(
    db: Database,
    tenant_id: UUID,
    deployment_id: UUID,
    *,
    paused: bool | None = None,
    schedule: Any = None,
    clear_schedule: bool = False,
    schedule_active: bool | None = None,
) -> Deployment:
    """The deployment with what was given changed; its agents are woken. Raises NotFound, InvalidInput."""
    if schedule is not None and clear_schedule:
        raise InvalidInput.field("clearSchedule", "does not go with a schedule")
    text = None if schedule is None else await _fitting(db, tenant_id, deployment_id, schedule)
    async with db.transaction() as session:
        changed = await session.fetchval(
            SQL["update"], tenant_id, deployment_id, paused, clear_schedule, text, schedule_active
        )
        if changed is not None:
            await session.execute(registration.SQL["take_back"], tenant_id, deployment_id)
    found = await deployments.get(db, tenant_id, deployment_id)
    if found is None:
        raise NotFound("deployment", deployment_id, hint=_HINT)
    if changed is not None and not found.paused:
        db.announce(work_queues.topic(tenant_id, found.queue))
    return found


async def delete(db: Database, tenant_id: UUID, deployment_id: UUID, *, actor: str) -> int:
    """Deletes the deployment and cancels its waiting runs; how many. What agents hold goes on, and history stays.

    Raises NotFound.
    """
    async with db.transaction() as session:
        if await session.fetchval(SQL["delete"], tenant_id, deployment_id) is None:
            raise NotFound("deployment", deployment_id, hint=_HINT)
        await session.execute(registration.SQL["take_back"], tenant_id, deployment_id)
        cancelled = await session.fetch(SQL["cancel_waiting"], tenant_id, deployment_id, actor)
        session.announce(*(flow_runs.topic(row["id"]) for row in cancelled))
    return len(cancelled)


async def _fitting(db: Database, tenant_id: UUID, deployment_id: UUID, schedule: Any) -> str:
    row = await db.fetchrow(SQL["parameters"], tenant_id, deployment_id)
    if row is None:
        raise NotFound("deployment", deployment_id, hint=_HINT)
    schema = ParameterSchema(from_json(row["parameter_schema"]))
    return registration.fitting_schedule(schedule, schema, from_json(row["parameters"]))
