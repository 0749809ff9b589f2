"""A flow that is called as a script, with HOMEPORT_RECORD_RUNS set: the control plane shows the run."""

import signal
import subprocess
import sys

from tests.services.stack import Stack
from tests.services.waiting import eventually

SCRIPT = """
    import asyncio
    import sys
    import threading
    from homeport import Flow, Parameter, flow, get_run_logger, task

    @task
    def double(number):
        get_run_logger().info("doubling %s", number)
        return 2 * number

    @flow
    def doubles(numbers: list[int]):
        return [future.result() for future in double.map(numbers)]

    @flow
    async def doubles_async(numbers: list[int]):
        return [double(number) for number in numbers]

    @flow
    def fails():
        raise ValueError("no luck today")

    @flow
    def takes_anything(thing):
        return thing

    @flow
    def waits():
        threading.Event().wait(60)

    with Flow("doubles-graph") as graph:
        double.map(Parameter("numbers", default=[1, 2]))

    if __name__ == "__main__":
        exec(sys.argv[1])
"""


def script(
    stack: Stack, statement: str, *, expect: int = 0, project: str = "Recorded"
) -> "subprocess.CompletedProcess[str]":
    stack.write_flow("pyproject.toml", "")
    path = stack.write_flow("script.py", SCRIPT)
    stack.cli("create", "project", "Recorded", "--skip-if-exists")
    done = subprocess.run(
        [sys.executable, str(path), statement],
        env=stack.environment(HOMEPORT_RECORD_RUNS=project), cwd=stack.code, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == expect, done.stderr
    return done


def newest(stack: Stack, flow: str) -> dict:
    found = stack.json("flow-run", "ls", "--flow", flow, "--project", "Recorded")
    return stack.json("flow-run", "inspect", found[0]["id"])


def test_a_called_flow_returns_its_result_and_is_seen_at_the_control_plane_with_its_tasks(stack: Stack) -> None:
    done = script(stack, "print(doubles([1, 2, 3]))")

    run = newest(stack, "doubles")
    assert done.stdout.strip() == "[2, 4, 6]"
    assert run["state"]["type"] == "COMPLETED"
    assert run["parameters"] == {"numbers": [1, 2, 3]}
    assert run["taskRunCounts"] == {"COMPLETED": 3}
    assert "doubling 2" in stack.cli("flow-run", "logs", run["id"]).stdout


def test_an_awaited_flow_is_recorded_too(stack: Stack) -> None:
    done = script(stack, "print(asyncio.run(doubles_async([4])))")

    assert done.stdout.strip() == "[8]"
    assert newest(stack, "doubles-async")["state"]["type"] == "COMPLETED"


def test_a_graph_flow_is_recorded_too(stack: Stack) -> None:
    script(stack, "assert graph.run(numbers=[5]).is_successful()")

    assert newest(stack, "doubles-graph")["parameters"] == {"numbers": [5]}


def test_what_the_flow_raises_is_raised_and_recorded(stack: Stack) -> None:
    done = script(stack, "fails()", expect=1)

    run = newest(stack, "fails")
    assert "ValueError: no luck today" in done.stderr
    assert (run["state"]["type"], "no luck today" in run["state"]["message"]) == ("FAILED", True)


def test_a_recorded_run_can_be_called_from_another_thread(stack: Stack) -> None:
    script(stack, "t = threading.Thread(target=doubles, args=([7],)); t.start(); t.join()")

    assert newest(stack, "doubles")["parameters"] == {"numbers": [7]}


def test_what_agents_run_is_not_touched_by_a_run_that_is_called_here(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("script.py", SCRIPT)
    stack.cli("create", "project", "Recorded", "--skip-if-exists")
    stack.cli("register", "--project", "Recorded", "-p", "script.py", "-n", "takes-anything")
    before = stack.json("get", "deployments", "--project", "Recorded")
    script(stack, "takes_anything(1)")

    after = {one["id"]: one for one in stack.json("get", "deployments", "--project", "Recorded")}
    assert [after[one["id"]] for one in before] == before


def test_a_recorded_run_is_cancelled_from_the_command_line(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    path = stack.write_flow("script.py", SCRIPT)
    stack.cli("create", "project", "Recorded", "--skip-if-exists")
    process = subprocess.Popen(
        [sys.executable, str(path), "waits()"],
        env=stack.environment(HOMEPORT_RECORD_RUNS="Recorded"), cwd=stack.code, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def running() -> list:
        return stack.json("flow-run", "ls", "--flow", "waits", "--project", "Recorded", "--state", "running")

    found = eventually(running, what="the run is running", every=0.2)
    stack.cli("flow-run", "cancel", found[0]["id"])
    _, shown = process.communicate(timeout=30)

    assert process.returncode not in (0, -signal.SIGTERM)
    assert "Cancelled" in shown
    assert newest(stack, "waits")["state"]["type"] == "CANCELLED"


def test_a_parameter_that_is_no_json_is_refused_with_its_name_before_anything_ran(stack: Stack) -> None:
    done = script(stack, "takes_anything(object())", expect=1)

    assert "Parameter 'thing' of flow 'takes-anything' cannot be recorded" in done.stderr


def test_a_project_that_does_not_exist_is_named(stack: Stack) -> None:
    done = script(stack, "doubles([1])", expect=1, project="Nowhere")

    assert "Nowhere" in done.stderr
    assert "homeport create project" in done.stderr


def test_without_the_setting_nothing_is_asked_of_any_control_plane(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    path = stack.write_flow("script.py", SCRIPT)

    done = subprocess.run(
        [sys.executable, str(path), "print(doubles([1]))"],
        env=stack.environment(HOMEPORT_API_URL="http://127.0.0.1:9"), capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.stdout.strip() == "[2]"
