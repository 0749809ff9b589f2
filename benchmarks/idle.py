"""Rows 11, 12 and 13: what the control plane and the agents cost while nothing happens, and with 200 agents waiting."""

import asyncio
import time

import psutil

from benchmarks.http_load import Load
from benchmarks.measuring import Row, cpu_seconds, percentile, proportional_memory
from benchmarks.world import CLAIM, CREATE, REGISTER_AGENT, World, world

QUIET_SECONDS, AGENTS, WAKES = 40.0, 200, 30


def run() -> list[Row]:
    """Start, wait, count."""
    rows = []
    with world() as here:
        assert here.server.process
        pid = here.server.process.pid
        stack = here.stack()
        agent = stack.start_agent("idle")
        time.sleep(5)
        server_cpu, agent_cpu = idle_share(pid, agent.process.pid)
        rows.append(
            Row("11", "idle control plane with its PostgreSQL, CPU", "% of a core", [server_cpu], target="≤ 0.5 %")
        )
        rows.append(
            Row(
                "11b",
                "idle control plane with its PostgreSQL, memory (PSS)",
                "MiB",
                [proportional_memory(pid)],
                target="≤ 120",
            )
        )
        rows.append(Row("12", "idle agent, CPU", "% of a core", [agent_cpu], target="≤ 0.1 %"))
        rows.append(
            Row("12b", "idle agent, memory (PSS)", "MiB", [proportional_memory(agent.process.pid)], target="≤ 45")
        )
        stack.close()
        here.server.stop()
        warm = []
        for _ in range(5):
            began = time.perf_counter()
            here.server.start()
            warm.append(time.perf_counter() - began)
            here.server.stop()
        rows.append(Row("11c", "control plane ready, warm start", "s", warm, target="≤ 1"))
        here.server.start()
        rows += asyncio.run(many_agents(here))
    began = time.perf_counter()
    with world():
        rows.append(
            Row(
                "11d",
                "control plane ready, first start (initdb and migrations)",
                "s",
                [time.perf_counter() - began],
                target="≤ 4",
            )
        )
    return rows


def idle_share(*pids: int) -> tuple[float, ...]:
    """Per cent of a core that each process tree used over a quiet time."""
    before = [cpu_seconds(pid) for pid in pids]
    time.sleep(QUIET_SECONDS)
    return tuple((cpu_seconds(pid) - was) / QUIET_SECONDS * 100 for pid, was in zip(pids, before, strict=True))


async def many_agents(here: World) -> list[Row]:
    """Latency create → claimed with one agent and with `AGENTS` held polls, and what the held polls cost."""
    assert here.server.process
    pid = here.server.process.pid
    deployment = await here.deployment()
    alone = await wake_latency(here, deployment, [await Poller.connect(here.load, "alone", "bench")])
    memory = psutil.Process(pid).memory_full_info().uss
    crowd = [await Poller.connect(here.load, f"crowd-{number}", "other") for number in range(AGENTS - 1)]
    held = [asyncio.ensure_future(poller.poll_for_ever()) for poller in crowd]
    await asyncio.sleep(5)
    grown = (psutil.Process(pid).memory_full_info().uss - memory) / AGENTS / 1024
    before = cpu_seconds(pid)
    await asyncio.sleep(QUIET_SECONDS)
    share = (cpu_seconds(pid) - before) / QUIET_SECONDS * 100
    among = await wake_latency(here, deployment, [await Poller.connect(here.load, "alone", "bench")])
    for task in held:
        task.cancel()
    latency = Row(
        "13",
        f"create → claimed by a held poll, {AGENTS} agents connected",
        "ms",
        among,
        alone,
        "one agent connected",
        "≤ 2 ×",
    )
    latency.remarks.append(f"p99 {percentile(among, 0.99):.1f} ms")
    cost = Row("13b", f"{AGENTS} idle agents, CPU of server and PostgreSQL", "% of a core", [share], target="≤ 3 %")
    return [latency, cost, Row("13c", "memory of an idle agent's poll in the server", "KiB", [grown], target="≤ 100")]


class Poller:
    """An agent reduced to its held poll."""

    @classmethod
    async def connect(cls, load: Load, name: str, queue: str) -> "Poller":
        self = cls()
        self.load, self.connection = load, await load.connect()
        agent = {"name": name, "kind": "local", "queues": [queue], "version": "0", "host": "h", "capacity": 100}
        me = (await load.call(self.connection, REGISTER_AGENT, {"input": agent}))["registerAgent"]
        ask = {"agentId": me["agentId"], "sessionId": me["sessionId"], "limit": 1, "liveAttempts": []}
        self.request = load.request(CLAIM, {"input": ask})
        return self

    async def poll(self) -> bytes:
        return await self.connection.send(self.request)

    async def poll_for_ever(self) -> None:
        while True:
            await self.poll()


async def wake_latency(here: World, deployment: str, pollers: list[Poller]) -> list[float]:
    """Milliseconds from sending the creation to the claim's arrival at the waiting agent."""
    creator, samples = await here.load.connect(), []
    create = here.load.request(CREATE, {"input": {"deploymentId": deployment}})
    for _ in range(WAKES):
        waiting = asyncio.ensure_future(pollers[0].poll())
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        await creator.send(create)
        assert b"runToken" in await waiting
        samples.append((time.perf_counter() - began) * 1000)
    return samples
