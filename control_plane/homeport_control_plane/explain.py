"""Why a run is where it is: ordered checks with what was seen and what to do. One answer behind page, command line and doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from homeport_control_plane.database import Queries
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings


@dataclass(frozen=True, slots=True)
class Check:
    """One step: `status` is PASS, WAIT, BLOCK or UNKNOWN; `mend` says what to do about it."""

    name: str
    status: str
    evidence: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict is the first check that does not pass, or where the run is."""

    flow_run_id: UUID
    verdict: str
    checks: tuple[Check, ...]


async def explain(
    db: Queries, tenant_id: UUID, flow_run_id: UUID, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None
) -> Explanation | None:
    """The diagnosis of a run, or None if the tenant has no such run."""
    raise NotImplementedError
