"""Row 7: how many runs a second agents can claim, one agent and ten, beside bare `for update skip locked` claims."""

import asyncio

from benchmarks.floors import claim_rate
from benchmarks.http_load import Connection
from benchmarks.measuring import Row
from benchmarks.world import CLAIM, CREATE_MANY, REGISTER_AGENT, World, world

REPEATS, BATCH = 3, 100


def run() -> list[Row]:
    """One agent and ten agents drain a backlog, in turn with the floor."""
    with world() as here:
        return asyncio.run(measure(here))


async def backlog(here: World, deployment: str, count: int) -> None:
    """`count` due runs."""
    connection = await here.load.connect()
    for _ in range(count // 1000):
        await here.load.call(connection, CREATE_MANY, {"inputs": [{"deploymentId": deployment}] * 1000})


async def drain(here: World, agents: int, count: int, round_: int) -> float:
    """Seconds until `agents` have claimed `count` runs between them."""
    left = count

    async def agent(number: int) -> None:
        nonlocal left
        connection: Connection = await here.load.connect()
        registration = {
            "name": f"r{round_}a{number}of{agents}", "kind": "local", "queues": ["bench"],
            "version": "0", "host": "h", "capacity": 9999,
        }  # fmt: skip
        me = (await here.load.call(connection, REGISTER_AGENT, {"input": registration}))["registerAgent"]
        ask = {
            "agentId": me["agentId"],
            "sessionId": me["sessionId"],
            "limit": BATCH,
            "liveAttempts": [],
            "waitSeconds": 0,
        }
        request = here.load.request(CLAIM, {"input": ask})
        ready.set_result(None) if number == agents - 1 else None
        await ready
        while left > 0:
            got = (await connection.send(request)).count(b'"runToken"')
            left -= got
            if not got:
                return

    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(agent(number) for number in range(agents)))
    return asyncio.get_running_loop().time() - began


async def measure(here: World) -> list[Row]:
    deployment = await here.deployment()
    one = Row(
        "7",
        "claims by one agent, 100 a poll",
        "claims/s",
        [],
        [],
        "SKIP LOCKED, asyncpg, 1 connection, 1 a statement",
        "≥ 2,000/s",
    )
    ten = Row(
        "7b",
        "claims by ten agents, 100 a poll",
        "claims/s",
        [],
        [],
        "SKIP LOCKED, asyncpg, 8 connections, 10 a statement",
        "≥ 15,000/s",
    )
    for turn in range(REPEATS):
        await backlog(here, deployment, 5_000)
        one.ours.append(5_000 / await drain(here, 1, 5_000, turn))
        one.other.append(await claim_rate(here.server, connections=1, per_claim=1))
        await backlog(here, deployment, 20_000)
        ten.ours.append(20_000 / await drain(here, 10, 20_000, turn))
        ten.other.append(await claim_rate(here.server, connections=8, per_claim=10))
    return [one, ten]
