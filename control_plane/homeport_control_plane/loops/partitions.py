"""Makes the daily partitions of history and logs ahead of their day."""

from __future__ import annotations

from datetime import datetime

from homeport_control_plane.database import Database, load_sql
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

SQL = load_sql("loops/partitions")


async def run_once(db: Database, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None) -> int:
    """Makes what is missing up to a week ahead; how many partitions it made."""
    made: int = await db.fetchval(SQL["ahead"], now, timings.partitions_ahead_days)
    return made
