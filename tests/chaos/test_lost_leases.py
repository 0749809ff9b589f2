"""A machine is lost: nobody reports any more, the lease runs out, and the flow's `on_lost` decides."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.gated_flow import GatedRun, register_gated
from tests.conftest import reachable
from tests.services.control_plane import ControlPlane
from tests.services.stack import Stack
from tests.services.waiting import eventually

pytestmark = pytest.mark.chaos


@pytest.fixture
def quick_stack(tmp_path: Path) -> Iterator[Stack]:
    """A control plane whose leases are seconds, so that losing one takes no minute."""
    quick = {"STARTED_LEASE": "3", "CLAIMED_LEASE": "3", "HEARTBEAT": "0.5"}
    quick |= {"RESCUE_EVERY": "0.5", "AGENT_OFFLINE": "3"}
    server = ControlPlane(
        reachable(tmp_path) / "data", environment={f"HOMEPORT_SERVER_{name}": value for name, value in quick.items()}
    )
    server.start()
    world = Stack(tmp_path, server)
    yield world
    world.close()
    server.stop()


def lose_the_machine(stack: Stack) -> None:
    """SIGKILL to the agents first, so that none can report the death of its run."""
    for agent in stack.agents:
        if agent.process.poll() is None:
            agent.kill()
    for process in stack.run_processes():
        process.kill()


def test_a_lost_run_crashes_by_default_and_the_message_says_who_went_silent(quick_stack: Stack) -> None:
    register_gated(quick_stack)
    quick_stack.start_agent("a1")
    run = GatedRun(quick_stack)
    run.reach_the_gate()

    lose_the_machine(quick_stack)

    seen = run.ends("CRASHED", within=30)
    assert "a1" in seen["state"]["message"]


def test_with_retry_another_agent_runs_a_new_attempt(quick_stack: Stack) -> None:
    register_gated(quick_stack, options='on_lost="retry"')
    quick_stack.start_agent("a1")
    run = GatedRun(quick_stack)
    run.reach_the_gate()

    lose_the_machine(quick_stack)
    quick_stack.start_agent("a2")
    run.open_gate()

    seen = run.ends("COMPLETED", within=60)
    assert [attempt["superseded"] for attempt in sorted(seen["attempts"], key=lambda a: a["number"])] == [True, False]
    assert quick_stack.witnessed() == ["start run", "half run", "start run", "half run", "end run"]


def test_with_hold_the_run_waits_for_a_person_who_may_cancel_it(quick_stack: Stack) -> None:
    register_gated(quick_stack, options='on_lost="hold"')
    quick_stack.start_agent("a1")
    run = GatedRun(quick_stack)
    run.reach_the_gate()

    lose_the_machine(quick_stack)

    eventually(lambda: (run.seen() or {"state": {}})["state"].get("name") == "Held", what="the run is held", every=0.3)
    quick_stack.cli("flow-run", "cancel", run.id)
    run.ends("CANCELLED")


def test_a_held_run_that_a_person_resumes_completes_on_another_agent(quick_stack: Stack) -> None:
    register_gated(quick_stack, options='on_lost="hold"')
    quick_stack.start_agent("a1")
    run = GatedRun(quick_stack)
    run.reach_the_gate()
    lose_the_machine(quick_stack)
    eventually(lambda: (run.seen() or {"state": {}})["state"].get("name") == "Held", what="the run is held", every=0.3)
    run.open_gate()
    quick_stack.start_agent("a2")

    hint = next(check["mend"] for check in quick_stack.json("flow-run", "explain", run.id)["checks"])
    resumed = quick_stack.json("flow-run", "resume", run.name)

    assert hint.startswith(f"homeport flow-run resume {run.id}")
    assert resumed["state"]["message"].startswith("Resumed by")
    seen = run.ends("COMPLETED", within=60)
    assert (seen["attemptNumber"], seen["agent"]["name"]) == (2, "a2")
    assert quick_stack.witnessed() == ["start run", "half run", "start run", "half run", "end run"]


def test_a_process_that_slept_through_its_lease_is_fenced_and_changes_nothing(quick_stack: Stack) -> None:
    register_gated(quick_stack, options='on_lost="retry"')
    quick_stack.start_agent("a1")
    run = GatedRun(quick_stack)
    run.reach_the_gate()
    sleepers = quick_stack.run_processes()
    quick_stack.agents[0].kill()
    for process in sleepers:
        process.send_signal(signal.SIGSTOP)

    quick_stack.start_agent("a2")
    eventually(lambda: quick_stack.witnessed().count("half run") == 2, what="a second attempt begins", within=60)
    for process in sleepers:
        process.send_signal(signal.SIGCONT)

    eventually(lambda: not any(p.is_running() for p in sleepers), what="the superseded process ends by itself")
    assert run.seen()["state"]["type"] == "RUNNING"
    run.open_gate()
    seen = run.ends("COMPLETED")
    assert seen["attemptNumber"] == 2
    assert quick_stack.witnessed().count("end run") == 1


def test_an_outage_longer_than_a_lease_ends_no_run(quick_stack: Stack) -> None:
    register_gated(quick_stack)
    quick_stack.start_agent("a1")
    run = GatedRun(quick_stack)
    run.reach_the_gate()
    quick_stack.control_plane.kill()
    killed = time.monotonic()
    run.open_gate()

    eventually(lambda: "end run" in quick_stack.witnessed(), what="the run ends without its control plane")
    eventually(lambda: time.monotonic() > killed + 5, what="the lease has run out")
    quick_stack.control_plane.start()

    run.ends("COMPLETED")
    assert run.lines() == list(range(20))
