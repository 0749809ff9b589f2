"""Runs of real agents that wait for a person: resumed with typed input, suspended, cancelled, and over a restart."""

import json
import re
import shlex
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.services.stack import Stack
from tests.services.terminal import Terminal
from tests.services.waiting import eventually

FLOW = """
    import os
    from homeport import flow, pause_flow_run, suspend_flow_run, task
    from homeport.input import RunInput

    def tell(what):
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(f"{what}\\n")

    class Order(RunInput):
        name: str
        count: int = 1

    @task(persist_result=True)
    def extract():
        tell("extract")
        return 10

    @flow(name="waits", on_lost="retry")
    def waits(suspends: bool = False):
        found = extract()
        tell(f"waits {os.getpid()}")
        pause = suspend_flow_run if suspends else pause_flow_run
        try:
            order = pause(wait_for_input=Order, message="Who shall get it?")
        finally:
            tell("left")
        tell(f"{order.name!r} gets {order.count * found} from {os.getpid()}")
"""

GRAPH = """
    import os
    from homeport import Flow, pause_task, task
    from homeport.triggers import manual_only

    @task
    def check():
        pause_task("look at it first")

    @task(trigger=manual_only)
    def publish():
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write("published\\n")

    with Flow("careful") as careful:
        publish(upstream_tasks=[check()])
"""


def test_a_waiting_run_goes_on_in_its_process_with_typed_input_and_wrong_input_is_refused(stack: Stack) -> None:
    run_id = started(stack)
    paused = waiting(stack, run_id)
    [process] = stack.run_processes()

    shown = stack.cli("flow-run", "inspect", run_id).stdout
    explained = stack.cli("flow-run", "explain", run_id).stdout
    wrong = stack.cli("flow-run", "resume", run_id, "--input", "name=x", "--input", "count=many", expect=2)
    missing = stack.cli("flow-run", "resume", run_id, expect=2)
    unpaired = stack.cli("flow-run", "resume", run_id, "--input", "name", expect=2)
    stack.cli("flow-run", "resume", run_id, "--input", "name=5", "--input", "count=3")
    began = time.monotonic()
    found = ended(stack, run_id)
    took = time.monotonic() - began

    assert paused["state"]["message"] == "Waits for input (name, count) at 'pause-1': Who shall get it?"
    assert paused["pauses"][0]["inputSchema"]["required"] == ["name"]
    assert "pause-1 (Who shall get it?): name (string); count (integer, default 1); since" in shown
    assert f"hint: homeport flow-run resume {run_id} --input name=... --input count=..." in explained
    assert "input.count" in wrong.stderr
    assert "name" in missing.stderr
    assert "--input name=world" in unpaired.stderr
    assert [state["name"] for state in found["states"]] == [
        "Scheduled", "Pending", "Running", "Paused", "Running", "Completed"
    ]  # fmt: skip
    assert stack.witnessed() == ["extract", f"waits {process.pid}", "left", f"'5' gets 30 from {process.pid}"]
    assert len(found["attempts"]) == 1
    assert took < 20
    again = stack.cli("flow-run", "resume", run_id, "--input", "name=x", expect=1)
    assert "it is Completed; its pause 'pause-1' was resumed by" in again.stderr


def test_a_suspended_run_has_no_process_and_another_one_goes_on_without_what_was_done(stack: Stack) -> None:
    run_id = started(stack, "--param", "suspends=true")
    suspended = waiting(stack, run_id, "Suspended")
    eventually(lambda: not stack.run_processes(), what="its process has gone", within=20)

    stack.cli("flow-run", "resume", run_id, "--input-json", '{"name": "x"}')
    found = ended(stack, run_id)

    assert suspended["attempts"][0]["outcome"] in {None, "PAUSED"}
    names = [state["name"] for state in found["states"]]
    assert names == [
        "Scheduled", "Pending", "Running", "Suspended", "Scheduled", "Pending", "Running", "Completed"
    ]  # fmt: skip
    told = stack.witnessed()
    assert told.count("extract") == 1
    [first, second] = [line.split()[1] for line in told if line.startswith("waits")]
    assert first != second
    assert told[-1] == f"'x' gets 10 from {second}"
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["PAUSED", "COMPLETED"]


def test_a_run_that_waits_is_cancelled_at_once_and_its_code_may_clean_up(stack: Stack) -> None:
    run_id = started(stack)
    waiting(stack, run_id)

    began = time.monotonic()
    stack.cli("flow-run", "cancel", run_id)
    found = ended(stack, run_id)

    assert found["state"]["type"] == "CANCELLED"
    assert time.monotonic() - began < 20
    assert stack.witnessed()[-1] == "left"
    eventually(lambda: not stack.run_processes(), what="its process has gone", within=20)


def test_a_waiting_run_whose_process_is_killed_waits_again_in_its_next_attempt(stack: Stack) -> None:
    run_id = started(stack)
    waiting(stack, run_id)
    [process] = stack.run_processes()

    process.kill()
    crashed = ended(stack, run_id)
    stack.cli("flow-run", "retry", run_id)
    again = waiting(stack, run_id)
    stack.cli("flow-run", "resume", run_id, "--input", "name=x")

    assert crashed["state"]["type"] == "CRASHED"
    assert again["attemptNumber"] == 2
    assert ended(stack, run_id)["state"]["type"] == "COMPLETED"
    assert stack.witnessed().count("extract") == 1


