"""Registering a flow: one call makes or updates flow, version and deployment, and changes nothing if nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from homeport_control_plane.database import Database
from homeport_control_plane.deployments import Deployment
from homeport_control_plane.flows import Flow, FlowVersion


@dataclass(frozen=True, slots=True)
class Registered:
    """What stands after a registration, and whether it changed anything."""

    flow: Flow
    flow_version: FlowVersion
    deployment: Deployment
    changed: bool


async def register(
    db: Database,
    tenant_id: UUID,
    *,
    actor: str,
    project: str,
    name: str,
    entrypoint: str,
    parameter_schema: Any,
    storage: Any,
    content_digest: str,
    sdk_version: str,
    python_version: str,
    description: str = "",
    graph: Any = None,
    deployment: str = "default",
    parameters: Any = None,
    labels: Sequence[str] | None = None,
    queue: str = "default",
    run_config: Any = None,
    on_lost: str = "CRASH",
    envelope: Any = None,
    force: bool = False,
) -> Registered:
    """Flow, version and deployment as described. The same content and description as the latest version makes no new version
    unless `force`. Idempotent by nature, so a repeated call is safe. Raises NotFound (the project), InvalidInput.
    """
    raise NotImplementedError
