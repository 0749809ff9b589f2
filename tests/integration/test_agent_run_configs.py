"""What a flow's run config asks for is done by a local agent, or refused in words: with real agents and processes."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_agent_runs import ended, run
from tests.services.stack import Stack


def registered(stack: Stack, run_config: str) -> str:
    """Register a flow with this run config; the queue that it alone uses."""
    stack.write_flow("pyproject.toml", "")
    stack.write_flow(
        "probe.py",
        f"""
        import os
        from homeport import flow
        from homeport.run_configs import DockerRun, ECSRun, KubernetesRun, LocalRun, UniversalRun

        @flow(name="probe", run_config={run_config})
        def probe():
            with open(os.environ["WITNESS"], "a") as witness:
                witness.write(f"{{os.getcwd()}}\\n{{os.environ.get('COLOUR')}}\\n")
        """,
    )
    queue = stack.folder.name
    stack.cli("create", "project", "Probes", "--skip-if-exists")
    stack.cli("register", "--project", "Probes", "-p", "probe.py", "-q", queue)
    return queue


def state_after(stack: Stack, run_config: str) -> dict[str, Any]:
    """The state in which a run ends that only a local agent of its queue can take."""
    queue = registered(stack, run_config)
    stack.start_agent("a1", "-q", queue)
    state: dict[str, Any] = ended(stack, run(stack))["state"]
    return state


@pytest.mark.parametrize(
    ("run_config", "asked"),
    [
        ('DockerRun(image="python:3.12")', "DockerRun (run config kind 'docker')"),
        ('KubernetesRun(image="python:3.12", cpu_limit=2)', "KubernetesRun (run config kind 'kubernetes')"),
        ("ECSRun(cpu=256)", "ECSRun (run config kind 'ecs')"),
    ],
)
def test_a_local_agent_refuses_a_flow_that_asks_for_other_infrastructure(
    stack: Stack, run_config: str, asked: str
) -> None:
    state = state_after(stack, run_config)

    assert state["type"] == "CRASHED"
    for part in (asked, "'a1' is of kind 'local'", "LocalRun() or UniversalRun()", "work queue or the labels"):
        assert part in state["message"]
    assert stack.witnessed() == []


def test_a_flow_runs_in_the_folder_and_with_the_environment_of_its_local_run(stack: Stack, tmp_path: Path) -> None:
    state = state_after(stack, f'LocalRun(working_dir={str(tmp_path)!r}, env={{"COLOUR": "green"}})')

    assert state["type"] == "COMPLETED"
    assert stack.witnessed() == [str(tmp_path), "green"]


def test_a_flow_with_a_universal_run_has_its_environment_on_any_agent(stack: Stack) -> None:
    state = state_after(stack, 'UniversalRun(env={"COLOUR": "green"})')

    assert state["type"] == "COMPLETED"
    assert stack.witnessed()[1] == "green"


def test_a_working_folder_that_the_agent_does_not_have_is_named(stack: Stack, tmp_path: Path) -> None:
    state = state_after(stack, f"LocalRun(working_dir={str(tmp_path / 'nowhere')!r})")

    assert state["type"] == "CRASHED"
    for part in (str(tmp_path / "nowhere"), "working_dir", "'a1'"):
        assert part in state["message"]
    assert stack.witnessed() == []
