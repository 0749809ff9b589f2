"""Work queues: named lines that agents serve, with a pause, a limit and a priority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane import names
from homeport_control_plane.database import Queries, load_sql
from homeport_control_plane.errors import Conflict, InvalidInput, NotFound
from homeport_control_plane.ids import new_id
from homeport_control_plane.pages import Page, decode_cursor, page_of, page_size

SQL = load_sql("work_queues")
_MAX_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class WorkQueue:
    """A queue; `held` counts runs that agents hold now, `scheduled` those waiting.

    The lower `priority` is served first.
    """

    id: UUID
    name: str
    description: str
    paused: bool
    concurrency_limit: int | None
    priority: int
    held: int
    scheduled: int
    created_at: datetime


async def create(
    db: Queries,
    tenant_id: UUID,
    *,
    name: str,
    description: str = "",
    concurrency_limit: int | None = None,
    priority: int | None = None,
) -> WorkQueue:
    """A new queue. Raises Conflict, InvalidInput."""
    names.name("name", name)
    names.text("description", description)
    _check(concurrency_limit, priority)
    made = await db.fetchval(SQL["create"], new_id(), tenant_id, name, description, concurrency_limit, priority)
    if made is None:
        raise Conflict(
            f"there is a work queue {name!r} already",
            hint="homeport work-queue set-concurrency-limit, pause and resume change it",
        )
    return await _present(db, tenant_id, name)


async def update(
    db: Queries,
    tenant_id: UUID,
    name: str,
    *,
    paused: bool | None = None,
    concurrency_limit: int | None = None,
    clear_concurrency_limit: bool = False,
    priority: int | None = None,
    description: str | None = None,
) -> WorkQueue:
    """The queue with what was given changed; its agents are woken. Raises NotFound, InvalidInput."""
    _check(concurrency_limit, priority)
    if description is not None:
        names.text("description", description)
    changed = None
    if "\0" not in name:
        changed = await db.fetchval(
            SQL["update"], tenant_id, name, paused, concurrency_limit, clear_concurrency_limit, priority, description
        )
    if changed is None:
        raise NotFound("work queue", name)
    db.announce(topic(tenant_id, name))
    return await _present(db, tenant_id, name)


async def by_name(db: Queries, tenant_id: UUID, name: str) -> WorkQueue | None:
    """The queue of that name, if there is one."""
    row = await db.fetchrow(SQL["by_name"], tenant_id, names.filter_text("name", name))
    return None if row is None else WorkQueue(**row)


async def page(db: Queries, tenant_id: UUID, *, first: int = 50, after: str | None = None) -> Page[WorkQueue]:
    """The tenant's queues by name."""
    size = page_size(first)
    key = decode_cursor(after, str) or (None,)
    rows = await db.fetch(SQL["page"], tenant_id, *key, size + 1)
    return page_of([WorkQueue(**row) for row in rows], size, lambda queue: (queue.name,))


async def ensure(db: Queries, tenant_id: UUID, queues: Sequence[str]) -> dict[str, UUID]:
    """The ids of the queues of these names, made where missing. Raises InvalidInput for a name that cannot be one."""
    wanted = sorted({names.name("queue", name) for name in queues})
    found: dict[str, UUID] = {}
    # A queue that another session makes at this moment shows up only to the next statement.
    while len(found) < len(wanted):
        rows = await db.fetch(SQL["ensure"], tenant_id, [new_id() for _ in wanted], wanted)
        found = {row["name"]: row["id"] for row in rows}
    return found


def topic(tenant_id: UUID, name: str) -> str:
    """What is announced when a run of this queue became due."""
    return f"queue:{tenant_id}:{name}"


async def _present(db: Queries, tenant_id: UUID, name: str) -> WorkQueue:
    queue = await by_name(db, tenant_id, name)
    assert queue is not None
    return queue


def _check(concurrency_limit: int | None, priority: int | None) -> None:
    if concurrency_limit is not None and not 0 <= concurrency_limit <= _MAX_INT:
        raise InvalidInput.field("concurrencyLimit", f"must be 0 or more, found {concurrency_limit}")
    if priority is not None and not 1 <= priority <= _MAX_INT:
        raise InvalidInput.field("priority", f"must be 1 (served first) or more, found {priority}")
