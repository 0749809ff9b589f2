"""Flow runs as people see them: read one, list them, their history, cancel one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane import names
from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.documents import from_json
from homeport_control_plane.errors import InvalidTransition, NotFound
from homeport_control_plane.flow_run_filter import Conditions, FlowRunFilter, conditions, state_types
from homeport_control_plane.pages import Page, decode_time_cursor, page_of, page_size
from homeport_control_plane.states import State, StateType

__all__ = ["FlowRun", "FlowRunFilter", "cancel", "get", "get_many", "page", "seen_by_run", "states", "topic"]

SQL = load_sql("flow_runs")


@dataclass(frozen=True, slots=True)
class FlowRun:
    """A flow run with its present state.

    `attempt_number` is 0 until something claims it, `attempt_id` the attempt that holds it now, `agent_id` the agent
    of the last attempt; `queue` is None for a direct run.
    """

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
    parent_flow_run_id: UUID | None = None
    parent_task_run_id: UUID | None = None


async def get(db: Queries, tenant_id: UUID, flow_run_id: UUID) -> FlowRun | None:
    """The run of this id, if the tenant has it."""
    return (await get_many(db, tenant_id, [flow_run_id])).get(flow_run_id)


async def seen_by_run(db: Queries, tenant_id: UUID, flow_run_id: UUID, *, by: UUID) -> FlowRun | None:
    """The run of this id as another run may see it: if it is of the same project."""
    if not await db.fetchval(SQL["same_project"], tenant_id, by, flow_run_id):
        return None
    return await get(db, tenant_id, flow_run_id)


async def get_many(db: Queries, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, FlowRun]:
    """The runs of these ids that exist in the tenant."""
    query = SQL["select"] + "\nwhere r.tenant_id = $1 and r.id = any ($2::uuid[])"
    return {row["id"]: _flow_run(row) for row in await db.fetch(query, tenant_id, list(ids))}


async def page(
    db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None, where: FlowRunFilter | None = None
) -> Page[FlowRun]:
    """The tenant's runs that met the filter when it was asked, newest first, each as it is now.

    Raises InvalidInput, InvalidCursor.
    """
    size = page_size(first)
    wanted = where or FlowRunFilter()
    if wanted.state_types is not None and not wanted.state_types:
        return Page((), (), False)
    flow_ids = await _flow_ids(db, tenant_id, wanted)
    found = conditions(tenant_id, wanted, flow_ids)
    created_at, last_id = decode_time_cursor(after)
    if created_at is not None:
        found.add("(r.created_at, r.id) < ({}::timestamptz, {}::uuid)", created_at, last_id)
    chosen = await db.fetch(_newest(found, state_types(wanted), size + 1), *found.values)
    # What is shown of the chosen runs is a statement of its own: the choice is planned anew for its values each time,
    # which costs little for one table, and half a millisecond for the six that are joined here.
    shown = await get_many(db, tenant_id, [row["id"] for row in chosen]) if chosen else {}
    runs = [shown[row["id"]] for row in chosen if row["id"] in shown]
    return page_of(runs, size, lambda run: (run.created_at, run.id))


def _newest(found: Conditions, types: Sequence[str], limit: int) -> str:
    """The newest runs that meet the conditions. Each state type is looked up by itself, because only then its index is
    walked in order and no more rows are read than shown.
    """
    order = "order by r.created_at desc, r.id desc limit " + found.value(limit)
    # Fixed text, its values are parameters.
    base = f"select r.id, r.created_at from flow_run r where {found.text}"  # noqa: S608
    if not types:
        return f"{base} {order}"
    each = [f"({base} and r.state_type = {found.value(type)} {order})" for type in types]
    return f"select r.id from ({' union all '.join(each)}) r {order}"  # noqa: S608


async def _flow_ids(db: Queries, tenant_id: UUID, where: FlowRunFilter) -> list[UUID] | None:
    if where.project is None and where.flow is None:
        return None
    named = (names.filter_text("project", where.project), names.filter_text("flow", where.flow))
    return [row["id"] for row in await db.fetch(SQL["flow_ids"], tenant_id, *named)]


async def states(db: Queries, tenant_id: UUID, flow_run_ids: Sequence[UUID]) -> dict[UUID, list[State]]:
    """The history of each run, oldest first, refused states included."""
    found: dict[UUID, list[State]] = defaultdict(list)
    for row in await db.fetch(SQL["states"], tenant_id, list(flow_run_ids)):
        found[row["flow_run_id"]].append(
            State(
                number=row["number"],
                type=StateType(row["type"]),
                name=row["name"],
                message=row["message"],
                at=row["at"],
                actor=row["actor"],
                attempt_number=row["attempt_number"],
                accepted=row["accepted"],
                result=from_json(row["result"]),
            )
        )
    return dict(found)


async def cancel(
    db: Queries, tenant_id: UUID, flow_run_id: UUID, *, actor: str, now: datetime | None = None
) -> FlowRun:
    """The run, CANCELLED if nothing held it, else CANCELLING with its agent woken; asked again, the same answer.

    Raises NotFound, or InvalidTransition if the run had ended otherwise.
    """
    changed = await db.fetchrow(SQL["cancel"], tenant_id, flow_run_id, now, actor)
    run = await get(db, tenant_id, flow_run_id)
    if run is None:
        raise NotFound("flow run", flow_run_id)
    if changed is not None:
        agent = () if changed["agent_id"] is None else (f"agent:{changed['agent_id']}",)
        db.announce(topic(flow_run_id), *agent)
    elif run.state.type not in {StateType.CANCELLING, StateType.CANCELLED}:
        raise InvalidTransition(
            f"flow run {run.name!r} cannot be cancelled: it is {run.state.name} since {run.state.at.isoformat()}",
            state_type=run.state.type,
        )
    return run


def topic(flow_run_id: UUID) -> str:
    """What is announced when anything of the run changed."""
    return f"run:{flow_run_id}"


def _flow_run(row: Row) -> FlowRun:
    state = State(
        number=row["event_number"],
        type=StateType(row["state_type"]),
        name=row["state_name"],
        message=row["state_message"],
        at=row["state_at"],
        actor=row["state_actor"],
        attempt_number=row["attempt_number"] or None,
        accepted=True,
        result=from_json(row["result"]),
    )
    return FlowRun(
        id=row["id"],
        name=row["name"],
        project_id=row["project_id"],
        project_name=row["project_name"],
        flow_id=row["flow_id"],
        flow_name=row["flow_name"],
        flow_version_id=row["flow_version_id"],
        deployment_id=row["deployment_id"],
        deployment_name=row["deployment_name"],
        parameters=from_json(row["parameters"]),
        labels=tuple(row["labels"]),
        queue=row["queue"],
        state=state,
        attempt_number=row["attempt_number"],
        attempt_id=row["attempt_id"],
        agent_id=row["agent_id"],
        on_lost=row["on_lost"],
        cancel_requested_at=row["cancel_requested_at"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        scheduled_at=row["scheduled_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        parent_flow_run_id=row["parent_flow_run_id"],
        parent_task_run_id=row["parent_task_run_id"],
    )
