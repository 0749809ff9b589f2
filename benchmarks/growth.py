"""Row 15: claim, list and report at 100,000 finished runs, beside the same on an almost empty database."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable

import asyncpg

from benchmarks.measuring import Row
from benchmarks.world import CLAIM, CREATE, CREATE_MANY, LIST, REGISTER_AGENT, REPORT, START, World, world

FINISHED = int(os.environ.get("HOMEPORT_BENCH_FINISHED", "100000"))
REPEATS = 200


def run() -> list[Row]:
    """Measure, fill, measure again."""
    with world() as here:
        return asyncio.run(measure(here))


async def measure(here: World) -> list[Row]:
    deployment = await here.deployment()
    empty = await sample(here, deployment, "before")
    await fill(here, deployment)
    full = await sample(here, deployment, "after")
    rows = []
    for name in empty:
        row = Row(
            "15",
            f"{name} at {FINISHED:,} finished runs",
            "ms",
            full[name],
            empty[name],
            "the same, almost empty",
            "no growth",
        )
        rows.append(row)
    return rows


async def fill(here: World, deployment: str) -> None:
    """Finished runs as cancellations of real ones leave them, each with three log lines."""
    connection = await here.load.connect()
    for _ in range(FINISHED // 1000):
        await here.load.call(connection, CREATE_MANY, {"inputs": [{"deploymentId": deployment}] * 1000})
    db = await asyncpg.connect(here.server.dsn())
    await db.execute(
        "update flow_run set state_type = 'CANCELLED', state_name = 'Cancelled', state_at = now(), finished_at = now(),"
        " state_actor = 'benchmark', event_number = event_number + 1 where state_type = 'SCHEDULED'"
    )
    await db.execute(
        "insert into log (tenant_id, flow_run_id, attempt_number, seq, at, level, logger, message, recorded_at)"
        " select tenant_id, id, 1, n, now(), 20, 'benchmark', 'a line of a finished run', now()"
        " from flow_run, generate_series(1, 3) n where state_type = 'CANCELLED'"
    )
    await db.execute("vacuum analyze")
    await db.close()


async def sample(here: World, deployment: str, label: str) -> dict[str, list[float]]:
    """Milliseconds of each call, `REPEATS` times."""
    connection = await here.load.connect()
    agent = {"name": label, "kind": "local", "queues": ["bench"], "version": "0", "host": "h", "capacity": 9999}
    me = (await here.load.call(connection, REGISTER_AGENT, {"input": agent}))["registerAgent"]
    ask = {"agentId": me["agentId"], "sessionId": me["sessionId"], "limit": 1, "liveAttempts": [], "waitSeconds": 0}
    create = here.load.request(CREATE, {"input": {"deploymentId": deployment}})
    claim = here.load.request(CLAIM, {"input": ask})
    every = here.load.request(LIST, {"first": 50, "filter": {}})
    filtered = here.load.request(LIST, {"first": 50, "filter": {"stateTypes": ["PENDING"]}})
    times: dict[str, list[float]] = {"create": [], "claim": [], "report": [], "list": [], "list filtered by state": []}
    for _ in range(REPEATS):
        times["create"].append(await timed(connection.send(create)))
        began = time.perf_counter()
        answer = json.loads(await connection.send(claim))
        times["claim"].append((time.perf_counter() - began) * 1000)
        taken = answer["data"]["claimFlowRuns"]["claims"][0]
        await here.load.call(
            connection, START, {"input": {"attemptId": taken["attemptId"], "instance": "b"}}, key=taken["runToken"]
        )
        event = {
            "kind": "log",
            "seq": 1,
            "at": "2026-11-21T09:30:00Z",
            "level": "INFO",
            "logger": "l",
            "message": "m",
            "task_run": None,
        }
        report = here.load.request(
            REPORT, {"attemptId": taken["attemptId"], "batch": {"events": [event]}}, key=taken["runToken"]
        )
        times["report"].append(await timed(connection.send(report)))
        times["list"].append(await timed(connection.send(every)))
        times["list filtered by state"].append(await timed(connection.send(filtered)))
    return times


async def timed(call: Awaitable[bytes]) -> float:
    """Milliseconds until the call is answered."""
    began = time.perf_counter()
    await call
    return (time.perf_counter() - began) * 1000
