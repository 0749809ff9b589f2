"""Pauses: a run waits for a person, who may have to give it something, and goes on once they have.

A pause is a place in the flow, named by its key. While any pause of a run is open, the run is PAUSED. The process of a
run that is paused waits, and keeps its attempt; one that suspends goes, and the next attempt passes the place with
what was given. What may be given is said by the code as JSON Schema, and checked here, before the run goes on.
"""

from __future__ import annotations

import asyncio
import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane import attempts, flow_runs, names, work_queues
from homeport_control_plane.database import Database, Queries, Row, Session, load_sql
from homeport_control_plane.documents import from_json, to_json
from homeport_control_plane.errors import FieldProblem, InvalidInput, InvalidTransition, NotFound
from homeport_control_plane.parameters import ParameterSchema
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings
from homeport_control_plane.wakeups import Wakeups

SQL = load_sql("pauses")
MAX_SCHEMA_BYTES = 64 * 1024
MAX_INPUT_BYTES = 64 * 1024
LONGEST_TIMEOUT = 10 * 366 * 24 * 3600.0
_BATCH = 200
_RESUME = "homeport flow-run resume"


@dataclass(frozen=True, slots=True)
class Pause:
    """One stop of a run; `outcome` is None while it is open, else RESUMED, TIMED_OUT or ABANDONED (the run ended)."""

    id: UUID
    flow_run_id: UUID
    attempt_id: UUID
    task_run_id: UUID | None
    key: str
    message: str
    input_schema: Any
    suspends: bool
    paused_at: datetime
    expires_at: datetime | None
    outcome: str | None
    ended_at: datetime | None
    ended_by: str | None
    input: Any


async def pause(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    *,
    id: UUID,
    key: str,
    message: str = "",
    input_schema: Any = None,
    timeout: float | None = None,
    suspends: bool = False,
    task_run_id: UUID | None = None,
    now: datetime | None = None,
) -> Pause:
    """The pause that the attempt's code has reached, open; or the ended one, where its place was answered before.

    Asked again with the same `id`, the same pause. Raises Fenced, NotFound, InvalidInput, and InvalidTransition if the
    run is to be cancelled, or could not be resumed once its process is gone (a direct run).
    """
    names.name("key", key)
    names.text("message", message, limit=2000)
    if timeout is not None and not 0 < timeout <= LONGEST_TIMEOUT:
        raise InvalidInput.field("timeoutSeconds", f"must be more than 0 and at most {LONGEST_TIMEOUT:.0f}")
    schema = None if input_schema is None else _checked_schema(input_schema)
    async with db.transaction() as session:
        run = await session.fetchrow(SQL["hold"], tenant_id, attempt_id)
        if run is None:
            raise await _not_holding(session, tenant_id, attempt_id)
        reached = await session.fetchrow(SQL["reached"], tenant_id, run["id"], id, key)
        if reached is not None:
            return _pause(reached)
        if suspends and run["direct"]:
            raise InvalidTransition(
                f"flow run {run['name']!r} cannot be suspended: no agent may take it, so nobody could go on with it",
                state_type=run["state_type"],
                hint="use pause_flow_run, which waits in this process; or start the run on an agent",
            )
        made = await session.fetchrow(
            SQL["pause"],
            tenant_id,
            attempt_id,
            *(id, task_run_id, key, message, schema, suspends, timeout, now, _told(message, key, input_schema)),
        )
        if made is None:
            raise await _not_paused(session, tenant_id, run, key)
        session.announce(flow_runs.topic(run["id"]))
        return _pause(made)


async def withdraw(db: Database, tenant_id: UUID, attempt_id: UUID, *, id: UUID, now: datetime | None = None) -> None:
    """Ends a pause whose code has gone on without an answer. Raises Fenced, NotFound."""
    async with db.transaction() as session:
        run = await session.fetchrow(SQL["hold"], tenant_id, attempt_id)
        if run is None:
            raise await _not_holding(session, tenant_id, attempt_id)
        if await session.fetchval(SQL["withdraw"], tenant_id, run["id"], id, now) is not None:
            await _go_on(session, tenant_id, run["id"], "run", "The code that waited went on without an answer", now)


