"""How a due run gets to exactly one agent: one statement that locks, skips what others lock, and makes the attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from homeport_control_plane import agents, flow_runs, keys, names, work_queues
from homeport_control_plane.database import Database, Row, load_sql
from homeport_control_plane.documents import from_json
from homeport_control_plane.errors import InvalidInput, InvalidTransition, NotFound, SessionSuperseded
from homeport_control_plane.ids import new_id
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings
from homeport_control_plane.wakeups import Wakeups

SQL = load_sql("claims")
MOST_RUNS = 1000
MOST_LIVE = 10_000


# It goes over the wire as it is (`claim.schema.json`): a hundred claims of seventeen GraphQL fields each cost more to
# answer than to make. One line of docstring, because it is the schema's description, and Python 3.13 unindents others.
class Claim(msgspec.Struct, frozen=True, rename="camel"):
    """One claimed attempt and all that an agent needs to start it; the run token is told here and never again."""

    attempt_id: UUID
    attempt_number: int
    run_token: str
    lease_seconds: float
    flow_run_id: UUID
    flow_run_name: str
    flow_name: str
    project_name: str
    deployment_name: str
    entrypoint: str
    storage: Any
    content_digest: str
    parameters: Any
    run_config: Any
    labels: tuple[str, ...]
    scheduled_at: datetime
    on_lost: str
    envelope: Any


@dataclass(frozen=True, slots=True)
class Command:
    """What an agent is told to do: CANCEL, DRAIN or STOP_TRACKING (and kill) an attempt of its inventory."""

    kind: str
    attempt_id: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The answer to a claim; `more` says that something may be left for another agent of the same queues."""

    claims: tuple[Claim, ...]
    commands: tuple[Command, ...]
    more: bool = False


