"""Flow runs and what belongs to one: states, attempts, task runs, log lines."""

from __future__ import annotations

from datetime import datetime

import strawberry

from homeport_control_plane import attempts, flow_runs, logs, pauses, states, task_runs
from homeport_control_plane.api.connections import Connection, connection_of
from homeport_control_plane.api.context import Info
from homeport_control_plane.api.enums import LogLevel, OnLost, PauseOutcome, StateType
from homeport_control_plane.api.filters import LogFilter, TaskRunFilter, log_filter
from homeport_control_plane.api.registered_types import (
    Deployment,
    Flow,
    FlowVersion,
    Project,
    deployment_of,
    flow_of,
    flow_version_of,
    project_of,
)
from homeport_control_plane.api.scalars import JSON
from homeport_control_plane.api.worker_types import Agent


@strawberry.type(description="One row of a history; numbers count accepted states from 1 without a gap.")
class State:
    number: int
    type: StateType
    name: str
    message: str
    at: datetime
    actor: str
    attempt_number: int | None
    accepted: bool
    result: JSON | None = strawberry.field(
        description="Where the result lies in your storage, not the result: kind, key, serializer, size, sha256."
    )

    @classmethod
    def of(cls, state: states.State) -> State:
        return cls(
            number=state.number,
            type=StateType(state.type),
            name=state.name,
            message=state.message,
            at=state.at,
            actor=state.actor,
            attempt_number=state.attempt_number,
            accepted=state.accepted,
            result=state.result,
        )


@strawberry.type(description="One try of a flow run on infrastructure; its number is the fencing number.")
class Attempt:
    id: strawberry.ID
    number: int
    instance: str | None
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: StateType | None
    superseded: bool
    row: strawberry.Private[attempts.Attempt]

    @classmethod
    def of(cls, attempt: attempts.Attempt) -> Attempt:
        return cls(
            id=strawberry.ID(str(attempt.id)),
            number=attempt.number,
            instance=attempt.instance,
            claimed_at=attempt.claimed_at,
            started_at=attempt.started_at,
            ended_at=attempt.ended_at,
            outcome=StateType(attempt.outcome) if attempt.outcome else None,
            superseded=attempt.superseded,
            row=attempt,
        )

    @strawberry.field
    async def agent(self, info: Info) -> Agent | None:
        found = await info.context.loaders.agents.load(self.row.agent_id) if self.row.agent_id else None
        return Agent.of(found) if found else None


@strawberry.type(
    description="One line of a run. Its cursor (attempt and sequence number) grows strictly within the run, so that a "
    "reader resumes without gap or duplicate."
)
class LogLine:
    cursor: str
    at: datetime
    level: LogLevel
    logger: str
    message: str
    task_run_id: strawberry.ID | None
    attempt_number: int
    seq: int

    @classmethod
    def of(cls, line: logs.LogLine) -> LogLine:
        return cls(
            cursor=line.cursor,
            at=line.at,
            level=LogLevel(line.level),
            logger=line.logger,
            message=line.message,
            task_run_id=strawberry.ID(str(line.task_run_id)) if line.task_run_id else None,
            attempt_number=line.attempt_number,
            seq=line.seq,
        )


@strawberry.type
class TaskRun:
    id: strawberry.ID
    name: str
    task_key: str
    map_index: int | None
    upstream: list[strawberry.ID]
    tags: list[str]
    attempt_number: int
    run_count: int
    state: State
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    row: strawberry.Private[task_runs.TaskRun]

    @classmethod
    def of(cls, run: task_runs.TaskRun) -> TaskRun:
        return cls(
            id=strawberry.ID(str(run.id)),
            name=run.name,
            task_key=run.task_key,
            map_index=run.map_index,
            upstream=[strawberry.ID(str(id)) for id in run.upstream],
            tags=list(run.tags),
            attempt_number=run.attempt_number,
            run_count=run.run_count,
            state=State.of(run.state),
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            row=run,
        )

    @strawberry.field
    async def states(self, info: Info) -> list[State]:
        return [State.of(state) for state in await info.context.loaders.task_run_states.load(self.row.id)]