def test_a_task_that_asks_for_a_person_and_one_that_only_a_person_may_start_wait_in_an_agents_run(stack: Stack) -> None:
    run_id = started(stack, source=GRAPH, name="careful")
    first = waiting(stack, run_id)
    tasks = task_states(stack, run_id)
    assert tasks == {"check": "Paused"} | ({"publish": "Pending"} if "publish" in tasks else {})
    assert [pause["key"] for pause in first["pauses"]] == ["check"]

    stack.cli("flow-run", "resume", run_id)
    second = eventually(
        lambda: (found := inspected(stack, run_id))["state"]["message"].startswith("Waits to be resumed at 'publish'")
        and found,
        what="the second task waits", within=20, every=0.3,
    )  # fmt: skip
    assert stack.witnessed() == []
    assert second["pauses"][0]["outcome"] == "RESUMED"
    stack.cli("flow-run", "resume", run_id, "--key", "publish")

    assert ended(stack, run_id)["state"]["type"] == "COMPLETED"
    assert stack.witnessed() == ["published"]


def test_whoever_watches_is_told_what_it_waits_for_and_the_command(stack: Stack) -> None:
    run_id = started(stack)
    waiting(stack, run_id)

    watched = stack.cli("flow-run", "watch", run_id, "--timeout", "1", expect=6)

    assert "Paused - Waits for input (name, count) at 'pause-1'" in watched.stdout
    assert f"hint: homeport flow-run resume {run_id} --input name=... --input count=..." in watched.stderr
    stack.cli("flow-run", "cancel", run_id)


def test_a_control_plane_that_was_away_while_a_run_waited_still_resumes_it(own_stack: Stack) -> None:
    stack = own_stack
    run_id = started(stack)
    waiting(stack, run_id)

    stack.control_plane.kill()
    stack.control_plane.start()
    stack.cli("flow-run", "resume", run_id, "--input", "name=x")

    assert ended(stack, run_id)["state"]["type"] == "COMPLETED"
    assert [line.split()[0] for line in stack.witnessed()] == ["extract", "waits", "left", "'x'"]


SCRIPT = """
    if __name__ == "__main__":
        waits(suspends="suspends" in os.environ)
"""


