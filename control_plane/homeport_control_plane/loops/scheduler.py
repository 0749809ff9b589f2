"""Makes the runs that schedules say are due, some time ahead, so that people see what is coming.

Any number of servers may do it at once: a run is made once for a deployment, clock and time, because that is its
idempotency key, and only of the revision of the deployment whose schedule was read. A change of the deployment takes
back what was made ahead (`registration.py`), and it is made anew here. Times that passed while no server ran are left
out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice

from homeport_control_plane import schedule_times, schedules
from homeport_control_plane.creation import NewFlowRun, create_many
from homeport_control_plane.database import Database, Row, load_sql
from homeport_control_plane.errors import Conflict, InvalidInput, NotFound
from homeport_control_plane.schedule_times import Due
from homeport_control_plane.schedules import Schedule
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

log = logging.getLogger("homeport.loops")

SQL = load_sql("loops/scheduler")
ACTOR = "scheduler"
MOST_AT_ONCE = 50
FURTHEST = timedelta(days=7)
_BATCH = 100


async def run_once(db: Database, *, timings: Timings = DEFAULT_TIMINGS, now: datetime | None = None) -> int:
    """Makes the next runs of up to 100 deployments; how many it made or found made."""
    rows = await db.fetch(SQL["due"], now, timings.schedule_ahead, _BATCH)
    return sum([await _fill(db, row, now) for row in rows])


async def _fill(db: Database, row: Row, now: datetime | None) -> int:
    after: datetime = row["after"]
    until = after + FURTHEST
    try:
        schedule = schedules.decoded(row["schedule"])
        # In a thread: a schedule that rarely hits may take a while to say so.
        found = await asyncio.to_thread(_next, schedule, after, until)
        if found:
            await create_many(db, row["tenant_id"], _runs(row, schedule, found), actor=ACTOR, now=now)
    except (Conflict, NotFound):
        return 0  # the deployment changed or went away meanwhile; the next round sees what it is now
    except InvalidInput as error:
        log.warning("the schedule of %r (deployment %s) makes no runs: %s", row["flow_name"], row["id"], error)
        found = []
    reached = found[-1].at if len(found) == MOST_AT_ONCE else until
    await db.execute(SQL["made"], row["id"], row["revision"], reached)
    return len(found)


def _next(schedule: Schedule, after: datetime, until: datetime) -> list[Due]:
    return list(islice(schedule_times.upcoming(schedule, after, until), MOST_AT_ONCE))


def _runs(row: Row, schedule: Schedule, found: Sequence[Due]) -> list[NewFlowRun]:
    return [
        NewFlowRun(
            deployment_id=row["id"],
            revision=row["revision"],
            parameters=schedule.clocks[due.clock].parameters,
            labels=schedule.clocks[due.clock].labels,
            scheduled_at=due.at,
            idempotency_key=f"schedule:{row['id']}:{due.clock}:{due.at.isoformat()}",
        )
        for due in found
    ]