async def ended(
    db: Database,
    wakeups: Wakeups,
    tenant_id: UUID,
    attempt_id: UUID,
    *,
    known: int,
    wait_seconds: float | None = None,
    timings: Timings = DEFAULT_TIMINGS,
) -> tuple[Pause, ...]:
    """Every ended pause of the attempt, once there are more than `known`; held until then, at most `wait_seconds`.

    Raises Fenced or InvalidTransition once the attempt does not hold its run any more, NotFound.
    """
    loop = asyncio.get_running_loop()
    held = timings.poll_held if wait_seconds is None else max(0.0, min(wait_seconds, timings.poll_held))
    deadline = loop.time() + held
    row = await _of_attempt(db, tenant_id, attempt_id)
    async with wakeups.waiter(flow_runs.topic(row["flow_run_id"])) as waiter:
        while True:
            row = await _of_attempt(db, tenant_id, attempt_id)
            left = row["seconds_left"]
            if left is not None and left <= 0:
                await expire(db, tenant_id, row["flow_run_id"])
                row = await _of_attempt(db, tenant_id, attempt_id)
                left = None
            if row["ended"] > known:
                found = await db.fetch(SQL["ended_of_attempt"], tenant_id, row["flow_run_id"], attempt_id)
                return tuple(map(_pause, found))
            seconds = deadline - loop.time()
            woken = await waiter.wait(seconds if left is None else min(seconds, left + 0.001))
            if not woken and (wakeups.stopping or loop.time() >= deadline):
                return ()


async def answer(
    db: Database,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    key: str | None = None,
    input: Any = None,
    actor: str,
    message: str,
    now: datetime | None = None,
) -> bool:
    """Gives the run what it waits for; False if it waits at no pause. It goes on once its last open pause has ended.

    Raises InvalidInput (what was given does not fit the pause, or it is not said which of several is meant), and
    InvalidTransition if somebody else, or the end of its time, came first.
    """
    await expire(db, tenant_id, flow_run_id, now=now)
    open_pauses = [_pause(row) for row in await db.fetch(SQL["open_of_run"], tenant_id, flow_run_id)]
    if not open_pauses:
        return False
    meant = _meant(open_pauses, key)
    given = _checked_input(meant, input)
    async with db.transaction() as session:
        await session.fetchval(SQL["lock_run"], tenant_id, flow_run_id)
        given_json = None if given is None else to_json("input", given, limit=MAX_INPUT_BYTES)
        answered = await session.fetchval(SQL["answer"], tenant_id, flow_run_id, meant.id, given_json, now, actor)
        if answered is None:
            return False
        await _go_on(session, tenant_id, flow_run_id, actor, message, now)
        session.announce(flow_runs.topic(flow_run_id))
    return True


async def answered_alike(
    db: Queries, tenant_id: UUID, flow_run_id: UUID, *, key: str | None, input: Any, actor: str
) -> Pause | None:
    """The pause that ended last, if this actor ended it by giving just this: the same question asked again."""
    row = await db.fetchrow(SQL["last_ended"], tenant_id, flow_run_id)
    if row is None or row["outcome"] != "RESUMED" or row["ended_by"] != actor or key not in {None, row["key"]}:
        return None
    last = _pause(row)
    return last if (last.input or {}) == (input or {}) else None


async def last_ended(db: Queries, tenant_id: UUID, flow_run_id: UUID) -> Pause | None:
    """The pause of the run that ended last, however it did."""
    row = await db.fetchrow(SQL["last_ended"], tenant_id, flow_run_id)
    return None if row is None else _pause(row)


async def expire(db: Database, tenant_id: UUID, flow_run_id: UUID, *, now: datetime | None = None) -> int:
    """Ends the pauses of the run whose time is over; how many.

    A process that waits goes on, and finds that nobody came; a run without one has FAILED.
    """
    async with db.transaction() as session:
        if await session.fetchval(SQL["lock_run"], tenant_id, flow_run_id) is None:
            return 0
        rows = await session.fetch(SQL["expire"], tenant_id, flow_run_id, now)
        if rows:
            told = (
                f"Nobody resumed it in time: it had waited at {rows[0]['key']!r} since {_moment(rows[0]['paused_at'])}"
            )
            if await session.fetchval(SQL["give_up"], tenant_id, flow_run_id, now, told) is None:
                await _go_on(session, tenant_id, flow_run_id, "control plane", told, now)
            session.announce(flow_runs.topic(flow_run_id))
    return len(rows)


async def expire_all(db: Database, *, now: datetime | None = None) -> int:
    """Ends every pause whose time is over, up to 200 runs at once; how many."""
    rows = await db.fetch(SQL["expired"], now, _BATCH)
    return sum([await expire(db, row["tenant_id"], row["flow_run_id"], now=now) for row in rows])


async def of_runs(db: Queries, tenant_id: UUID, flow_run_ids: Sequence[UUID]) -> dict[UUID, list[Pause]]:
    """The pauses of each run, in the order in which they were reached."""
    found: dict[UUID, list[Pause]] = defaultdict(list)
    for row in await db.fetch(SQL["of_runs"], tenant_id, list(flow_run_ids)):
        found[row["flow_run_id"]].append(_pause(row))
    return dict(found)


