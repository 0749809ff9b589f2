"""Log lines of a flow run, in the order that the run wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.pages import Page


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; its cursor (attempt and sequence number) grows strictly within a run."""

    cursor: str
    at: datetime
    level: str
    logger: str
    message: str
    task_run_id: UUID | None
    attempt_number: int
    seq: int


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines a list shows; every given field must hold."""

    min_level: str | None = None
    task_run_id: UUID | None = None
    attempt_number: int | None = None
    contains: str | None = None
    since: datetime | None = None


async def page(
    db: Queries,
    tenant_id: UUID,
    flow_run_id: UUID,
    *,
    first: int = 200,
    after: str | None = None,
    where: LogFilter | None = None,
) -> Page[LogLine]:
    """The run's lines after the cursor, oldest first. Raises InvalidCursor."""
    raise NotImplementedError
