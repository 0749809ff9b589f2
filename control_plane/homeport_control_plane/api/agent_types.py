"""What an agent is told: its settings, claimed attempts, and commands."""

from __future__ import annotations

from datetime import datetime

import strawberry

from homeport_control_plane import claims
from homeport_control_plane.api.enums import AgentCommandKind, OnLost
from homeport_control_plane.api.scalars import JSON
from homeport_control_plane.timings import Timings


@strawberry.type(description="What the control plane may change its mind about; durations are in seconds.")
class AgentSettings:
    poll_seconds: float
    heartbeat_seconds: float
    offline_seconds: float
    cancel_grace_seconds: float
    max_batch_bytes: int
    log_flush_seconds: float

    @classmethod
    def of(cls, timings: Timings) -> AgentSettings:
        return cls(
            poll_seconds=timings.poll_held,
            heartbeat_seconds=timings.heartbeat,
            offline_seconds=timings.agent_offline,
            cancel_grace_seconds=timings.cancel_grace,
            max_batch_bytes=timings.max_batch_bytes,
            log_flush_seconds=timings.log_flush,
        )


@strawberry.type(
    description="A claimed attempt and all that is needed to start it; the run token is good for it alone."
)
class Claim:
    attempt_id: strawberry.ID
    attempt_number: int
    run_token: str
    lease_seconds: float
    flow_run_id: strawberry.ID
    flow_run_name: str
    flow_name: str
    project_name: str
    deployment_name: str
    entrypoint: str
    storage: JSON
    content_digest: str
    parameters: JSON
    run_config: JSON
    labels: list[str]
    scheduled_at: datetime
    on_lost: OnLost
    envelope: JSON | None

    @classmethod
    def of(cls, claim: claims.Claim) -> Claim:
        return cls(
            attempt_id=strawberry.ID(str(claim.attempt_id)),
            attempt_number=claim.attempt_number,
            run_token=claim.run_token,
            lease_seconds=claim.lease_seconds,
            flow_run_id=strawberry.ID(str(claim.flow_run_id)),
            flow_run_name=claim.flow_run_name,
            flow_name=claim.flow_name,
            project_name=claim.project_name,
            deployment_name=claim.deployment_name,
            entrypoint=claim.entrypoint,
            storage=claim.storage,
            content_digest=claim.content_digest,
            parameters=claim.parameters,
            run_config=claim.run_config,
            labels=list(claim.labels),
            scheduled_at=claim.scheduled_at,
            on_lost=OnLost(claim.on_lost),
            envelope=claim.envelope,
        )


@strawberry.type
class AgentCommand:
    kind: AgentCommandKind
    attempt_id: strawberry.ID | None
    reason: str

    @classmethod
    def of(cls, command: claims.Command) -> AgentCommand:
        return cls(
            kind=AgentCommandKind(command.kind),
            attempt_id=strawberry.ID(str(command.attempt_id)) if command.attempt_id else None,
            reason=command.reason,
        )
