"""What an agent is told besides its claims: its settings, and commands."""

from __future__ import annotations

import strawberry

from homeport_control_plane import claims
from homeport_control_plane.api.enums import AgentCommandKind
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
