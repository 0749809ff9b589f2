"""Runs a loop's `run_once` again and again: interval with jitter, stop, and failures, written once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from homeport_control_plane.database import Database
from homeport_control_plane.errors import DatabaseUnavailable
from homeport_control_plane.loops import late_marker, outages, partitions, pause_expirer, rescuer, scheduler
from homeport_control_plane.timings import DEFAULT_TIMINGS, Timings

log = logging.getLogger("homeport.loops")


@dataclass(frozen=True, slots=True)
class Loop:
    """A named piece of work and how many seconds lie between two rounds of it."""

    name: str
    every: float
    run_once: Callable[[], Awaitable[int]]


def loops(db: Database, timings: Timings = DEFAULT_TIMINGS) -> list[Loop]:
    """Every loop of the control plane."""
    return [
        Loop("rescuer", timings.rescue_every, lambda: _rescue(db, timings)),
        Loop("late_marker", timings.late_every, lambda: late_marker.run_once(db, timings=timings)),
        Loop("pause_expirer", timings.pause_every, lambda: pause_expirer.run_once(db)),
        Loop("scheduler", timings.schedule_every, lambda: scheduler.run_once(db, timings=timings)),
        Loop("partitions", timings.partitions_every, lambda: partitions.run_once(db, timings=timings)),
    ]


async def _rescue(db: Database, timings: Timings) -> int:
    renewed = await outages.run_once(db, timings=timings)
    if renewed:
        log.warning("after an outage, %d attempts are given a full lease to be heard again", renewed)
    return await rescuer.run_once(db, timings=timings)


async def run_loops(db: Database, stop: asyncio.Event, timings: Timings = DEFAULT_TIMINGS) -> None:
    """Runs every loop until `stop` is set. Never raises because the database is away."""
    async with asyncio.TaskGroup() as group:
        for loop in loops(db, timings):
            group.create_task(run_loop(loop, stop), name=f"loop {loop.name}")


async def run_loop(loop: Loop, stop: asyncio.Event, *, jitter: Callable[[], float] = random.random) -> None:
    """One loop until `stop` is set. A round that fails is logged, and the next one comes at its time."""
    while not stop.is_set():
        try:
            await loop.run_once()
        except DatabaseUnavailable as error:
            log.warning("loop %s: %s", loop.name, error)
        except Exception:
            log.exception("loop %s failed; it goes on with its next round", loop.name)
        # Jitter keeps several servers from looking at the same rows at the same moment.
        await _wait(stop, loop.every * (0.8 + 0.4 * jitter()))


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
