"""Creating flow runs: parameters are checked against the version's schema, and the same idempotency key makes the same run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane.database import Database
from homeport_control_plane.flow_runs import FlowRun


@dataclass(frozen=True, slots=True)
class NewFlowRun:
    """What to run: a deployment by id, by flow id, or by project and flow name (deployment "default" unless named)."""

    deployment_id: UUID | None = None
    flow_id: UUID | None = None
    project: str | None = None
    flow: str | None = None
    deployment: str | None = None
    name: str | None = None
    parameters: dict[str, Any] | None = None
    labels: Sequence[str] | None = None
    scheduled_at: datetime | None = None
    idempotency_key: str | None = None
    direct: bool = False


async def create(
    db: Database, tenant_id: UUID, new: NewFlowRun, *, actor: str, now: datetime | None = None
) -> tuple[FlowRun, bool]:
    """The run, and whether this call created it (false: the idempotency key had made it before, with the same body).

    Raises NotFound (the deployment), InvalidInput (parameters), Conflict (idempotency key used with another body).
    """
    raise NotImplementedError


async def create_many(
    db: Database, tenant_id: UUID, news: Sequence[NewFlowRun], *, actor: str, now: datetime | None = None
) -> list[UUID]:
    """The ids of the runs, in the order of the input; all of them or none. At most 1,000. Raises as `create`."""
    raise NotImplementedError