def json_schema() -> bytes:
    """The JSON Schema of a claim, as it is committed in claim.schema.json."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Claim",
        **msgspec.json.schema(Claim),
    }
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"


async def claim(
    db: Database,
    tenant_id: UUID,
    agent_id: UUID,
    session_id: UUID,
    *,
    limit: int,
    live_attempts: Sequence[UUID] = (),
    draining: bool = False,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Claimed:
    """Up to `limit` due runs (0 to 1,000) of the agent's queues, at once.

    Raises SessionSuperseded, NotFound, InvalidInput.
    """
    if not 0 <= limit <= MOST_RUNS:
        raise InvalidInput.field("limit", f"must be 0 to {MOST_RUNS:,}, found {limit}")
    if len(live_attempts) > MOST_LIVE:
        raise InvalidInput.field("liveAttempts", f"{len(live_attempts):,} are more than the limit of {MOST_LIVE:,}")
    ids = [new_id() for _ in range(limit)]
    tokens = [keys.new_run_token(attempt_id) for attempt_id in ids]
    rows = await db.fetch(
        SQL["claim"],
        tenant_id,
        agent_id,
        session_id,
        now,
        limit,
        draining,
        ids,
        [token.hash for token in tokens],
        timings.claimed_lease,
    )
    if not rows:
        await _refuse_session(db, tenant_id, agent_id)
    claims = tuple(_claim(row, tokens[row["n"] - 1].text, timings) for row in rows if row["n"] is not None)
    if claims:
        db.announce(*(flow_runs.topic(claimed.flow_run_id) for claimed in claims), f"agents:{tenant_id}")
    commands = await _commands(db, tenant_id, agent_id, live_attempts, timings, now) if live_attempts else ()
    return Claimed(claims, commands, more=rows[0]["more"] or 0 < limit == len(claims))


async def claim_held(
    db: Database,
    wakeups: Wakeups,
    tenant_id: UUID,
    agent_id: UUID,
    session_id: UUID,
    *,
    limit: int,
    live_attempts: Sequence[UUID] = (),
    draining: bool = False,
    wait_seconds: float | None = None,
    timings: Timings = DEFAULT_TIMINGS,
) -> Claimed:
    """As `claim`, held until there is something to say: at most `wait_seconds`, and never over `timings.poll_held`.

    Stopping the `wakeups` answers every held poll at once, empty.
    """
    loop = asyncio.get_running_loop()
    held = timings.poll_held if wait_seconds is None else max(0.0, min(wait_seconds, timings.poll_held))
    deadline = loop.time() + held
    queues = await db.fetchval(SQL["queues"], tenant_id, agent_id) if limit and not draining else ()
    topics = [work_queues.topic(tenant_id, queue) for queue in queues or ()]
    async with wakeups.waiter(agents.topic(agent_id), shared=topics) as waiter:
        while True:
            found = await claim(
                db,
                tenant_id,
                agent_id,
                session_id,
                limit=limit,
                live_attempts=live_attempts,
                draining=draining,
                timings=timings,
            )
            waiter.looked(more=found.more)
            if found.claims or found.commands:
                return found
            if not await waiter.wait(deadline - loop.time()):
                return found


async def claim_direct(
    db: Database,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    executor: str,
    actor: str,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Claim:
    """Takes one run that was created `direct`, to execute it here and now. Raises NotFound, InvalidTransition."""
    names.name("executor", executor)
    attempt_id = new_id()
    token = keys.new_run_token(attempt_id)
    lease = timings.claimed_lease
    row = await db.fetchrow(
        SQL["claim_direct"], tenant_id, flow_run_id, executor, now, actor, attempt_id, token.hash, lease
    )
    if row is None:
        await _refuse_direct(db, tenant_id, flow_run_id)
    db.announce(flow_runs.topic(flow_run_id))
    return _claim(row, token.text, timings)


async def _commands(
    db: Database,
    tenant_id: UUID,
    agent_id: UUID,
    live_attempts: Sequence[UUID],
    timings: Timings,
    now: datetime | None,
) -> tuple[Command, ...]:
    rows = await db.fetch(SQL["commands"], tenant_id, agent_id, list(live_attempts), now, timings.cancel_grace)
    return tuple(Command(row["kind"], row["attempt_id"], row["reason"]) for row in rows)


async def _refuse_session(db: Database, tenant_id: UUID, agent_id: UUID) -> None:
    name = await db.fetchval(SQL["agent_exists"], tenant_id, agent_id)
    if name is None:
        raise NotFound("agent", agent_id, hint="register the agent again")
    raise SessionSuperseded(
        f"another process registered the agent {name!r}",
        hint="stop this one, or give it a name of its own with --name",
    )


async def _refuse_direct(db: Database, tenant_id: UUID, flow_run_id: UUID) -> None:
    run = await flow_runs.get(db, tenant_id, flow_run_id)
    if run is None:
        raise NotFound("flow run", flow_run_id)
    if run.queue is not None:
        raise InvalidTransition(
            f"flow run {run.name!r} is in the work queue {run.queue!r}: only an agent may take it",
            state_type=run.state.type,
            hint="create the run with direct: true to execute it yourself",
        )
    raise InvalidTransition(f"flow run {run.name!r} is {run.state.name}, not Scheduled", state_type=run.state.type)


def _storage(row: Row) -> Any:
    """The whole reference: what was recorded with the version, and what its block says now, which stands above it.

    A block that no deployment needs any more may be deleted though runs of older versions wait: they are told.
    """
    recorded = from_json(row["storage"])
    if row["block_fields"] is None:
        return {**recorded, "blockDeleted": True} if "block" in recorded else recorded
    content = {**recorded, **from_json(row["block_fields"]), **from_json(row["block_secrets"])}
    return {**content, "kind": recorded["kind"], "block": recorded["block"]}


def _claim(row: Row, token: str, timings: Timings) -> Claim:
    return Claim(
        attempt_id=row["attempt_id"],
        attempt_number=row["attempt_number"],
        run_token=token,
        lease_seconds=timings.claimed_lease,
        flow_run_id=row["flow_run_id"],
        flow_run_name=row["flow_run_name"],
        flow_name=row["flow_name"],
        project_name=row["project_name"],
        deployment_name=row["deployment_name"],
        entrypoint=row["entrypoint"],
        storage=_storage(row),
        content_digest=row["content_digest"],
        parameters=from_json(row["parameters"]),
        run_config=from_json(row["run_config"]),
        labels=tuple(row["labels"]),
        scheduled_at=row["scheduled_at"],
        on_lost=row["on_lost"],
        envelope=from_json(row["envelope"]),
    )
