"""Agents: registered pullers of work, and how recently each was heard of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane import names, work_queues
from homeport_control_plane.database import Queries, Row, load_sql
from homeport_control_plane.errors import InvalidInput
from homeport_control_plane.ids import new_id
from homeport_control_plane.pages import Page, decode_time_cursor, page_of, page_size
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("agents")
_MOST_RUNS = 10_000


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent; `running` counts its live attempts, `online` says it was heard of in the last 30 s."""

    id: UUID
    name: str
    kind: str
    labels: tuple[str, ...]
    queues: tuple[str, ...]
    version: str
    host: str
    capacity: int
    running: int
    online: bool
    last_seen_at: datetime
    registered_at: datetime
    draining: bool


@dataclass(frozen=True, slots=True)
class Registration:
    """The agent's id, stable by kind and name, and its new session."""

    agent_id: UUID
    session_id: UUID


async def register(
    db: Queries,
    tenant_id: UUID,
    *,
    name: str,
    kind: str,
    version: str,
    host: str,
    capacity: int,
    labels: Sequence[str] = (),
    queues: Sequence[str] = (),
    key_id: str | None = None,
    allowed_queues: Sequence[str] = (),
    now: datetime | None = None,
) -> Registration:
    """The agent, made or taken over with a new session; its queues (none given: "default") are made where missing.

    `allowed_queues` are those that the key is bound to (none: any). Raises InvalidInput.
    """
    names.name("name", name)
    names.name("kind", kind, limit=50)
    names.name("version", version)
    names.name("host", host, limit=255)
    if not 0 <= capacity <= _MOST_RUNS:
        raise InvalidInput.field("capacity", f"must be 0 to {_MOST_RUNS:,}, found {capacity}")
    served = names.labels("queues", queues) or sorted(allowed_queues) or ["default"]
    if allowed_queues and not set(served) <= set(allowed_queues):
        raise InvalidInput.field(
            "queues",
            f"this key may serve {', '.join(sorted(allowed_queues))}; asked for {', '.join(served)}",
            hint="start the agent with the queues of its key, or ask an admin for another key",
        )
    await work_queues.ensure(db, tenant_id, served)
    session_id = new_id()
    row = await db.fetchrow(
        SQL["register"],
        new_id(),
        tenant_id,
        kind,
        name,
        names.labels("labels", labels),
        served,
        version,
        host,
        capacity,
        session_id,
        key_id,
        now,
    )
    # A poll that the former session holds finds out at once that it is superseded.
    db.announce(topic(row["id"]), f"agents:{tenant_id}")
    return Registration(row["id"], session_id)


async def get_many(
    db: Queries,
    tenant_id: UUID,
    ids: Sequence[UUID],
    *,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> dict[UUID, Agent]:
    """The agents of these ids that exist in the tenant."""
    query = f"{SQL['select']} {SQL['chosen']}"
    rows = await db.fetch(query, tenant_id, now, timings.agent_offline, list(ids))
    return {row["id"]: _agent(row) for row in rows}


async def page(
    db: Queries,
    tenant_id: UUID,
    *,
    first: int = 50,
    after: str | None = None,
    name: str | None = None,
    kind: str | None = None,
    queue: str | None = None,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Page[Agent]:
    """The tenant's agents, the one registered last first."""
    size = page_size(first)
    given = {"name": name, "kind": kind, "queue": queue}
    filters = [names.filter_text(path, value) for path, value in given.items()]
    cursor = decode_time_cursor(after)
    query = f"{SQL['select']} {SQL['listed']}"
    rows = await db.fetch(query, tenant_id, now, timings.agent_offline, *cursor, *filters, size + 1)
    return page_of([_agent(row) for row in rows], size, lambda agent: (agent.registered_at, agent.id))


def topic(agent_id: UUID) -> str:
    """What is announced when there is something to tell the agent."""
    return f"agent:{agent_id}"


def _agent(row: Row) -> Agent:
    return Agent(**{**row, "labels": tuple(row["labels"]), "queues": tuple(row["queues"])})
