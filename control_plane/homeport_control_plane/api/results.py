"""What mutations answer: what was done, or the errors that a caller is expected to handle."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import strawberry

from homeport_control_plane.api.agent_types import AgentCommand, AgentSettings
from homeport_control_plane.api.error_types import (
    Conflict,
    Fenced,
    InvalidInput,
    InvalidTransition,
    NotFound,
    SessionSuperseded,
)
from homeport_control_plane.api.registered_types import Deployment, Flow, FlowVersion, Project
from homeport_control_plane.api.run_types import FlowRun, Pause, State
from homeport_control_plane.api.tenancy_types import ApiKey
from homeport_control_plane.api.worker_types import WorkQueue
from homeport_control_plane.claims import Claim


@strawberry.type
class ProjectCreated:
    project: Project
    created: bool


@strawberry.type
class ProjectDeleted:
    id: strawberry.ID


@strawberry.type
class ApiKeyCreated:
    api_key: ApiKey
    key: str = strawberry.field(description="The key itself, told here and never again.")


@strawberry.type
class ApiKeyRevoked:
    api_key: ApiKey


@strawberry.type
class FlowRegistered:
    flow: Flow
    flow_version: FlowVersion
    deployment: Deployment
    changed: bool


@strawberry.type(description="All of them, in the order of the inputs.")
class FlowsRegistered:
    registered: list[FlowRegistered]


@strawberry.type(description="What a dry run answers: nothing was registered, and all of them could be.")
class FlowsChecked:
    changed: list[bool] = strawberry.field(
        description="Whether registering each would change anything, in their order."
    )


@strawberry.type
class DeploymentUpdated:
    deployment: Deployment


@strawberry.type
class DeploymentDeleted:
    id: strawberry.ID
    cancelled: int = strawberry.field(description="How many waiting runs were cancelled with it.")


@strawberry.type
class FlowRunCreated:
    flow_run: FlowRun
    created: bool


@strawberry.type
class FlowRunsCreated:
    ids: list[strawberry.ID]


@strawberry.type(description="Its state is CANCELLED, or CANCELLING while an agent stops it.")
class FlowRunCancelled:
    flow_run: FlowRun


@strawberry.type(
    description="Its state is RUNNING where its process waited; else SCHEDULED, and due: the next claim makes its next "
    "attempt. It is PAUSED still while another pause of it is open."
)
class FlowRunResumed:
    flow_run: FlowRun


@strawberry.type(description="Its state is SCHEDULED, named AwaitingRetry: the next claim makes its next attempt.")
class FlowRunRetried:
    flow_run: FlowRun


@strawberry.type
class FlowRunClaimed:
    claim: Claim


@strawberry.type
class WorkQueueCreated:
    work_queue: WorkQueue


@strawberry.type
class WorkQueueUpdated:
    work_queue: WorkQueue


@strawberry.type
class AgentRegistered:
    agent_id: strawberry.ID
    session_id: strawberry.ID
    settings: AgentSettings


@strawberry.type
class FlowRunsClaimed:
    claims: list[Claim]
    commands: list[AgentCommand]


@strawberry.type(description="User code may start.")
class AttemptStarted:
    attempt_id: strawberry.ID
    lease_seconds: float
    heartbeat_seconds: float


@strawberry.type
class EventsAcknowledged:
    acknowledged_seq: int = strawberry.field(description="Every event up to this one is stored.")
    cancel: bool


@strawberry.type(description="Where `accepted` is false, `state` is what stands.")
class AttemptFinished:
    accepted: bool
    state: State


@strawberry.type(description="The pause, open; or the ended one, where its place was answered before.")
class AttemptPaused:
    pause: Pause


@strawberry.type(description="Every ended pause of the attempt; none if there are no more than the caller knows.")
class PausesEnded:
    pauses: list[Pause]


@strawberry.type
class PauseWithdrawn:
    pause_id: strawberry.ID


@strawberry.type
class AttemptReleased:
    state: State


CreateProjectResult: TypeAlias = Annotated[
    ProjectCreated | Conflict | InvalidInput, strawberry.union("CreateProjectResult")
]
DeleteProjectResult: TypeAlias = Annotated[
    ProjectDeleted | NotFound | Conflict | InvalidInput, strawberry.union("DeleteProjectResult")
]
CreateApiKeyResult: TypeAlias = Annotated[ApiKeyCreated | InvalidInput, strawberry.union("CreateApiKeyResult")]
RevokeApiKeyResult: TypeAlias = Annotated[
    ApiKeyRevoked | NotFound | InvalidInput, strawberry.union("RevokeApiKeyResult")
]
RegisterFlowResult: TypeAlias = Annotated[
    FlowRegistered | NotFound | Conflict | InvalidInput, strawberry.union("RegisterFlowResult")
]
RegisterFlowsResult: TypeAlias = Annotated[
    FlowsRegistered | FlowsChecked | NotFound | Conflict | InvalidInput, strawberry.union("RegisterFlowsResult")
]
UpdateDeploymentResult: TypeAlias = Annotated[
    DeploymentUpdated | NotFound | InvalidInput, strawberry.union("UpdateDeploymentResult")
]
DeleteDeploymentResult: TypeAlias = Annotated[
    DeploymentDeleted | NotFound | InvalidInput, strawberry.union("DeleteDeploymentResult")
]
CreateFlowRunResult: TypeAlias = Annotated[
    FlowRunCreated | NotFound | InvalidInput | Conflict, strawberry.union("CreateFlowRunResult")
]
CreateFlowRunsResult: TypeAlias = Annotated[
    FlowRunsCreated | NotFound | InvalidInput | Conflict, strawberry.union("CreateFlowRunsResult")
]
CancelFlowRunResult: TypeAlias = Annotated[
    FlowRunCancelled | NotFound | InvalidTransition | InvalidInput, strawberry.union("CancelFlowRunResult")
]
ResumeFlowRunResult: TypeAlias = Annotated[
    FlowRunResumed | NotFound | InvalidTransition | InvalidInput, strawberry.union("ResumeFlowRunResult")
]
RetryFlowRunResult: TypeAlias = Annotated[
    FlowRunRetried | NotFound | InvalidTransition | InvalidInput, strawberry.union("RetryFlowRunResult")
]
ClaimFlowRunResult: TypeAlias = Annotated[
    FlowRunClaimed | NotFound | InvalidTransition | InvalidInput, strawberry.union("ClaimFlowRunResult")
]
CreateWorkQueueResult: TypeAlias = Annotated[
    WorkQueueCreated | Conflict | InvalidInput, strawberry.union("CreateWorkQueueResult")
]
UpdateWorkQueueResult: TypeAlias = Annotated[
    WorkQueueUpdated | NotFound | InvalidInput, strawberry.union("UpdateWorkQueueResult")
]
RegisterAgentResult: TypeAlias = Annotated[AgentRegistered | InvalidInput, strawberry.union("RegisterAgentResult")]
ClaimFlowRunsResult: TypeAlias = Annotated[
    FlowRunsClaimed | SessionSuperseded | NotFound | InvalidInput, strawberry.union("ClaimFlowRunsResult")
]
StartAttemptResult: TypeAlias = Annotated[
    AttemptStarted | Fenced | NotFound | InvalidTransition | InvalidInput, strawberry.union("StartAttemptResult")
]
ReportEventsResult: TypeAlias = Annotated[
    EventsAcknowledged | Fenced | NotFound | InvalidTransition | InvalidInput, strawberry.union("ReportEventsResult")
]
FinishAttemptResult: TypeAlias = Annotated[
    AttemptFinished | Fenced | NotFound | InvalidTransition | InvalidInput, strawberry.union("FinishAttemptResult")
]
ReleaseAttemptResult: TypeAlias = Annotated[
    AttemptReleased | Fenced | NotFound | InvalidTransition | InvalidInput, strawberry.union("ReleaseAttemptResult")
]
PauseAttemptResult: TypeAlias = Annotated[
    AttemptPaused | Fenced | NotFound | InvalidTransition | InvalidInput, strawberry.union("PauseAttemptResult")
]
AwaitResumeResult: TypeAlias = Annotated[
    PausesEnded | Fenced | NotFound | InvalidTransition, strawberry.union("AwaitResumeResult")
]
WithdrawPauseResult: TypeAlias = Annotated[
    PauseWithdrawn | Fenced | NotFound | InvalidTransition, strawberry.union("WithdrawPauseResult")
]
