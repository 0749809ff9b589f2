"""Names a run Late that nothing has taken for a while after it was due, so that people see it before they miss it."""

from __future__ import annotations

from datetime import datetime

from homeport_control_plane import flow_runs
from homeport_control_plane.database import Database, load_sql
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("loops/late_marker")
_BATCH = 500


async def run_once(db: Database, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None) -> int:
    """Marks up to 500 late runs, and cancels those whose deployment was deleted; how many."""
    rows = await db.fetch(SQL["mark"], now, timings.late_after, _BATCH)
    db.announce(*(flow_runs.topic(row["id"]) for row in rows))
    return len(rows)
