"""Reports of a run process: one transaction a batch, acknowledged by mark, from the current attempt only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane import attempts, flow_runs
from homeport_control_plane.database import Database, Row, Session, load_sql
from homeport_control_plane.errors import NotFound
from homeport_control_plane.event_batch import (
    DroppedEvent,
    Event,
    EventBatch,
    LogEvent,
    RunNameEvent,
    RunStateEvent,
    TaskRunEvent,
    TaskStateEvent,
)
from homeport_control_plane.logs import LEVELS
from homeport_control_plane.result_references import to_json
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("events")
TAG_SEPARATOR = "\x1f"
"""Between the tags of one task run, on their way to the database: an array of arrays has one length there."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Every event up to `seq` is stored; `cancel` asks the process to stop."""

    seq: int
    cancel: bool


async def report(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    batch: EventBatch,
    *,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Acknowledged:
    """Stores what is new of the batch and renews the lease; an empty batch is a heartbeat.

    A batch that starts beyond the acknowledged mark stores nothing and is answered with the mark. What a superseded
    attempt reports is kept, marked as not accepted, and raises Fenced. Raises NotFound.
    """
    events = batch.events
    first, last = (events[0].seq, events[-1].seq) if events else (0, 0)
    opening = (SQL["open"], tenant_id, attempt_id, last, first, now, timings.started_lease)
    if events:
        async with db.transaction() as session:
            row = await session.fetchrow(*opening)
            if row is not None and first <= row["acknowledged_seq"] + 1:
                fresh = events[max(0, row["acknowledged_seq"] + 1 - first) :]
                await _store(session, tenant_id, attempt_id, row, fresh, now)
                session.announce(flow_runs.topic(row["flow_run_id"]))
    else:
        row = await db.fetchrow(*opening)
    if row is None:
        raise NotFound("attempt", attempt_id)
    if row["superseded"]:
        raise attempts.fenced(row)
    known: int = row["acknowledged_seq"]
    return Acknowledged(max(known, last) if first <= known + 1 else known, row["cancel"] and row["live"])


async def _store(
    session: Session, tenant_id: UUID, attempt_id: UUID, row: Row, events: Sequence[Event], now: datetime | None
) -> None:
    tasks: list[TaskRunEvent | TaskStateEvent] = []
    lines: list[LogEvent | DroppedEvent] = []
    states: list[RunStateEvent] = []
    names: list[RunNameEvent] = []
    for event in events:
        if isinstance(event, TaskStateEvent | TaskRunEvent):
            tasks.append(event)
        elif isinstance(event, RunStateEvent):
            states.append(event)
        elif isinstance(event, RunNameEvent):
            names.append(event)
        else:
            lines.append(event)
    if tasks:
        await _fold_tasks(session, tenant_id, attempt_id, row, tasks, now)
    if lines:
        await _store_logs(session, tenant_id, row, lines, now)
    if names:
        await session.execute(SQL["name_run"], tenant_id, attempt_id, _storable(names[-1].name), row["live"])
    for state in states:
        await _rename_run(session, tenant_id, attempt_id, row["live"], state, now)


async def _fold_tasks(
    session: Session,
    tenant_id: UUID,
    attempt_id: UUID,
    row: Row,
    events: Sequence[TaskRunEvent | TaskStateEvent],
    now: datetime | None,
) -> None:
    columns = zip(*map(_task_columns, events), strict=True)
    await session.execute(
        SQL["fold_tasks"],
        tenant_id,
        attempt_id,
        row["number"],
        row["live"],
        *map(list, columns),
        now,
        row["flow_run_id"],
    )


def _task_columns(event: TaskRunEvent | TaskStateEvent) -> tuple[object, ...]:
    if isinstance(event, TaskStateEvent):
        state = (event.type, _storable(event.name), _storable(event.message), event.run_count)
        result = None if event.result is None else to_json(event.result)
        return (event.seq, event.at, event.task_run, False, *state, None, None, None, None, None, result, None)
    names = (_storable(event.name), _storable(event.task_key))
    upstream = ",".join(map(str, event.upstream))
    state = ("PENDING", "Pending", "", 0)
    tags = TAG_SEPARATOR.join(map(_storable, event.tags))
    return (event.seq, event.at, event.id, True, *state, *names, event.map_index, upstream, event.parent, None, tags)


async def _store_logs(
    session: Session, tenant_id: UUID, row: Row, events: Sequence[LogEvent | DroppedEvent], now: datetime | None
) -> None:
    columns = zip(*map(_log_columns, events), strict=True)
    await session.execute(SQL["store_logs"], tenant_id, row["flow_run_id"], row["number"], now, *map(list, columns))


def _log_columns(event: LogEvent | DroppedEvent) -> tuple[object, ...]:
    if isinstance(event, LogEvent):
        text = _storable(event.message)
        return (event.seq, event.at, LEVELS[event.level], _storable(event.logger), text, event.task_run)
    text = f"{event.lines} log lines are missing here: {_storable(event.reason)}"
    return (event.seq, event.at, LEVELS["WARNING"], "homeport", text, None)


async def _rename_run(
    session: Session, tenant_id: UUID, attempt_id: UUID, live: bool, event: RunStateEvent, now: datetime | None
) -> None:
    name, message = _storable(event.name), _storable(event.message)
    identity = (tenant_id, attempt_id)
    renamed = await session.fetchval(SQL["rename_run"], *identity, event.type, name, message, event.at, now, live)
    if renamed is None:
        await session.execute(attempts.SQL["refused"], *identity, event.type, name, message, event.at, now, "run")


def _storable(text: str) -> str:
    """The text without what PostgreSQL cannot hold.

    Refusing a line because of a NUL would block all lines behind it.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")