def fields_of(schema: Any) -> list[str]:
    """The names of the fields that an input schema asks for."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return list(properties) if isinstance(properties, dict) else []


async def _go_on(
    session: Session, tenant_id: UUID, flow_run_id: UUID, actor: str, message: str, now: datetime | None
) -> None:
    changed = await session.fetchrow(SQL["go_on"], tenant_id, flow_run_id, now, actor, message)
    if changed is not None:
        queue = (work_queues.topic(tenant_id, changed["queue"]),) if changed["scheduled"] else ()
        session.announce(flow_runs.topic(flow_run_id), *queue)


async def _of_attempt(db: Queries, tenant_id: UUID, attempt_id: UUID) -> Row:
    row: Row | None = await db.fetchrow(SQL["of_attempt"], tenant_id, attempt_id)
    if row is None:
        raise NotFound("attempt", attempt_id)
    if not row["live"]:
        raise await _not_holding(db, tenant_id, attempt_id)
    return row


async def _not_holding(db: Queries, tenant_id: UUID, attempt_id: UUID) -> Exception:
    row = await attempts.standing(db, tenant_id, attempt_id)
    if row["superseded"]:
        return attempts.fenced(row)
    return InvalidTransition(
        f"flow run {row['flow_run_name']!r} is {row['state_name']}: attempt {row['number']} cannot pause it",
        state_type=row["state_type"],
    )


async def _not_paused(session: Session, tenant_id: UUID, run: Row, key: str) -> Exception:
    if run["state_type"] not in {"RUNNING", "PAUSED"}:
        return InvalidTransition(
            f"flow run {run['name']!r} is {run['state_name']}: it cannot be paused", state_type=run["state_type"]
        )
    if any(row["key"] == key for row in await session.fetch(SQL["open_of_run"], tenant_id, run["id"])):
        return InvalidInput.field(
            "key", f"{key!r} is where this run waits already", hint="give each pause of a flow a key of its own"
        )
    return InvalidInput.field("pauseId", "is that of another pause", hint="make a new one for each pause")


def _meant(open_pauses: Sequence[Pause], key: str | None) -> Pause:
    keys = ", ".join(repr(pause.key) for pause in open_pauses[:20])
    if key is None:
        if len(open_pauses) == 1:
            return open_pauses[0]
        raise InvalidInput.field(
            "key",
            f"the run waits at {len(open_pauses)} pauses, so it must be said which is meant: {keys}",
            hint=f"{_RESUME} {open_pauses[0].flow_run_id} --key {shlex.quote(open_pauses[0].key)}",
        )
    found = next((pause for pause in open_pauses if pause.key == key), None)
    if found is None:
        raise InvalidInput.field("key", f"the run does not wait at {key[:200]!r}; it waits at {keys}")
    return found


def _checked_schema(schema: Any) -> str:
    text = to_json("inputSchema", schema, limit=MAX_SCHEMA_BYTES)
    try:
        ParameterSchema(schema)
    except InvalidInput as error:
        raise InvalidInput.field("inputSchema", error.message.removeprefix("parameterSchema: ")) from error
    if schema.get("type") != "object":
        raise InvalidInput.field("inputSchema", 'must say "type": "object": what is given has named fields')
    return text


def _checked_input(pause: Pause, input: Any) -> Any:
    hint = f"homeport flow-run inspect {pause.flow_run_id}    shows what it waits for"
    if pause.input_schema is None:
        if input not in (None, {}):
            raise InvalidInput.field("input", f"the pause {pause.key!r} takes no input; resume it without any")
        return None
    given = {} if input is None else input
    if not isinstance(given, dict):
        raise InvalidInput.field("input", f"must be an object, found {type(given).__name__}", hint=hint)
    try:
        ParameterSchema(pause.input_schema).check(given)
    except InvalidInput as error:
        problems = [
            FieldProblem("input" + problem.path.removeprefix("parameters"), problem.message) for problem in error.fields
        ]
        told = f"{problems[0].path}: {problems[0].message}" if problems else error.message
        raise InvalidInput(
            f"the input does not fit the pause {pause.key!r}: {told}", fields=problems, hint=hint
        ) from error
    return given


def _told(message: str, key: str, schema: Any) -> str:
    """What the run's state says: what it waits for, and at which of its places."""
    wanted = fields_of(schema)
    waits = f"Waits for input ({', '.join(wanted)[:500]})" if schema is not None else "Waits to be resumed"
    return f"{waits} at {key!r}" + (f": {message}" if message else "")


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%SZ")


def _pause(row: Row) -> Pause:
    return Pause(
        id=row["id"],
        flow_run_id=row["flow_run_id"],
        attempt_id=row["attempt_id"],
        task_run_id=row["task_run_id"],
        key=row["key"],
        message=row["message"],
        input_schema=from_json(row["input_schema"]),
        suspends=row["suspends"],
        paused_at=row["paused_at"],
        expires_at=row["expires_at"],
        outcome=row["outcome"],
        ended_at=row["ended_at"],
        ended_by=row["ended_by"],
        input=from_json(row["input"]),
    )