@strawberry.type(description="Where a run waited, or waits, for a person.")
class Pause:
    id: strawberry.ID
    key: str = strawberry.field(description="Names the place in the flow.")
    message: str
    input_schema: JSON | None = strawberry.field(
        description="What has to be given to go on, as JSON Schema. None: nothing."
    )
    suspends: bool = strawberry.field(description="The process does not wait: the next attempt goes on from here.")
    task_run_id: strawberry.ID | None
    paused_at: datetime
    expires_at: datetime | None = strawberry.field(description="None: it waits for ever.")
    outcome: PauseOutcome | None = strawberry.field(description="None: it is open.")
    ended_at: datetime | None
    ended_by: str | None
    input: JSON | None = strawberry.field(description="What was given.")

    @classmethod
    def of(cls, pause: pauses.Pause) -> Pause:
        return cls(
            id=strawberry.ID(str(pause.id)),
            key=pause.key,
            message=pause.message,
            input_schema=pause.input_schema,
            suspends=pause.suspends,
            task_run_id=strawberry.ID(str(pause.task_run_id)) if pause.task_run_id else None,
            paused_at=pause.paused_at,
            expires_at=pause.expires_at,
            outcome=PauseOutcome(pause.outcome) if pause.outcome else None,
            ended_at=pause.ended_at,
            ended_by=pause.ended_by,
            input=pause.input,
        )


@strawberry.type(description="One execution of a deployment.")
class FlowRun:
    id: strawberry.ID
    name: str
    parameters: JSON
    labels: list[str]
    queue: str | None = strawberry.field(description="None for a run that is executed where it was created.")
    state: State
    attempt_number: int
    on_lost: OnLost
    cancel_requested_at: datetime | None
    created_at: datetime
    created_by: str
    scheduled_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    parent_flow_run_id: strawberry.ID | None = strawberry.field(description="The run that started it.")
    parent_task_run_id: strawberry.ID | None
    row: strawberry.Private[flow_runs.FlowRun]

    @classmethod
    def of(cls, run: flow_runs.FlowRun) -> FlowRun:
        return cls(
            id=strawberry.ID(str(run.id)),
            name=run.name,
            parameters=run.parameters,
            labels=list(run.labels),
            queue=run.queue,
            state=State.of(run.state),
            attempt_number=run.attempt_number,
            on_lost=OnLost(run.on_lost),
            cancel_requested_at=run.cancel_requested_at,
            created_at=run.created_at,
            created_by=run.created_by,
            scheduled_at=run.scheduled_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            parent_flow_run_id=strawberry.ID(str(run.parent_flow_run_id)) if run.parent_flow_run_id else None,
            parent_task_run_id=strawberry.ID(str(run.parent_task_run_id)) if run.parent_task_run_id else None,
            row=run,
        )

    @strawberry.field
    async def flow(self, info: Info) -> Flow:
        return await flow_of(info, self.row.flow_id)

    @strawberry.field
    async def flow_version(self, info: Info) -> FlowVersion:
        return await flow_version_of(info, self.row.flow_version_id)

    @strawberry.field
    async def deployment(self, info: Info) -> Deployment:
        return await deployment_of(info, self.row.deployment_id)

    @strawberry.field
    async def project(self, info: Info) -> Project:
        return await project_of(info, self.row.project_id)

    @strawberry.field
    async def agent(self, info: Info) -> Agent | None:
        found = await info.context.loaders.agents.load(self.row.agent_id) if self.row.agent_id else None
        return Agent.of(found) if found else None

    @strawberry.field
    async def states(self, info: Info) -> list[State]:
        return [State.of(state) for state in await info.context.loaders.flow_run_states.load(self.row.id)]

    @strawberry.field
    async def attempts(self, info: Info) -> list[Attempt]:
        return [Attempt.of(attempt) for attempt in await info.context.loaders.attempts.load(self.row.id)]

    @strawberry.field
    async def pauses(self, info: Info) -> list[Pause]:
        return [Pause.of(pause) for pause in await info.context.loaders.pauses.load(self.row.id)]

    @strawberry.field
    async def task_run_counts(self, info: Info) -> JSON:
        return JSON(await info.context.loaders.task_run_counts.load(self.row.id))

    @strawberry.field
    async def task_runs(
        self, info: Info, first: int = 100, after: str | None = None, filter: TaskRunFilter | None = None
    ) -> Connection[TaskRun]:
        context = info.context
        page = await task_runs.page(
            *context.scope,
            self.row.id,
            first=first,
            after=after,
            state_types=[t.value for t in filter.state_types] if filter and filter.state_types is not None else None,
            task_key=filter.task_key if filter else None,
        )
        return connection_of(page, TaskRun.of)

    @strawberry.field
    async def logs(
        self, info: Info, first: int = 200, after: str | None = None, filter: LogFilter | None = None
    ) -> Connection[LogLine]:
        context = info.context
        page = await logs.page(*context.scope, self.row.id, first=first, after=after, where=log_filter(filter))
        return connection_of(page, LogLine.of)
