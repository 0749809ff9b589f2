"""A person sends a run on: one that waits for them is resumed, one that failed or crashed is tried again.

A run whose process waits at a pause is RUNNING again. Any other is SCHEDULED, and the next claim makes its next
attempt.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane import deployments, flow_runs, pauses, work_queues
from homeport_control_plane.database import Database, Queries, load_sql
from homeport_control_plane.errors import InvalidInput, InvalidTransition, NotFound
from homeport_control_plane.flow_runs import FlowRun
from homeport_control_plane.states import StateType

SQL = load_sql("continuation")
_SENT_ON_BY = {StateType.PAUSED: "resume", StateType.FAILED: "retry", StateType.CRASHED: "retry"}


async def resume(
    db: Database,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    key: str | None = None,
    input: Any = None,
    actor: str,
    now: datetime | None = None,
) -> FlowRun:
    """The run, sent on: past the pause it waits at (`key` says which of several) with this input, or from being held.

    The same key that asks again, before anything else happens, gets the same answer. Raises NotFound, InvalidInput (the
    input does not fit what the pause asks for), or InvalidTransition if the run is not PAUSED, or no agent may take it
    (a direct run that was held).
    """
    message = _message("Resumed", actor)
    given = {"key": key, "input": input, "actor": actor}
    if await pauses.answer(db, tenant_id, flow_run_id, **given, message=message, now=now):
        return await _get(db, tenant_id, flow_run_id)
    run = await _get(db, tenant_id, flow_run_id)
    await _refuse_deleted(db, tenant_id, run, "resume", "resumed")
    if run.state.type is StateType.PAUSED and run.attempt_id is None and (key is not None or input not in (None, {})):
        raise InvalidInput.field(
            "input" if key is None else "key",
            f"flow run {run.name!r} is {run.state.name} and waits at no pause",
            hint=f"homeport flow-run resume {run.id}    sends it on",
        )
    if await pauses.answered_alike(db, tenant_id, flow_run_id, **given) and (
        run.state.message == message or run.state.type is StateType.PAUSED
    ):
        return run
    last = await pauses.last_ended(db, tenant_id, flow_run_id)
    if run.state.type is not StateType.PAUSED and last is not None and run.state.message != message:
        how = "was resumed" if last.outcome == "RESUMED" else "timed out" if last.outcome == "TIMED_OUT" else "ended"
        by = f" by {last.ended_by.removeprefix('key:')}" if last.outcome == "RESUMED" and last.ended_by else ""
        assert last.ended_at is not None
        why = f"it is {run.state.name}; its pause {last.key!r} {how}{by} at {last.ended_at.isoformat()}"
        raise _refusal(run, "resumed", why, _hint(run))
    return await _send_on(db, tenant_id, flow_run_id, "resume", "Resumed", actor, now)


async def retry(db: Queries, tenant_id: UUID, flow_run_id: UUID, *, actor: str, now: datetime | None = None) -> FlowRun:
    """The run, SCHEDULED as AwaitingRetry; the same key that asks again before it is claimed gets the same answer.

    Raises NotFound, or InvalidTransition if the run is neither FAILED nor CRASHED, or no agent may take it.
    """
    return await _send_on(db, tenant_id, flow_run_id, "retry", "Retried", actor, now)


async def _send_on(
    db: Queries, tenant_id: UUID, flow_run_id: UUID, verb: str, done: str, actor: str, now: datetime | None
) -> FlowRun:
    message = _message(done, actor)
    changed = await db.fetchrow(SQL[verb], tenant_id, flow_run_id, now, actor, message)
    run = await _get(db, tenant_id, flow_run_id)
    if changed is not None:
        db.announce(flow_runs.topic(flow_run_id), work_queues.topic(tenant_id, changed["queue"]))
    elif (run.state.type, run.state.message) != (StateType.SCHEDULED, message):
        await _refuse_deleted(db, tenant_id, run, verb, done.lower())
        raise _refused(run, verb, done.lower())
    return run


async def _get(db: Queries, tenant_id: UUID, flow_run_id: UUID) -> FlowRun:
    run = await flow_runs.get(db, tenant_id, flow_run_id)
    if run is None:
        raise NotFound("flow run", flow_run_id)
    return run


async def _refuse_deleted(db: Queries, tenant_id: UUID, run: FlowRun, verb: str, done: str) -> None:
    """Raises InvalidTransition for a run that could be sent on, if its deployment were there: no agent would get it."""
    if _SENT_ON_BY.get(run.state.type) != verb or run.attempt_id is not None or run.queue is None:
        return
    if await deployments.get(db, tenant_id, run.deployment_id) is None:
        why = f"its deployment {run.deployment_name!r} was deleted"
        raise _refusal(run, done, why, "register or apply the deployment again, or cancel the run")


def _message(done: str, actor: str) -> str:
    return f"{done} by {actor.removeprefix('key:')}"


def _refused(run: FlowRun, verb: str, done: str) -> InvalidTransition:
    possible = _SENT_ON_BY.get(run.state.type)
    if possible == verb and run.queue is None:
        why = "it was created to be executed by whoever created it, and no agent may take it"
        return _refusal(run, done, why, "run it again, as a new run")
    why = f"it is {run.state.name} since {run.state.at.isoformat()}"
    if possible is not None and run.queue is not None:
        return _refusal(run, done, why, f"homeport flow-run {possible} {run.id}")
    return _refusal(run, done, why, _hint(run))


def _hint(run: FlowRun) -> str:
    return "run it again, as a new run" if run.state.type.final else f"homeport flow-run explain {run.id}"


def _refusal(run: FlowRun, done: str, why: str, hint: str) -> InvalidTransition:
    return InvalidTransition(f"flow run {run.name!r} cannot be {done}: {why}", state_type=run.state.type, hint=hint)
