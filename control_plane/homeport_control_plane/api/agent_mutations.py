"""The operations of agents and run processes: register, claim, start, report, finish, release."""

from __future__ import annotations

from uuid import UUID

import msgspec
import strawberry

from homeport_control_plane import agents, attempts, claims, event_batch, events, pauses
from homeport_control_plane.api.agent_types import AgentCommand, AgentSettings
from homeport_control_plane.api.context import Context, Info
from homeport_control_plane.api.ids import id_of
from homeport_control_plane.api.inputs import (
    AwaitResumeInput,
    ClaimFlowRunsInput,
    FinishAttemptInput,
    PauseAttemptInput,
    RegisterAgentInput,
    ReleaseAttemptInput,
    StartAttemptInput,
    WithdrawPauseInput,
)
from homeport_control_plane.api.permissions import AGENTS, RUNS, mutation
from homeport_control_plane.api.results import (
    AgentRegistered,
    AttemptFinished,
    AttemptPaused,
    AttemptReleased,
    AttemptStarted,
    AwaitResumeResult,
    ClaimFlowRunsResult,
    EventsAcknowledged,
    FinishAttemptResult,
    FlowRunsClaimed,
    PauseAttemptResult,
    PausesEnded,
    PauseWithdrawn,
    RegisterAgentResult,
    ReleaseAttemptResult,
    ReportEventsResult,
    StartAttemptResult,
    WithdrawPauseResult,
)
from homeport_control_plane.api.run_types import Pause, State
from homeport_control_plane.api.scalars import EventBatch
from homeport_control_plane.errors import NotFound


