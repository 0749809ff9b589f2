"""Rows 8 and 9: state events and log lines ingested, beside the bare `unnest` insert of the same rows."""

import asyncio
import itertools
from typing import Any
from uuid import uuid4

from benchmarks.floors import unnest_rate
from benchmarks.measuring import Row, cpu_seconds
from benchmarks.world import REPORT, World, world

RUNS, SECONDS, REPEATS = 4, 3.0, 5
AT = "2026-11-21T09:30:00.123456Z"


def run() -> list[Row]:
    """Four runs report at once, batches prepared beforehand, so that the sender costs little."""
    with world() as here:
        return asyncio.run(measure(here))


def state_batch(tasks: int) -> list[dict[str, Any]]:
    """Two events a task: Running, Completed; preceded by the task runs themselves."""
    ids = [str(uuid4()) for _ in range(tasks)]
    made = [
        {"kind": "task_run", "id": i, "name": f"t-{n}", "task_key": "t", "map_index": n, "upstream": [], "parent": None}
        for n, i in enumerate(ids)
    ]
    states = [
        {"kind": "task_state", "task_run": i, "type": kind, "name": kind.title(), "message": "", "run_count": 1}
        for kind in ("RUNNING", "COMPLETED") for i in ids
    ]  # fmt: skip
    return made + states


def log_batch(lines: int) -> list[dict[str, Any]]:
    """Lines of some eighty characters."""
    text = "processed chunk of the input file, everything as it should be, number"
    return [
        {"kind": "log", "level": "INFO", "logger": "homeport.flow_run", "message": f"{text} {n}", "task_run": None}
        for n in range(lines)
    ]


async def ingest(here: World, events: Any, count: int) -> tuple[float, float]:
    """Events a second, and the CPU seconds that the server and PostgreSQL spent on each."""
    deployment = await here.deployment()
    claims = await here.claimed(deployment, RUNS)
    connections = [await here.load.connect() for _ in claims]
    seqs = [itertools.count(1) for _ in claims]

    def prepared(worker: int) -> bytes:
        batch = [{"seq": next(seqs[worker]), "at": AT, **event} for event in events(count)]
        variables = {"attemptId": claims[worker]["attemptId"], "batch": {"events": batch}}
        return here.load.request(REPORT, variables, key=claims[worker]["runToken"])

    ready = [[prepared(worker) for _ in range(40)] for worker in range(RUNS)]
    size = len(events(count))

    async def one(worker: int) -> int:
        if not ready[worker]:
            return 0
        answer = await connections[worker].send(ready[worker].pop(0))
        assert b"EventsAcknowledged" in answer, answer
        return size

    assert here.server.process
    before = cpu_seconds(here.server.process.pid)
    loop = asyncio.get_running_loop()
    began, done = loop.time(), 0

    async def drain(worker: int) -> None:
        nonlocal done
        while ready[worker]:
            units = await one(worker)
            done += units

    await asyncio.gather(*(drain(worker) for worker in range(RUNS)))
    return done / (loop.time() - began), (cpu_seconds(here.server.process.pid) - before) / done


async def measure(here: World) -> list[Row]:
    states = Row(
        "8",
        "state events ingested, 4 runs, 300 a batch",
        "events/s",
        [],
        [],
        "unnest: update + history rows, 4 connections",
        "≥ 40,000/s",
    )
    logs = Row(
        "9",
        "log lines ingested, 4 runs, 1,000 a batch",
        "lines/s",
        [],
        [],
        "unnest insert of log rows, 4 connections",
        "≥ 100,000/s",
    )
    cost_states = cost_logs = 0.0
    for _ in range(REPEATS):
        speed, cost_states = await ingest(here, state_batch, 100)
        states.ours.append(speed)
        states.other.append(await unnest_rate(here.server, connections=RUNS, rows=300, history=True))
        speed, cost_logs = await ingest(here, log_batch, 1000)
        logs.ours.append(speed)
        logs.other.append(await unnest_rate(here.server, connections=RUNS, rows=1000, history=False))
    states.remarks.append(f"server and PostgreSQL: {cost_states * 1e6:.1f} µs CPU an event")
    logs.remarks.append(f"server and PostgreSQL: {cost_logs * 1e6:.1f} µs CPU a line")
    return [states, logs]
