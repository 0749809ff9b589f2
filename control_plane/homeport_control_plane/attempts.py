"""Attempts: one try of a flow run.

Start is the commit point, finish takes the first final state, release gives back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane import flow_runs, names, result_references, work_queues
from homeport_control_plane.database import Database, Queries, Row, Session, load_sql
from homeport_control_plane.documents import from_json
from homeport_control_plane.errors import Fenced, InvalidInput, InvalidTransition, NotFound
from homeport_control_plane.states import FINAL, State, StateType
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("attempts")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a flow run on infrastructure; `number` is its fencing number."""

    id: UUID
    flow_run_id: UUID
    number: int
    agent_id: UUID | None
    instance: str | None
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    superseded: bool


@dataclass(frozen=True, slots=True)
class Started:
    """User code may run: how long the lease is and how often to be heard of, in seconds."""

    attempt_id: UUID
    lease_seconds: float
    heartbeat_seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The state that stands, and whether it is the one that was reported."""

    accepted: bool
    state: State


async def start(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    *,
    instance: str,
    host: str | None = None,
    pid: int | None = None,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Started:
    """The commit point: after this the caller runs user code. The same instance may ask again.

    Raises Fenced (another instance started it, or a newer attempt exists), InvalidTransition (cancelled, ended),
    NotFound.
    """
    names.name("instance", instance)
    host = None if host is None else names.text("host", host, limit=255)
    lease = timings.started_lease
    row = await db.fetchrow(SQL["start"], tenant_id, attempt_id, instance, host, pid, now, lease)
    if row is not None:
        db.announce(flow_runs.topic(row["flow_run_id"]))
    elif await db.fetchval(SQL["start_again"], tenant_id, attempt_id, instance, now, lease) is None:
        await _refuse_start(db, tenant_id, attempt_id, instance)
    return Started(attempt_id, lease, timings.heartbeat)


async def finish(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    *,
    type: str,
    name: str | None = None,
    message: str | None = None,
    at: datetime | None = None,
    result: object = None,
    instance: str | None = None,
    agent_key_id: str | None = None,
    actor: str,
    now: datetime | None = None,
) -> Finished:
    """The first final state wins; a later one is kept in the history and answered with what stands.

    PAUSED is an end too: of an attempt whose run waits for a person without it. It needs a pause that suspends.
    With `agent_key_id`, only an attempt held by an agent that registered with this key is found. Ends the attempt's
    task runs. Raises Fenced, NotFound, InvalidTransition, InvalidInput (the state is not final).
    """
    wanted = _final_state(type, name, message, result)
    identity = (tenant_id, attempt_id)
    async with db.transaction() as session:
        if wanted.type is StateType.CANCELLED:
            await session.execute(SQL["cancelling"], *identity, agent_key_id, now, actor, instance)
        if wanted.type is StateType.PAUSED:
            return await _suspend(session, identity, wanted, instance=instance, key=agent_key_id, now=now)
        told = (wanted.type, wanted.name, wanted.message, at, now, instance, agent_key_id, actor, wanted.result)
        row = await session.fetchrow(SQL["finish"], *identity, *told)
        if row is None and wanted.type is StateType.COMPLETED:
            went_on = await session.fetchval(SQL["went_on"], *identity, agent_key_id, now, actor, instance)
            row = await session.fetchrow(SQL["finish"], *identity, *told) if went_on is not None else None
        if row is not None:
            freed = row["freed_queue"]
            session.announce(
                flow_runs.topic(row["flow_run_id"]),
                f"agents:{tenant_id}",
                *(() if freed is None else (work_queues.topic(tenant_id, freed),)),
            )
    if row is not None:
        return Finished(True, _state(row, row["number"]))
    return await _finish_refused(db, identity, wanted, at=at, instance=instance, key=agent_key_id, actor=actor, now=now)


async def release(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    *,
    reason: str,
    crashed: bool = False,
    agent_key_id: str | None = None,
    actor: str,
    now: datetime | None = None,
) -> State:
    """Gives a claimed, not started attempt back.

    The run is SCHEDULED again, CRASHED with the reason, or CANCELLED if that was asked for. Raises Fenced, NotFound,
    InvalidTransition (already started).
    """
    names.text("reason", reason)
    row = await db.fetchrow(SQL["release"], tenant_id, attempt_id, reason, crashed, now, agent_key_id, actor)
    if row is None:
        return await _release_refused(db, tenant_id, attempt_id, agent_key_id)
    queue = () if row["queue"] is None else (work_queues.topic(tenant_id, row["queue"]),)
    db.announce(flow_runs.topic(row["flow_run_id"]), f"agents:{tenant_id}", *queue)
    return _state(row, row["number"])


async def of_runs(db: Queries, tenant_id: UUID, flow_run_ids: Sequence[UUID]) -> dict[UUID, list[Attempt]]:
    """The attempts of each run, by number."""
    found: dict[UUID, list[Attempt]] = defaultdict(list)
    for row in await db.fetch(SQL["of_runs"], tenant_id, list(flow_run_ids)):
        found[row["flow_run_id"]].append(Attempt(**row))
    return dict(found)


@dataclass(frozen=True, slots=True)
class _FinalState:
    type: StateType
    name: str
    message: str
    result: str | None


async def _suspend(
    session: Session,
    identity: tuple[UUID, UUID],
    wanted: _FinalState,
    *,
    instance: str | None,
    key: str | None,
    now: datetime | None,
) -> Finished:
    row = await session.fetchrow(SQL["suspend"], *identity, instance, key, now)
    if row is not None:
        queue = () if row["queue"] is None else (work_queues.topic(identity[0], row["queue"]),)
        session.announce(flow_runs.topic(row["flow_run_id"]), f"agents:{identity[0]}", *queue)
        return Finished(True, _state(row, row["number"]))
    row = await standing(session, *identity, key)
    if row["superseded"]:
        raise fenced(row)
    if row["ended_at"] is not None:
        return Finished(row["outcome"] == StateType.PAUSED, _state(row, row["attempt_number"]))
    if instance is not None and row["instance"] not in {None, instance}:
        raise _other_instance(row)
    raise InvalidTransition(
        f"flow run {row['flow_run_name']!r} is {row['state_name']}: it cannot become {wanted.name}",
        state_type=row["state_type"],
    )


def _final_state(type: str, name: str | None, message: str | None, result: object) -> _FinalState:
    if type not in FINAL and type != StateType.PAUSED:
        allowed = ", ".join(sorted({*FINAL, StateType.PAUSED}))
        raise InvalidInput.field("state.type", f"must be one of {allowed}; found {type!r}")
    return _FinalState(
        StateType(type),
        names.name("state.name", name) if name else type.capitalize(),
        names.text("state.message", message or "", limit=64 * 1024),
        None if result is None else result_references.to_json(result_references.convert("state.result", result)),
    )


async def standing(db: Queries, tenant_id: UUID, attempt_id: UUID, key: str | None = None) -> Row:
    """The attempt and its run as they are. Raises NotFound."""
    row: Row | None = await db.fetchrow(SQL["standing"], tenant_id, attempt_id, key)
    if row is None:
        raise NotFound("attempt", attempt_id)
    return row


def fenced(row: Row) -> Fenced:
    """The error for an attempt that a newer one, or the rescuer, has taken the run from."""
    return Fenced(
        f"attempt {row['number']} of flow run {row['flow_run_name']!r} is superseded; the run is {row['state_name']}, "
        f"its last attempt is {row['attempt_number']}",
        attempt_number=row["number"],
        current_attempt_number=row["attempt_number"],
    )


def _other_instance(row: Row) -> Fenced:
    return Fenced(
        f"attempt {row['number']} of flow run {row['flow_run_name']!r} was started by another instance, "
        f"{row['instance']!r}",
        attempt_number=row["number"],
        current_attempt_number=row["attempt_number"],
    )


async def _refuse_start(db: Queries, tenant_id: UUID, attempt_id: UUID, instance: str) -> None:
    row = await standing(db, tenant_id, attempt_id)
    if row["superseded"]:
        raise fenced(row)
    if row["instance"] not in {None, instance}:
        raise _other_instance(row)
    raise InvalidTransition(
        f"flow run {row['flow_run_name']!r} is {row['state_name']}: it may not start",
        state_type=row["state_type"],
        hint="run no user code; the run was cancelled or has ended",
    )


async def _finish_refused(
    db: Database,
    identity: tuple[UUID, UUID],
    wanted: _FinalState,
    *,
    at: datetime | None,
    instance: str | None,
    key: str | None,
    actor: str,
    now: datetime | None,
) -> Finished:
    """Says what stands instead; whatever differs from it is kept in the history as refused."""
    row = await standing(db, *identity, key)
    if row["outcome"] == wanted.type and not row["superseded"]:
        return Finished(True, _state(row, row["attempt_number"]))
    if row["ended_at"] is None and instance is not None and row["instance"] not in {None, instance}:
        raise _other_instance(row)
    await db.execute(SQL["refused"], *identity, wanted.type, wanted.name, wanted.message, at, now, actor)
    if row["superseded"]:
        raise fenced(row)
    if row["ended_at"] is None:
        raise InvalidTransition(
            f"flow run {row['flow_run_name']!r} is {row['state_name']}: it cannot become {wanted.name}",
            state_type=row["state_type"],
        )
    return Finished(False, _state(row, row["attempt_number"]))


async def _release_refused(db: Queries, tenant_id: UUID, attempt_id: UUID, key: str | None) -> State:
    row = await standing(db, tenant_id, attempt_id, key)
    if row["superseded"] and row["attempt_number"] == row["number"] and row["state_type"] == StateType.SCHEDULED:
        # Asked again: it was given back before.
        return _state(row, row["attempt_number"])
    if row["superseded"]:
        raise fenced(row)
    if row["started_at"] is None and row["outcome"] is not None:
        return _state(row, row["attempt_number"])
    raise InvalidTransition(
        f"attempt {row['number']} of flow run {row['flow_run_name']!r} cannot be given back: it has started",
        state_type=row["state_type"],
        hint="finish it instead",
    )


def _state(row: Row, attempt_number: int) -> State:
    return State(
        number=row["event_number"],
        type=StateType(row["state_type"]),
        name=row["state_name"],
        message=row["state_message"],
        at=row["state_at"],
        actor=row["state_actor"],
        attempt_number=attempt_number,
        accepted=True,
        result=from_json(row["result"]),
    )
