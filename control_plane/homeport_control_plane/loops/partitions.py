"""partitions"""

from __future__ import annotations

from datetime import datetime

from homeport_control_plane.database import Database
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings


async def run_once(db: Database, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None) -> int:
    """How many rows this round changed."""
    raise NotImplementedError
