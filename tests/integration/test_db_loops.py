"""The loops around `run_once`: they go on after a failure, work by themselves, and stop when told."""

import asyncio

from homeport_control_plane.database import Database
from homeport_control_plane.errors import DatabaseUnavailable
from homeport_control_plane.loops import outages
from homeport_control_plane.loops.loop import Loop, run_loop, run_loops
from homeport_control_plane.timings import Timings
from tests.integration.db_world import World


async def test_a_round_that_fails_is_followed_by_the_next() -> None:
    stop = asyncio.Event()
    failures = [DatabaseUnavailable("away"), ValueError("a bug")]

    async def run_once() -> int:
        if failures:
            raise failures.pop()
        stop.set()
        return 0

    async with asyncio.timeout(5):
        await run_loop(Loop("test", 0.001, run_once), stop)

    assert failures == []


async def test_a_lost_run_is_ended_by_the_running_loops_and_they_stop_at_once(world: World) -> None:
    claim = await world.started()
    await outages.run_once(world.db)  # the database is as old as its template, which is no outage of ours
    ended = asyncio.Event()
    world.db.on_announce = lambda topics: ended.set() if f"run:{claim.flow_run_id}" in topics else None
    await world.db.execute("update attempt set lease_until = now() where id = $1", claim.attempt_id)
    stop = asyncio.Event()

    running = asyncio.create_task(run_loops(world.db, stop, Timings(rescue_every=0.02, late_every=0.02)))
    async with asyncio.timeout(5):
        await ended.wait()
        stop.set()
        await running

    assert (await world.get(claim.flow_run_id)).state.type == "CRASHED"


async def test_loops_outlive_a_database_that_is_away(db: Database) -> None:
    await db.close()
    stop = asyncio.Event()
    running = asyncio.create_task(run_loops(db, stop, Timings(rescue_every=0.001, late_every=0.001)))

    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        stop.set()
        await running

    assert running.exception() is None
