"""What people change: projects, keys, registrations, runs, queues."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from uuid import UUID

import strawberry

from homeport_control_plane import (
    api_keys,
    claims,
    continuation,
    creation,
    deployment_changes,
    flow_runs,
    projects,
    registration,
    work_queues,
)
from homeport_control_plane.api.context import Info
from homeport_control_plane.api.ids import id_of
from homeport_control_plane.api.inputs import (
    CancelFlowRunInput,
    ClaimFlowRunInput,
    CreateApiKeyInput,
    CreateFlowRunInput,
    CreateProjectInput,
    CreateWorkQueueInput,
    DeleteDeploymentInput,
    DeleteProjectInput,
    RegisterFlowInput,
    ResumeFlowRunInput,
    RetryFlowRunInput,
    RevokeApiKeyInput,
    UpdateDeploymentInput,
    UpdateWorkQueueInput,
)
from homeport_control_plane.api.permissions import ADMINS, MEMBERS, RUNS, mutation
from homeport_control_plane.api.registered_types import Deployment, Flow, FlowVersion, Project
from homeport_control_plane.api.results import (
    ApiKeyCreated,
    ApiKeyRevoked,
    CancelFlowRunResult,
    ClaimFlowRunResult,
    CreateApiKeyResult,
    CreateFlowRunResult,
    CreateFlowRunsResult,
    CreateProjectResult,
    CreateWorkQueueResult,
    DeleteDeploymentResult,
    DeleteProjectResult,
    DeploymentDeleted,
    DeploymentUpdated,
    FlowRegistered,
    FlowRunCancelled,
    FlowRunClaimed,
    FlowRunCreated,
    FlowRunResumed,
    FlowRunRetried,
    FlowRunsCreated,
    FlowsChecked,
    FlowsRegistered,
    ProjectCreated,
    ProjectDeleted,
    RegisterFlowResult,
    RegisterFlowsResult,
    ResumeFlowRunResult,
    RetryFlowRunResult,
    RevokeApiKeyResult,
    UpdateDeploymentResult,
    UpdateWorkQueueResult,
    WorkQueueCreated,
    WorkQueueUpdated,
)
from homeport_control_plane.api.run_types import FlowRun
from homeport_control_plane.api.tenancy_types import ApiKey
from homeport_control_plane.api.worker_types import WorkQueue
from homeport_control_plane.errors import InvalidInput, NotFound


@strawberry.type
class ManagementMutations:
    @mutation(MEMBERS)
    async def create_project(self, info: Info, input: CreateProjectInput) -> CreateProjectResult:
        """Makes a project; `created` is false where one of that name was there and `skipIfExists` said to take it."""
        project, created = await projects.create(
            *info.context.scope,
            name=input.name,
            description=input.description,
            skip_if_exists=input.skip_if_exists,
        )
        return ProjectCreated(project=Project.of(project), created=created)

    @mutation(MEMBERS)
    async def delete_project(self, info: Info, input: DeleteProjectInput) -> DeleteProjectResult:
        """Deletes a project with all its flows and runs; refused while agents hold runs of it."""
        deleted = await projects.delete(*info.context.scope, input.name)
        return ProjectDeleted(id=strawberry.ID(str(deleted)))

    @mutation(ADMINS)
    async def create_api_key(self, info: Info, input: CreateApiKeyInput) -> CreateApiKeyResult:
        """Makes a key and shows it, this once."""
        key, text = await api_keys.create(
            *info.context.scope,
            name=input.name,
            kind=input.kind.value,
            actor=info.context.principal.actor,
            expires_at=input.expires_at,
            queues=input.queues or (),
        )
        return ApiKeyCreated(api_key=ApiKey.of(key), key=text)

    @mutation(ADMINS)
    async def revoke_api_key(self, info: Info, input: RevokeApiKeyInput) -> RevokeApiKeyResult:
        """Ends a key, its live sessions and held polls at once."""
        key = await api_keys.revoke(*info.context.scope, input.id)
        return ApiKeyRevoked(api_key=ApiKey.of(key))

    @mutation(MEMBERS)
    async def register_flow(self, info: Info, input: RegisterFlowInput) -> RegisterFlowResult:
        """Makes or updates flow, version and deployment as described; the same description again changes nothing."""
        context = info.context
        made = await registration.register(*context.scope, _registration(input), actor=context.principal.actor)
        return _flow_registered(made)

    @mutation(MEMBERS)
    async def register_flows(
        self, info: Info, inputs: list[RegisterFlowInput], dry_run: bool = False
    ) -> RegisterFlowsResult:
        """Registers up to 500, all of them or none; with `dryRun` none, and it answers what would change."""
        context = info.context
        made = await registration.register_many(
            *context.scope,
            [_registration(input) for input in inputs],
            actor=context.principal.actor,
            dry_run=dry_run,
        )
        if dry_run:
            return FlowsChecked(changed=[one.changed for one in made])
        return FlowsRegistered(registered=[_flow_registered(one) for one in made])

    @mutation(MEMBERS)
    async def update_deployment(self, info: Info, input: UpdateDeploymentInput) -> UpdateDeploymentResult:
        """Pauses or resumes a deployment; sets, takes away, pauses or resumes its schedule."""
        found = await deployment_changes.update(
            *info.context.scope,
            id_of("deployment", input.id),
            paused=input.paused,
            schedule=input.schedule,
            clear_schedule=input.clear_schedule,
            schedule_active=input.schedule_active,
        )
        return DeploymentUpdated(deployment=Deployment.of(found))

    @mutation(MEMBERS)
    async def delete_deployment(self, info: Info, input: DeleteDeploymentInput) -> DeleteDeploymentResult:
        """Deletes a deployment and cancels its waiting runs. What agents hold goes on; the history of runs stays."""
        context = info.context
        cancelled = await deployment_changes.delete(
            *context.scope, id_of("deployment", input.id), actor=context.principal.actor
        )
        return DeploymentDeleted(id=input.id, cancelled=cancelled)

    @mutation(MEMBERS | RUNS)
    async def create_flow_run(self, info: Info, input: CreateFlowRunInput) -> CreateFlowRunResult:
        """Makes a SCHEDULED run; the same idempotency key with the same body answers the same run."""
        run, created = await creation.create(
            *info.context.scope,
            _new_flow_run(input, by=info.context.principal.flow_run_id),
            actor=info.context.principal.actor,
        )
        return FlowRunCreated(flow_run=FlowRun.of(run), created=created)

    @mutation(MEMBERS)
    async def create_flow_runs(self, info: Info, inputs: list[CreateFlowRunInput]) -> CreateFlowRunsResult:
        """Makes up to 1,000 runs, all of them or none."""
        news = [_new_flow_run(input) for input in inputs]
        ids = await creation.create_many(*info.context.scope, news, actor=info.context.principal.actor)
        return FlowRunsCreated(ids=[strawberry.ID(str(id)) for id in ids])

    @mutation(MEMBERS)
    async def cancel_flow_run(self, info: Info, input: CancelFlowRunInput) -> CancelFlowRunResult:
        """Cancels a run; asked again, the same answer."""
        return FlowRunCancelled(flow_run=await _changed(info, input.id, flow_runs.cancel))

    @mutation(MEMBERS | RUNS)
    async def resume_flow_run(self, info: Info, input: ResumeFlowRunInput) -> ResumeFlowRunResult:
        """Sends a paused run on, with the input that its pause asks for, or a held one. A run may resume others of its
        project.
        """
        context = info.context
        by = context.principal.flow_run_id
        run_id = id_of("flow run", input.id)
        if by is not None and await flow_runs.seen_by_run(*context.scope, run_id, by=by) is None:
            raise NotFound("flow run", run_id, hint="a run sees the runs of its own project")
        resume = functools.partial(continuation.resume, key=input.key, input=input.input)
        return FlowRunResumed(flow_run=await _changed(info, input.id, resume))

    @mutation(MEMBERS)
    async def retry_flow_run(self, info: Info, input: RetryFlowRunInput) -> RetryFlowRunResult:
        """Tries a FAILED or CRASHED run again, as its next attempt."""
        return FlowRunRetried(flow_run=await _changed(info, input.id, continuation.retry))

    @mutation(MEMBERS)
    async def claim_flow_run(self, info: Info, input: ClaimFlowRunInput) -> ClaimFlowRunResult:
        """Takes one run that was created `direct`, to execute it here and now."""
        context = info.context
        claim = await claims.claim_direct(
            *context.scope,
            id_of("flow run", input.id),
            executor=input.executor,
            actor=context.principal.actor,
            timings=context.timings,
        )
        return FlowRunClaimed(claim=claim)

    @mutation(MEMBERS)
    async def create_work_queue(self, info: Info, input: CreateWorkQueueInput) -> CreateWorkQueueResult:
        """Makes a queue."""
        queue = await work_queues.create(
            *info.context.scope,
            name=input.name,
            description=input.description,
            concurrency_limit=input.concurrency_limit,
            priority=input.priority,
        )
        return WorkQueueCreated(work_queue=WorkQueue.of(queue))

    @mutation(MEMBERS)
    async def update_work_queue(self, info: Info, input: UpdateWorkQueueInput) -> UpdateWorkQueueResult:
        """Changes what is given of a queue."""
        queue = await work_queues.update(
            *info.context.scope,
            input.name,
            paused=input.paused,
            concurrency_limit=input.concurrency_limit,
            clear_concurrency_limit=input.clear_concurrency_limit,
            priority=input.priority,
            description=input.description,
        )
        return WorkQueueUpdated(work_queue=WorkQueue.of(queue))


def _registration(input: RegisterFlowInput) -> registration.Registration:
    return registration.Registration(
        project=input.project,
        name=input.name,
        description=input.description,
        entrypoint=input.entrypoint,
        parameter_schema=input.parameter_schema,
        graph=input.graph,
        storage=input.storage,
        content_digest=input.content_digest,
        deployment=input.deployment,
        deployment_description=input.deployment_description,
        deployment_version=input.deployment_version,
        tags=input.tags,
        parameters=input.parameters,
        labels=input.labels,
        queue=input.queue,
        run_config=input.run_config,
        on_lost=input.on_lost.value,
        sdk_version=input.sdk_version,
        python_version=input.python_version,
        envelope=input.envelope,
        schedule=input.schedule,
        schedule_active=input.schedule_active,
        force=input.force,
    )


def _flow_registered(registered: registration.Registered) -> FlowRegistered:
    return FlowRegistered(
        flow=Flow.of(registered.flow),
        flow_version=FlowVersion.of(registered.flow_version),
        deployment=Deployment.of(registered.deployment),
        changed=registered.changed,
    )


async def _changed(info: Info, id: strawberry.ID, change: Callable[..., Awaitable[flow_runs.FlowRun]]) -> FlowRun:
    """The run of this id after the change, in the caller's tenant and name."""
    context = info.context
    run = await change(*context.scope, id_of("flow run", id), actor=context.principal.actor)
    return FlowRun.of(run)


def _new_flow_run(input: CreateFlowRunInput, *, by: UUID | None = None) -> creation.NewFlowRun:
    if by is None and input.task_run_id is not None:
        raise InvalidInput.field("taskRunId", "is for runs that start others: only a run token may say it")
    if input.parameters is not None and not isinstance(input.parameters, dict):
        raise InvalidInput.field("parameters", f"must be an object, found {type(input.parameters).__name__}")
    return creation.NewFlowRun(
        deployment_id=id_of("deployment", input.deployment_id) if input.deployment_id is not None else None,
        flow_id=id_of("flow", input.flow_id) if input.flow_id is not None else None,
        project=input.project,
        flow=input.flow,
        deployment=input.deployment,
        name=input.name,
        parameters=input.parameters,
        labels=input.labels,
        scheduled_at=input.scheduled_at,
        idempotency_key=input.idempotency_key,
        direct=input.direct,
        by_run=by,
        by_task_run=id_of("task run", input.task_run_id) if input.task_run_id is not None else None,
        linked=by is not None and input.as_child,
    )
