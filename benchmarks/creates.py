"""Row 6: how many runs a second can be created, one a call and in batches, beside the bare committed insert."""

import asyncio

from benchmarks.floors import insert_rate
from benchmarks.http_load import rate
from benchmarks.measuring import Row, cpu_seconds, foreign_load
from benchmarks.world import CREATE, CREATE_MANY, World, world

CLIENTS, SECONDS, REPEATS, BATCH = 8, 3.0, 5, 100


def run() -> list[Row]:
    """Alternate ours and the floor on the same PostgreSQL."""
    with world() as here:
        return asyncio.run(measure(here))


async def measure(here: World) -> list[Row]:
    deployment = await here.deployment()
    connections = [await here.load.connect() for _ in range(CLIENTS)]
    single = here.load.request(CREATE, {"input": {"deploymentId": deployment, "parameters": {"n": 1}}})
    many = here.load.request(CREATE_MANY, {"inputs": [{"deploymentId": deployment, "parameters": {"n": 1}}] * BATCH})

    async def one(worker: int) -> int:
        answer = await connections[worker].send(single)
        assert b"FlowRunCreated" in answer, answer
        return 1

    async def batch(worker: int) -> int:
        answer = await connections[worker].send(many)
        assert b"FlowRunsCreated" in answer, answer
        return BATCH

    row = Row(
        "6",
        "creates, 8 clients, one a call",
        "runs/s",
        [],
        [],
        "one-row committed insert, asyncpg, 8 connections",
        "≥ 1,500/s",
    )
    batched = Row("6b", "creates in batches of 100, 8 clients", "runs/s", [], target="≥ 15,000/s")
    assert here.server.process
    pid = here.server.process.pid
    await rate(CLIENTS, 1.0, one)
    with foreign_load(row.remarks, lambda: cpu_seconds(pid)):
        for _ in range(REPEATS):
            before = cpu_seconds(pid)
            row.ours.append(await rate(CLIENTS, SECONDS, one))
            spent = cpu_seconds(pid) - before
            row.other.append(await insert_rate(here.server, CLIENTS, SECONDS))
            batched.ours.append(await rate(CLIENTS, SECONDS, batch))
    row.remarks.append(f"server and PostgreSQL: {spent / (row.ours[-1] * SECONDS) * 1e6:.0f} µs CPU a created run")
    return [row, batched]