def test_a_script_whose_runs_are_recorded_waits_and_is_resumed_at_the_control_plane(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    script = stack.write_flow("waits.py", FLOW + SCRIPT)
    stack.cli("create", "project", "Scripts", "--skip-if-exists")
    with (stack.folder / "script.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(script)],
            env=stack.environment(HOMEPORT_RECORD_RUNS="Scripts"),
            cwd=stack.code,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        [run] = eventually(
            lambda: json.loads(
                stack.cli("flow-run", "ls", "-p", "Scripts", "-s", "PAUSED", "--json", expect=None).stdout or "[]"
            ),
            what="the script's run waits", within=40, every=0.3,
        )  # fmt: skip
        stack.cli("flow-run", "resume", run["id"], "--input", "name=x")
        assert process.wait(30) == 0
    finally:
        process.kill()

    assert ended(stack, run["id"])["state"]["type"] == "COMPLETED"
    written = (stack.folder / "script.log").read_text()
    assert "Paused at 'pause-1': Who shall get it?" in written
    assert f"homeport flow-run resume {run['id']} --key pause-1 --input name=... --input count=..." in written


@pytest.mark.parametrize("flow", ["waits", "careful"])
def test_a_run_executed_in_a_terminal_shows_there_the_command_that_resumes_it(stack: Stack, flow: str) -> None:
    registered(stack, FLOW if flow == "waits" else GRAPH, flow)
    terminal = Terminal(stack, "run", "-n", flow, "--project", "Pauses", "--execute")

    terminal.reads("Who shall get it?" if flow == "waits" else "look at it first")
    terminal.reads(" --key " + ("pause-1 --input name=... --input count=..." if flow == "waits" else "check"))
    [command] = re.findall(r"homeport (flow-run resume [^\r\n]*)", terminal.written)
    stack.cli(*shlex.split(command.replace("name=...", "name=x").replace("count=...", "count=2")))

    if flow == "careful":
        terminal.reads(" --key publish")
        stack.cli("flow-run", "resume", shlex.split(command)[2], "--key", "publish")
    terminal.reads("ended Completed")
    assert terminal.process.wait(20) == 0
    assert stack.witnessed()[-1].startswith("'x' gets 20" if flow == "waits" else "published")


def test_a_recorded_run_does_not_suspend_and_says_why(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    script = stack.write_flow("waits.py", FLOW + SCRIPT)
    stack.cli("create", "project", "Scripts", "--skip-if-exists")

    done = subprocess.run(
        [sys.executable, str(script)],
        env=stack.environment(HOMEPORT_RECORD_RUNS="Scripts", suspends="yes"),
        cwd=stack.code,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "no agent may take it, so nobody could go on with it" in done.stderr


def test_a_run_may_resume_another_of_its_project(stack: Stack) -> None:
    run_id = started(stack)
    waiting(stack, run_id)
    stack.write_flow(
        "resumes.py",
        """
        from homeport import flow, resume_flow_run
        from homeport.client import InvalidInputError

        @flow(name="resumes")
        def resumes(run_id: str):
            try:
                resume_flow_run(run_id, {"name": 1})
            except InvalidInputError:
                resume_flow_run(run_id, {"name": "by another"})
        """,
    )
    stack.cli("register", "--project", "Pauses", "-p", "resumes.py", "-q", stack.folder.name)

    other = stack.json("run", "-n", "resumes", "--project", "Pauses", "--param", f"run_id={run_id}")["id"]

    assert ended(stack, other)["state"]["type"] == "COMPLETED"
    found = ended(stack, run_id)
    assert (found["state"]["type"], found["pauses"][0]["endedBy"]) == ("COMPLETED", "run")


GOES_ON = """
    import asyncio
    from homeport import flow, pause_flow_run
    from homeport.exceptions import FlowPauseTimeout

    @flow(name="goes-on", log_prints=True)
    async def goes_on():
        try:
            await pause_flow_run(timeout=1)
        except FlowPauseTimeout as error:
            print("nobody:", error)
        try:
            await asyncio.wait_for(pause_flow_run(timeout=None), 3)
        except TimeoutError:
            print("gave up waiting")
        await asyncio.gather(asyncio.create_task(pause_flow_run(key="a")), pause_flow_run(key="b"))
        return "done"
"""


def test_a_flow_goes_on_when_nobody_comes_or_it_gives_up_itself_or_its_last_pause_is_answered(stack: Stack) -> None:
    run_id = started(stack, source=GOES_ON, name="goes-on")
    both = eventually(
        lambda: len((found := inspected(stack, run_id))["pauses"]) == 4 and found,
        what="it waits at two places", within=40, every=0.3,
    )  # fmt: skip

    several = stack.cli("flow-run", "resume", run_id, expect=2)
    stack.cli("flow-run", "resume", run_id, "--key", "a")
    still = inspected(stack, run_id)["state"]["type"]
    stack.cli("flow-run", "resume", run_id)
    found = ended(stack, run_id)

    assert [one["outcome"] for one in both["pauses"]] == ["TIMED_OUT", "ABANDONED", None, None]
    assert "so it must be said which is meant: " in several.stderr
    assert (still, found["state"]["type"]) == ("PAUSED", "COMPLETED")
    names = [state["name"] for state in found["states"]]
    # That it gave up is told beside its going on: the last pauses may begin before the run is told to be running again.
    assert names[:5] == ["Scheduled", "Pending", "Running", "Paused", "Running"]
    assert (names[-2:], names.count("Paused") in (2, 3)) == (["Running", "Completed"], True)
    lines = stack.cli("flow-run", "logs", run_id).stdout
    assert "nobody: Flow run" in lines
    assert "and nobody resumed it within 1 s" in lines
    assert "gave up waiting" in lines


def started(stack: Stack, *arguments: str, source: str = FLOW, name: str = "waits") -> str:
    """A run of a fresh agent."""
    queue = registered(stack, source, name)
    stack.start_agent("patient", "-q", queue)
    return str(stack.json("run", "-n", name, "--project", "Pauses", *arguments)["id"])


def registered(stack: Stack, source: str, name: str) -> str:
    """The queue of the flow, which is registered."""
    stack.write_flow("pyproject.toml", "")
    stack.write_flow(f"{name}.py", source)
    queue = stack.folder.name
    stack.cli("create", "project", "Pauses", "--skip-if-exists")
    stack.cli("register", "--project", "Pauses", "-p", f"{name}.py", "-q", queue)
    return queue


def waiting(stack: Stack, run_id: str, state: str = "Paused") -> dict[str, Any]:
    return eventually(
        lambda: (found := inspected(stack, run_id))["state"]["name"] == state and found,
        what=f"the run is {state}", within=40, every=0.3,
    )  # fmt: skip


def inspected(stack: Stack, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.json("flow-run", "inspect", run_id)
    return found


def ended(stack: Stack, run_id: str) -> dict[str, Any]:
    return eventually(
        lambda: (found := inspected(stack, run_id))["finishedAt"] and found, what="the run ends", within=40, every=0.3
    )


def task_states(stack: Stack, run_id: str) -> dict[str, str]:
    import httpx

    query = "query($id: ID!) { flowRun(id: $id) { taskRuns(first: 50) { nodes { name state { name } } } } }"
    answer = httpx.post(
        f"{stack.url}/graphql",
        json={"query": query, "variables": {"id": run_id}},
        headers={"Authorization": f"Bearer {stack.control_plane.admin_key}"},
    )
    return {one["name"]: one["state"]["name"] for one in answer.json()["data"]["flowRun"]["taskRuns"]["nodes"]}
