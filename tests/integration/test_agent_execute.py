"""`run --execute`: a run in the user's own terminal, reported like any other, and cancelled from both sides."""

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.services.stack import PROGRAM, Stack
from tests.services.waiting import eventually

SLOW = """
    import os, time
    from homeport import flow, get_run_logger

    @flow
    def slow():
        get_run_logger().info("under way")
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write("began\\n")
        try:
            time.sleep(300)
        finally:
            with open(os.environ["WITNESS"], "a") as witness:
                witness.write("cleaned up\\n")
"""


def executing(stack: Stack) -> tuple[subprocess.Popen[bytes], str]:
    """A run that executes in a terminal of its own, under way; and its id."""
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("slow.py", SLOW)
    stack.cli("create", "project", "Here", "--skip-if-exists")
    stack.cli("register", "--project", "Here", "-p", "slow.py", "-q", stack.folder.name)
    name = f"run-{stack.folder.name}"
    process = subprocess.Popen(
        [PROGRAM, "run", "-n", "slow", "--project", "Here", "--run-name", name, "--execute"],
        env=stack.environment(),
        cwd=stack.code,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    eventually(lambda: stack.witnessed() or process.poll() is not None, what="the run is under way")
    return process, seen(stack, name)["id"]


def seen(stack: Stack, ref: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.cli("flow-run", "inspect", ref, "--json").stdout)
    return found


@pytest.mark.parametrize("way", ["a cancel of the run", "Ctrl-C"])
def test_a_run_executed_here_is_cancelled_and_cleans_up(stack: Stack, way: str) -> None:
    process, run_id = executing(stack)

    if way == "Ctrl-C":
        process.send_signal(signal.SIGINT)
    else:
        stack.cli("flow-run", "cancel", run_id)

    assert process.wait(40) != 0
    assert seen(stack, run_id)["state"]["type"] == "CANCELLED"
    assert stack.witnessed() == ["began", "cleaned up"]
    assert "under way" in stack.cli("flow-run", "logs", run_id).stdout


def test_nobody_else_can_take_a_run_that_is_executed_here(stack: Stack) -> None:
    process, run_id = executing(stack)
    stack.start_agent("a1", "-q", stack.folder.name)

    run = seen(stack, run_id)

    assert run["attemptNumber"] == 1
    assert run["agent"] is None
    process.send_signal(signal.SIGINT)
    process.wait(40)
