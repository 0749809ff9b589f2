"""Reports of a run process: one transaction a batch, acknowledged by high-water mark, accepted from the current attempt only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Database
from homeport_control_plane.event_batch import EventBatch
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Every event up to `seq` is stored; `cancel` asks the process to stop."""

    seq: int
    cancel: bool


async def report(
    db: Database,
    tenant_id: UUID,
    attempt_id: UUID,
    batch: EventBatch,
    *,
    timings: Timings = DEFAULT_TIMINGS,
    now: datetime | None = None,
) -> Acknowledged:
    """Stores what is new of the batch and renews the lease; an empty batch is a heartbeat.

    A batch that starts beyond the acknowledged mark stores nothing and is answered with the mark. What a superseded attempt
    reports is kept, marked as not accepted, and raises Fenced. Raises NotFound.
    """
    raise NotImplementedError