@strawberry.type
class AgentMutations:
    @mutation(AGENTS)
    async def register_agent(self, info: Info, input: RegisterAgentInput) -> RegisterAgentResult:
        """A new session of the agent of this name and kind; the session before it is told to stop."""
        context = info.context
        registered = await agents.register(
            *context.scope,
            name=input.name,
            kind=input.kind,
            version=input.version,
            host=input.host,
            capacity=input.capacity,
            labels=input.labels or (),
            queues=input.queues or (),
            key_id=context.principal.key_id,
            allowed_queues=context.principal.queues,
        )
        return AgentRegistered(
            agent_id=strawberry.ID(str(registered.agent_id)),
            session_id=strawberry.ID(str(registered.session_id)),
            settings=AgentSettings.of(context.timings),
        )

    @mutation(AGENTS)
    async def claim_flow_runs(self, info: Info, input: ClaimFlowRunsInput) -> ClaimFlowRunsResult:
        """Due runs of the agent's queues, given to it alone; held until there is work or a command. Its heartbeat."""
        context = info.context
        claimed = await claims.claim_held(
            context.db,
            context.services.wakeups,
            context.tenant_id,
            id_of("agent", input.agent_id),
            id_of("agent session", input.session_id),
            limit=input.limit,
            live_attempts=[id_of("attempt", id) for id in input.live_attempts],
            draining=input.draining,
            wait_seconds=input.wait_seconds,
            timings=context.timings,
        )
        return FlowRunsClaimed(
            claims=list(claimed.claims),
            commands=[AgentCommand.of(command) for command in claimed.commands],
        )

    @mutation(RUNS)
    async def start_attempt(self, info: Info, input: StartAttemptInput) -> StartAttemptResult:
        """The commit point: user code starts only after this. The same instance may ask again."""
        context = info.context
        started = await attempts.start(
            *context.scope,
            _own_attempt(context, input.attempt_id),
            instance=input.instance,
            host=input.host,
            pid=input.pid,
            timings=context.timings,
        )
        return AttemptStarted(
            attempt_id=strawberry.ID(str(started.attempt_id)),
            lease_seconds=started.lease_seconds,
            heartbeat_seconds=started.heartbeat_seconds,
        )

    @mutation(RUNS)
    async def report_events(self, info: Info, attempt_id: strawberry.ID, batch: EventBatch) -> ReportEventsResult:
        """Stores what is new of the batch and renews the lease; an empty batch is a heartbeat."""
        context = info.context
        own = _own_attempt(context, attempt_id)
        raw: object = batch
        decoded = event_batch.decode(bytes(raw)) if isinstance(raw, msgspec.Raw) else event_batch.convert(raw)
        acknowledged = await events.report(*context.scope, own, decoded, timings=context.timings)
        return EventsAcknowledged(acknowledged_seq=acknowledged.seq, cancel=acknowledged.cancel)

    @mutation(RUNS | AGENTS)
    async def finish_attempt(self, info: Info, input: FinishAttemptInput) -> FinishAttemptResult:
        """The first final state stands; a later one is kept in the history and answered with what stands.

        PAUSED ends the attempt of a run that suspends.
        """
        context = info.context
        finished = await attempts.finish(
            *context.scope,
            _own_attempt(context, input.attempt_id),
            type=input.state.type.value,
            name=input.state.name,
            message=input.state.message,
            at=input.state.at,
            result=input.state.result,
            instance=input.instance,
            agent_key_id=_agent_key(context),
            actor=context.principal.actor,
        )
        return AttemptFinished(accepted=finished.accepted, state=State.of(finished.state))

    @mutation(RUNS)
    async def pause_attempt(self, info: Info, input: PauseAttemptInput) -> PauseAttemptResult:
        """Pauses the run at a place of its flow until somebody resumes it there; its process waits, or suspends."""
        context = info.context
        paused = await pauses.pause(
            *context.scope,
            _own_attempt(context, input.attempt_id),
            id=id_of("pause", input.pause_id),
            key=input.key,
            message=input.message,
            input_schema=input.input_schema,
            timeout=input.timeout_seconds,
            suspends=input.suspends,
            task_run_id=id_of("task run", input.task_run_id) if input.task_run_id is not None else None,
        )
        return AttemptPaused(pause=Pause.of(paused))

    @mutation(RUNS)
    async def await_resume(self, info: Info, input: AwaitResumeInput) -> AwaitResumeResult:
        """The attempt's ended pauses, held until there are more than the caller knows."""
        context = info.context
        ended = await pauses.ended(
            context.db,
            context.services.wakeups,
            context.tenant_id,
            _own_attempt(context, input.attempt_id),
            known=input.known,
            wait_seconds=input.wait_seconds,
            timings=context.timings,
        )
        return PausesEnded(pauses=[Pause.of(pause) for pause in ended])

    @mutation(RUNS)
    async def withdraw_pause(self, info: Info, input: WithdrawPauseInput) -> WithdrawPauseResult:
        """Ends a pause whose code goes on without an answer: it was stopped, or its time was over."""
        context = info.context
        attempt_id = _own_attempt(context, input.attempt_id)
        await pauses.withdraw(*context.scope, attempt_id, id=id_of("pause", input.pause_id))
        return PauseWithdrawn(pause_id=input.pause_id)

    @mutation(AGENTS)
    async def release_attempt(self, info: Info, input: ReleaseAttemptInput) -> ReleaseAttemptResult:
        """Gives back what was claimed and not started: to its queue, or CRASHED with the reason."""
        context = info.context
        state = await attempts.release(
            *context.scope,
            id_of("attempt", input.attempt_id),
            reason=input.reason,
            crashed=input.crashed,
            agent_key_id=_agent_key(context),
            actor=context.principal.actor,
        )
        return AttemptReleased(state=State.of(state))


def _own_attempt(context: Context, ref: str) -> UUID:
    """The attempt, which must be the run token's own; an agent's are checked in the statement. Raises NotFound."""
    attempt_id = id_of("attempt", ref)
    if context.principal.kind == "run" and attempt_id != context.principal.attempt_id:
        raise NotFound("attempt", attempt_id, hint="a run token is good for its own attempt only")
    return attempt_id


def _agent_key(context: Context) -> str | None:
    return None if context.principal.kind == "run" else context.principal.key_id
