"""Ends the pauses that nobody answered in time.

A process that waits at one ends it itself, to the second, by asking; this is for runs that have none (suspended, held),
and for processes that are away.
"""

from __future__ import annotations

from datetime import datetime

from homeport_control_plane import pauses
from homeport_control_plane.database import Database


async def run_once(db: Database, *, now: datetime | None = None) -> int:
    """Ends pauses whose time is over, of up to 200 runs; how many it ended."""
    return await pauses.expire_all(db, now=now)
