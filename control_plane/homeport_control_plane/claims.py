"""How a due run gets to exactly one agent: one statement that locks, skips what others lock, and makes the attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from homeport_control_plane.database import Database
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings
from homeport_control_plane.wakeups import Wakeups


@dataclass(frozen=True, slots=True)
class Claim:
    """One claimed attempt and all that an agent needs to start it; `run_token` is told here and never again."""

    attempt_id: UUID
    attempt_number: int
    run_token: str
    lease_seconds: float
    flow_run_id: UUID
    flow_run_name: str
    flow_name: str
    project_name: str
    deployment_name: str
    entrypoint: str
    storage: Any
    content_digest: str
    parameters: Any
    run_config: Any
    labels: tuple[str, ...]
    scheduled_at: datetime
    on_lost: str
    envelope: Any


@dataclass(frozen=True, slots=True)
class Command:
    """What an agent is told to do: CANCEL, DRAIN or STOP_TRACKING (and kill) an attempt of its inventory."""

    kind: str
    attempt_id: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The answer to a claim."""

    claims: tuple[Claim, ...]
    commands: tuple[Command, ...]


async def claim(
    db: Database,
    tenant_id: UUID,
    agent_id: UUID,
    session_id: UUID,
    *,
    limit: int,
    live_attempts: Sequence[UUID] = (),
    draining: bool = False,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Claimed:
    """Up to `limit` due runs (0 to 1,000) of the agent's queues, at once. Raises SessionSuperseded, NotFound, InvalidInput."""
    raise NotImplementedError


async def claim_held(
    db: Database,
    wakeups: Wakeups,
    tenant_id: UUID,
    agent_id: UUID,
    session_id: UUID,
    *,
    limit: int,
    live_attempts: Sequence[UUID] = (),
    draining: bool = False,
    wait_seconds: float | None = None,
    timings: Timings = DEFAULT_TIMINGS,
) -> Claimed:
    """As `claim`, held for up to `wait_seconds` (at most and by default `timings.poll_held`) until there is work or a command.

    Stopping the `wakeups` answers every held poll at once, empty.
    """
    raise NotImplementedError


async def claim_direct(
    db: Database,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    executor: str,
    actor: str,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Claim:
    """Takes one run that was created `direct`, to execute it here and now. Raises NotFound, InvalidTransition."""
    raise NotImplementedError
