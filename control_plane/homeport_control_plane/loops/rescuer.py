"""Ends the attempts whose lease ran out: whoever held them died, hangs, or cannot reach us.

What had not started goes back to its queue. What ran is lost, and the flow says what follows: `crash`, `retry` (a new
attempt, this one superseded before it) or `hold` (wait for a person). What was to be cancelled is.
"""

from __future__ import annotations

from datetime import datetime

from homeport_control_plane import flow_runs, work_queues
from homeport_control_plane.database import Database, load_sql
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("loops/rescuer")
_BATCH = 200


async def run_once(db: Database, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None) -> int:
    """Ends every attempt whose lease ran out; how many there were."""
    total = 0
    while True:
        rows = await db.fetch(SQL["rescue"], now, _BATCH, timings.max_lost_attempts)
        for row in rows:
            queue = () if row["queue"] is None else (work_queues.topic(row["tenant_id"], row["queue"]),)
            agent = () if row["agent_id"] is None else (f"agent:{row['agent_id']}", f"agents:{row['tenant_id']}")
            db.announce(flow_runs.topic(row["id"]), *queue, *agent)
        total += len(rows)
        if len(rows) < _BATCH:
            return total
