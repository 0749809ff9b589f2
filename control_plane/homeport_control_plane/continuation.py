"""A person sends a run on: one that was held is resumed, one that failed or crashed is tried again.

Either way it is SCHEDULED again, and the next claim makes its next attempt.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from homeport_control_plane import flow_runs, work_queues
from homeport_control_plane.database import Queries, load_sql
from homeport_control_plane.errors import InvalidTransition, NotFound
from homeport_control_plane.flow_runs import FlowRun
from homeport_control_plane.states import StateType

SQL = load_sql("continuation")
_SENT_ON_BY = {StateType.PAUSED: "resume", StateType.FAILED: "retry", StateType.CRASHED: "retry"}


async def resume(
    db: Queries, tenant_id: UUID, flow_run_id: UUID, *, actor: str, now: datetime | None = None
) -> FlowRun:
    """The run, SCHEDULED and due at once; the same key that asks again before it is claimed gets the same answer.

    Raises NotFound, or InvalidTransition if the run is not PAUSED, or no agent may take it (a direct run).
    """
    return await _send_on(db, tenant_id, flow_run_id, "resume", "Resumed", actor, now)


async def retry(db: Queries, tenant_id: UUID, flow_run_id: UUID, *, actor: str, now: datetime | None = None) -> FlowRun:
    """The run, SCHEDULED as AwaitingRetry; the same key that asks again before it is claimed gets the same answer.

    Raises NotFound, or InvalidTransition if the run is neither FAILED nor CRASHED, or no agent may take it.
    """
    return await _send_on(db, tenant_id, flow_run_id, "retry", "Retried", actor, now)


async def _send_on(
    db: Queries, tenant_id: UUID, flow_run_id: UUID, verb: str, done: str, actor: str, now: datetime | None
) -> FlowRun:
    message = f"{done} by {actor.removeprefix('key:')}"
    changed = await db.fetchrow(SQL[verb], tenant_id, flow_run_id, now, actor, message)
    run = await flow_runs.get(db, tenant_id, flow_run_id)
    if run is None:
        raise NotFound("flow run", flow_run_id)
    if changed is not None:
        db.announce(flow_runs.topic(flow_run_id), work_queues.topic(tenant_id, changed["queue"]))
    elif (run.state.type, run.state.message) != (StateType.SCHEDULED, message):
        raise _refused(run, verb, done.lower())
    return run


def _refused(run: FlowRun, verb: str, done: str) -> InvalidTransition:
    possible = _SENT_ON_BY.get(run.state.type)
    if possible == verb and run.queue is None:
        why = "it was created to be executed by whoever created it, and no agent may take it"
        return _refusal(run, done, why, "run it again, as a new run")
    why = f"it is {run.state.name} since {run.state.at.isoformat()}"
    if possible is not None and run.queue is not None:
        return _refusal(run, done, why, f"homeport flow-run {possible} {run.id}")
    hint = "run it again, as a new run" if run.state.type.final else f"homeport flow-run explain {run.id}"
    return _refusal(run, done, why, hint)


def _refusal(run: FlowRun, done: str, why: str, hint: str) -> InvalidTransition:
    return InvalidTransition(f"flow run {run.name!r} cannot be {done}: {why}", state_type=run.state.type, hint=hint)
