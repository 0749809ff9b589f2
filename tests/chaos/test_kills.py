"""kill -9 of each part in the middle of a run, with the outcome that the protocol promises."""

import os
import signal

import pytest

from tests.chaos.gated_flow import GatedRun, register_gated
from tests.services.stack import Stack
from tests.services.waiting import eventually

pytestmark = pytest.mark.chaos


def test_a_run_outlives_its_killed_agent_and_the_restarted_agent_runs_nothing_twice(own_stack: Stack) -> None:
    register_gated(own_stack)
    agent = own_stack.start_agent("a1")
    run = GatedRun(own_stack)
    run.reach_the_gate()

    agent.kill()
    own_stack.start_agent("a1")
    run.open_gate()

    run.ends("COMPLETED")
    assert own_stack.witnessed() == ["start run", "half run", "end run"]
    assert run.lines() == list(range(20))


def test_a_killed_run_process_is_crashed_with_its_signal_within_seconds(own_stack: Stack) -> None:
    register_gated(own_stack)
    own_stack.start_agent("a1")
    run = GatedRun(own_stack)
    run.reach_the_gate()

    for process in own_stack.run_processes():
        process.kill()

    seen = run.ends("CRASHED", within=15)
    assert "9" in seen["state"]["message"]
    assert "a1" in seen["state"]["message"]


def test_a_killed_control_plane_comes_back_and_the_run_loses_neither_state_nor_line(own_stack: Stack) -> None:
    register_gated(own_stack)
    own_stack.start_agent("a1")
    run = GatedRun(own_stack)
    run.reach_the_gate()

    own_stack.control_plane.kill()
    run.open_gate()
    eventually(lambda: "end run" in own_stack.witnessed(), what="the run goes on without its control plane")
    own_stack.control_plane.start()

    seen = run.ends("COMPLETED")
    assert run.lines() == list(range(20))
    assert [state["type"] for state in seen["states"]] == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]


def test_a_killed_postgresql_comes_back_by_itself_and_nothing_is_lost(own_stack: Stack) -> None:
    register_gated(own_stack)
    own_stack.start_agent("a1")
    run = GatedRun(own_stack)
    run.reach_the_gate()
    postgres = own_stack.control_plane.postgres_pid()
    assert postgres

    os.kill(postgres, signal.SIGKILL)
    run.open_gate()

    run.ends("COMPLETED")
    assert own_stack.control_plane.postgres_pid() not in (None, postgres)
    assert run.lines() == list(range(20))
    assert own_stack.witnessed() == ["start run", "half run", "end run"]


def test_an_agent_and_its_run_killed_together_are_noticed_when_the_agent_returns(own_stack: Stack) -> None:
    register_gated(own_stack)
    agent = own_stack.start_agent("a1")
    run = GatedRun(own_stack)
    run.reach_the_gate()

    agent.kill()
    for process in own_stack.run_processes():
        process.kill()
    own_stack.start_agent("a1")

    run.ends("CRASHED", within=30)
    assert own_stack.witnessed() == ["start run", "half run"]
    assert run.lines() == list(range(10))


def test_an_agent_drains_on_sigterm_and_waits_for_its_run(own_stack: Stack) -> None:
    register_gated(own_stack)
    agent = own_stack.start_agent("a1")
    run = GatedRun(own_stack)
    run.reach_the_gate()
    later = GatedRun(own_stack, "later")
    later.reach_the_gate()

    agent.process.send_signal(signal.SIGTERM)
    waiting = GatedRun(own_stack, "waiting")
    run.open_gate()
    later.open_gate()

    assert agent.process.wait(30) == 0
    run.ends("COMPLETED")
    later.ends("COMPLETED")
    assert waiting.seen()["state"]["type"] == "SCHEDULED"
