"""Every shape of flow through the real path: what the engine tells is what the control plane holds."""

import json
from typing import Any

from tests.services.stack import Stack
from tests.services.waiting import eventually

SHAPES = """
    import asyncio
    from homeport import Flow, Parameter, Task, flow, get_run_logger, task
    from homeport.engine import signals

    @task(retries=1)
    def flaky(number, failed=set()):
        if number not in failed:
            failed.add(number)
            raise ConnectionError(f"{number} at first")
        return number

    @task
    def skips():
        raise signals.SKIP("nothing new")

    @task
    def total(numbers):
        get_run_logger().info("adding %d numbers", len(numbers))
        return sum(numbers)

    @task
    async def slowly(number):
        await asyncio.sleep(0.01)
        return number

    @flow
    def inner(number: int):
        return total([number, 1])

    @flow(name="plain", log_prints=True)
    def plain(count: int = 3):
        numbers = flaky.map(range(count))
        skips.submit()
        print("inner:", inner(total.submit(numbers)))
        return 1

    @flow(name="asynchronous")
    async def asynchronous():
        futures = [await slowly.submit(number) for number in range(3)]
        return total([await future.result() for future in futures])

    class Extract(Task):
        def run(self, count):
            return {"results": list(range(count))}

    with Flow("graph") as graph:
        page = Extract()(Parameter("count", default=3))
        total(flaky.map(page["results"]))

    @task
    def waits():
        while True:
            pass

    @flow(name="endless")
    def endless():
        get_run_logger().info("begun")
        waits.submit()
        waits()
"""


def ran(stack: Stack, flow: str) -> dict[str, Any]:
    """Register all shapes, run this one to its end, and give it as the control plane shows it."""
    registered(stack)
    stack.cli("run", "-n", flow, "--project", "Shapes", "--run-name", f"{flow}-{stack.folder.name}", "--watch")
    run: dict[str, Any] = stack.json("flow-run", "inspect", f"{flow}-{stack.folder.name}")
    return run


def registered(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("shapes.py", SHAPES)
    stack.cli("create", "project", "Shapes", "--skip-if-exists")
    stack.cli("register", "--project", "Shapes", "-p", "shapes.py", "-q", stack.folder.name)
    stack.start_agent(f"agent-{stack.folder.name}", "-q", stack.folder.name)


def lines_of(stack: Stack, run: dict[str, Any]) -> list[str]:
    output = stack.cli("flow-run", "logs", run["id"], "--json").stdout
    return [json.loads(line)["message"] for line in output.splitlines()]


def test_retries_maps_skips_and_subflows_arrive_without_a_refused_event(stack: Stack) -> None:
    run = ran(stack, "plain")

    lines = lines_of(stack, run)
    assert run["state"]["type"] == "COMPLETED"
    assert run["taskRunCounts"] == {"COMPLETED": 7}
    assert "inner: 4" in lines
    assert "adding 3 numbers" in lines
    assert not [line for line in lines if "refused by the control plane" in line]


def test_an_async_flow_runs_on_an_agent(stack: Stack) -> None:
    run = ran(stack, "asynchronous")

    assert run["taskRunCounts"] == {"COMPLETED": 4}


def test_a_graph_flow_runs_on_an_agent(stack: Stack) -> None:
    run = ran(stack, "graph")

    assert run["state"]["message"] == "All reference tasks succeeded."
    assert run["taskRunCounts"] == {"COMPLETED": 6}


def test_a_cancelled_run_ends_cancelled_with_all_its_tasks(stack: Stack) -> None:
    registered(stack)
    name = f"endless-{stack.folder.name}"
    stack.cli("run", "-n", "endless", "--project", "Shapes", "--run-name", name)
    eventually(lambda: "begun" in stack.cli("flow-run", "logs", name).stdout, what="the flow begins", within=60)

    stack.cli("flow-run", "cancel", name)

    run = eventually(
        lambda: (seen := stack.json("flow-run", "inspect", name))["state"]["type"] == "CANCELLED" and seen,
        what="the run ends", within=30,
    )  # fmt: skip
    assert run["taskRunCounts"] == {"CANCELLED": 2}
