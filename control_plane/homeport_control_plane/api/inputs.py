"""The inputs of mutations. What they mean is checked by the domain; only their shape is checked here."""

from __future__ import annotations

from datetime import datetime

import strawberry

from homeport_control_plane.api.enums import KeyKind, OnLost, StateType
from homeport_control_plane.api.scalars import JSON


@strawberry.input
class CreateProjectInput:
    name: str
    description: str = ""
    skip_if_exists: bool = False


@strawberry.input
class DeleteProjectInput:
    name: str


@strawberry.input
class CreateApiKeyInput:
    name: str
    kind: KeyKind
    expires_at: datetime | None = None
    queues: list[str] | None = None


@strawberry.input
class RevokeApiKeyInput:
    id: strawberry.ID


@strawberry.input
class RegisterFlowInput:
    project: str
    name: str
    description: str = ""
    entrypoint: str = strawberry.field(description='"flows/poke.py:poke_flow" or "package.module:flow".')
    parameter_schema: JSON
    graph: JSON | None = None
    storage: JSON = strawberry.field(
        description='Where the code lies: {"kind": "folder", "path": "/srv/flows"}; or by a block, whose fields are'
        ' looked up whenever a run is claimed: {"kind": "smb", "block": "smb/test"}. No secret in it.'
    )
    content_digest: str = strawberry.field(description='"sha256:<64 hex digits>" of the code.')
    deployment: str = "default"
    deployment_description: str = ""
    deployment_version: str | None = None
    tags: list[str] | None = None
    parameters: JSON | None = None
    labels: list[str] | None = None
    queue: str = "default"
    run_config: JSON | None = None
    on_lost: OnLost = OnLost.CRASH
    sdk_version: str
    python_version: str
    envelope: JSON | None = None
    schedule: JSON | None = strawberry.field(
        default=None, description="When runs are due: clocks, filters, adjustments. None: only when asked for."
    )
    schedule_active: bool | None = strawberry.field(
        default=True, description="False: the schedule makes no runs for now. Null: as it is, and true for a new one."
    )
    force: bool = False
    idempotency_key: str | None = None


@strawberry.input(description="What is given is changed; the rest stays as it is.")
class UpdateDeploymentInput:
    id: strawberry.ID
    paused: bool | None = strawberry.field(default=None, description="True: no agent gets a run of it, for now.")
    schedule: JSON | None = None
    clear_schedule: bool = False
    schedule_active: bool | None = None


@strawberry.input
class DeleteDeploymentInput:
    id: strawberry.ID


@strawberry.input(
    description="The deployment by id, by flow id, or by project and flow name; it is `default` unless named."
)
class CreateFlowRunInput:
    deployment_id: strawberry.ID | None = None
    flow_id: strawberry.ID | None = None
    project: str | None = None
    flow: str | None = None
    deployment: str | None = None
    name: str | None = None
    parameters: JSON | None = None
    labels: list[str] | None = None
    scheduled_at: datetime | None = None
    idempotency_key: str | None = None
    direct: bool = strawberry.field(default=False, description="No agent takes it; whoever created it claims it.")
    task_run_id: strawberry.ID | None = strawberry.field(
        default=None, description="With a run token: the task run that starts it, shown as its parent."
    )
    as_child: bool = strawberry.field(
        default=True, description="With a run token: whether that run is shown as its parent."
    )


@strawberry.input
class CancelFlowRunInput:
    id: strawberry.ID


@strawberry.input
class ResumeFlowRunInput:
    id: strawberry.ID
    key: str | None = strawberry.field(
        default=None, description="Which pause is meant, where the run waits at more than one."
    )
    input: JSON | None = strawberry.field(
        default=None, description="What the pause asks for: an object that fits its inputSchema, at most 64 KiB."
    )


@strawberry.input
class RetryFlowRunInput:
    id: strawberry.ID


@strawberry.input
class ClaimFlowRunInput:
    id: strawberry.ID
    executor: str


@strawberry.input
class CreateWorkQueueInput:
    name: str
    description: str = ""
    concurrency_limit: int | None = None
    priority: int | None = None


@strawberry.input
class UpdateWorkQueueInput:
    name: str
    paused: bool | None = None
    concurrency_limit: int | None = None
    clear_concurrency_limit: bool = False
    priority: int | None = None
    description: str | None = None


@strawberry.input
class RegisterAgentInput:
    name: str
    kind: str
    labels: list[str] | None = None
    queues: list[str] | None = None
    version: str
    host: str
    capacity: int


@strawberry.input
class ClaimFlowRunsInput:
    agent_id: strawberry.ID
    session_id: strawberry.ID
    limit: int
    live_attempts: list[strawberry.ID]
    draining: bool = False
    wait_seconds: float | None = None


@strawberry.input
class StartAttemptInput:
    attempt_id: strawberry.ID
    instance: str
    host: str | None = None
    pid: int | None = None


@strawberry.input
class FinalStateInput:
    type: StateType
    name: str | None = None
    message: str | None = None
    at: datetime | None = None
    result: JSON | None = strawberry.field(
        default=None, description="Where the result lies: kind, key, serializer, size, sha256, storage; at most 4 KiB."
    )


@strawberry.input
class FinishAttemptInput:
    attempt_id: strawberry.ID
    state: FinalStateInput
    instance: str | None = None


@strawberry.input
class PauseAttemptInput:
    attempt_id: strawberry.ID
    pause_id: strawberry.ID = strawberry.field(
        description="Made by the caller: the same pause asked for again is the same."
    )
    key: str = strawberry.field(
        description="Names the place in the flow, alike in each attempt. One that was answered before is passed."
    )
    message: str = ""
    input_schema: JSON | None = strawberry.field(
        default=None, description="What has to be given, as JSON Schema of an object, at most 64 KiB. None: nothing."
    )
    timeout_seconds: float | None = strawberry.field(default=None, description="None: it waits for ever.")
    suspends: bool = strawberry.field(
        default=False, description="The process will go, and say so with finishAttempt: PAUSED."
    )
    task_run_id: strawberry.ID | None = None


@strawberry.input
class AwaitResumeInput:
    attempt_id: strawberry.ID
    known: int = strawberry.field(description="How many ended pauses of the attempt the caller knows.")
    wait_seconds: float | None = None


@strawberry.input
class WithdrawPauseInput:
    attempt_id: strawberry.ID
    pause_id: strawberry.ID


@strawberry.input
class ReleaseAttemptInput:
    attempt_id: strawberry.ID
    reason: str
    crashed: bool = strawberry.field(default=False, description="Bad code and the like: CRASHED with the reason.")
