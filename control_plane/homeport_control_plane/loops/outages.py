"""After an outage, whoever holds an attempt is given a full lease before anybody calls it lost.

A run goes on while the control plane or its database is away, but its heartbeats go nowhere and its lease runs out.
Each round of the rescuer notes its time in the database; a gap between two rounds, of all servers, is an outage.
"""

from __future__ import annotations

from datetime import datetime

from homeport_control_plane.database import Database, load_sql
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("loops/outages")


async def run_once(db: Database, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None) -> int:
    """Notes this round; how many leases were renewed because the round before it is too long ago."""
    gap = max(timings.heartbeat, 3 * timings.rescue_every)
    renewed: int = await db.fetchval(SQL["note"], now, gap, timings.claimed_lease, timings.started_lease)
    return renewed
