"""Task runs: what the tasks of an attempt did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane import names
from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.documents import from_json
from homeport_control_plane.errors import InvalidInput
from homeport_control_plane.pages import Page, decode_time_cursor, page_of, page_size
from homeport_control_plane.states import State, StateType

SQL = load_sql("task_runs")


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task run with its present state."""

    id: UUID
    flow_run_id: UUID
    name: str
    task_key: str
    map_index: int | None
    upstream: tuple[UUID, ...]
    parent_id: UUID | None
    tags: tuple[str, ...]
    attempt_number: int
    run_count: int
    state: State
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


async def get(db: Queries, tenant_id: UUID, task_run_id: UUID) -> TaskRun | None:
    """The task run of this id, if the tenant has it."""
    row = await db.fetchrow(SQL["get"], tenant_id, task_run_id)
    return None if row is None else _task_run(row)


async def page(
    db: Queries,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    first: int = 100,
    after: str | None = None,
    state_types: Sequence[str] | None = None,
    task_key: str | None = None,
) -> Page[TaskRun]:
    """The run's task runs, oldest first."""
    size = page_size(first)
    unknown = [value for value in state_types or () if value not in StateType.__members__]
    if unknown:
        raise InvalidInput.field("stateTypes", f"{unknown[0]!r} is no state type")
    types = None if state_types is None else list(state_types)
    key = names.filter_text("taskKey", task_key)
    rows = await db.fetch(SQL["page"], tenant_id, flow_run_id, *decode_time_cursor(after), types, key, size + 1)
    return page_of([_task_run(row) for row in rows], size, lambda task: (task.created_at, task.id))


async def states(db: Queries, tenant_id: UUID, task_run_ids: Sequence[UUID]) -> dict[UUID, list[State]]:
    """The history of each task run, oldest first, refused states included."""
    found: dict[UUID, list[State]] = defaultdict(list)
    for row in await db.fetch(SQL["states"], tenant_id, list(task_run_ids)):
        columns = {
            name: row[name] for name in ("number", "name", "message", "at", "actor", "attempt_number", "accepted")
        }
        result = from_json(row["result"])
        found[row["task_run_id"]].append(State(type=StateType(row["type"]), result=result, **columns))
    return dict(found)


async def counts(db: Queries, tenant_id: UUID, flow_run_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """How many task runs of each run's last attempt are in which state type."""
    found: dict[UUID, dict[str, int]] = defaultdict(dict)
    for row in await db.fetch(SQL["counts"], tenant_id, list(flow_run_ids)):
        found[row["flow_run_id"]][row["state_type"]] = row["count"]
    return dict(found)


def _task_run(row: Row) -> TaskRun:
    state = State(
        number=row["event_number"],
        type=StateType(row["state_type"]),
        name=row["state_name"],
        message=row["state_message"],
        at=row["state_at"],
        actor="run",
        attempt_number=row["attempt_number"],
        accepted=True,
        result=from_json(row["result"]),
    )
    return TaskRun(
        id=row["id"],
        flow_run_id=row["flow_run_id"],
        name=row["name"],
        task_key=row["task_key"],
        map_index=row["map_index"],
        upstream=tuple(row["upstream"]),
        parent_id=row["parent_id"],
        tags=tuple(row["tags"]),
        attempt_number=row["attempt_number"],
        run_count=row["run_count"],
        state=state,
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
