"""The long poll of an agent: a claim that is held until there is work, a command, or the time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from homeport_control_plane import agents, work_queues
from homeport_control_plane.claims import SQL, Claimed, claim
from homeport_control_plane.database import Database
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings
from homeport_control_plane.wakeups import Wakeups


async def claim_held(
    db: Database,
    wakeups: Wakeups,
    tenant_id: UUID,
    agent_id: UUID,
    session_id: UUID,
    *,
    limit: int,
    live_attempts: Sequence[UUID] = (),
    draining: bool = False,
    wait_seconds: float | None = None,
    timings: Timings = DEFAULT_TIMINGS,
) -> Claimed:
    """As `claim`, held for up to `wait_seconds` (at most and by default `timings.poll_held`) until there is something to say.

    Stopping the `wakeups` answers every held poll at once, empty.
    """
    loop = asyncio.get_running_loop()
    held = timings.poll_held if wait_seconds is None else max(0.0, min(wait_seconds, timings.poll_held))
    deadline = loop.time() + held
    queues = await db.fetchval(SQL["queues"], tenant_id, agent_id) if limit and not draining else ()
    topics = [work_queues.topic(tenant_id, queue) for queue in queues or ()]
    async with wakeups.waiter(agents.topic(agent_id), shared=topics) as waiter:
        while True:
            found = await claim(
                db,
                tenant_id,
                agent_id,
                session_id,
                limit=limit,
                live_attempts=live_attempts,
                draining=draining,
                timings=timings,
            )
            waiter.looked(more=found.more)
            if found.claims or found.commands:
                return found
            if not await waiter.wait(deadline - loop.time()):
                return found
