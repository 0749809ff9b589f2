"""Attempts: one try of a flow run. Start is the commit point, finish takes the first final state, release gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Database, Queries
from homeport_control_plane.states import State
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a flow run on infrastructure; `number` is its fencing number."""

    id: UUID
    flow_run_id: UUID
    number: int
    agent_id: UUID | None
    instance: str | None
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    superseded: bool


@dataclass(frozen=True, slots=True)
class Started:
    """User code may run: how long the lease is and how often to be heard of, in seconds."""

    attempt_id: UUID
    lease_seconds: float
    heartbeat_seconds: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The state that stands, and whether it is the one that was reported."""

    accepted: bool
    state: State


async def start(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    *,
    instance: str,
    host: str | None = None,
    pid: int | None = None,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Started:
    """The commit point: after this the caller runs user code. The same instance may ask again.

    Raises Fenced (another instance started it, or a newer attempt exists), InvalidTransition (cancelled, ended), NotFound.
    """
    raise NotImplementedError


async def finish(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    *,
    type: str,
    name: str | None = None,
    message: str | None = None,
    at: datetime | None = None,
    instance: str | None = None,
    agent_key_id: str | None = None,
    actor: str,
    now: datetime | None = None,
) -> Finished:
    """The first final state wins; a later one is kept in the history and answered with what stands.

    With `agent_key_id`, only an attempt held by an agent that registered with this key is found. Ends the attempt's task
    runs. Raises Fenced, NotFound, InvalidTransition, InvalidInput (the state is not final).
    """
    raise NotImplementedError


async def release(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    *,
    reason: str,
    crashed: bool = False,
    agent_key_id: str | None = None,
    actor: str,
    now: datetime | None = None,
) -> State:
    """Gives a claimed, not started attempt back: SCHEDULED again, CRASHED with the reason, or CANCELLED if that was asked for.

    Raises Fenced, NotFound, InvalidTransition (already started).
    """
    raise NotImplementedError


async def of_runs(db: Queries, tenant_id: UUID, flow_run_ids: Sequence[UUID]) -> dict[UUID, list[Attempt]]:
    """The attempts of each run, by number."""
    raise NotImplementedError
