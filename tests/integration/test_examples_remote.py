"""The examples that need a control plane, run against a real one: registered, and taken by an agent."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import reachable
from tests.services.control_plane import ControlPlane
from tests.services.stack import Stack

EXAMPLES = Path(__file__).parents[2] / "examples" / "remote"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = reachable(tmp_path_factory.mktemp("remote"))
    server = ControlPlane(folder / "data")
    server.start()
    stack = Stack(folder, server)
    try:
        stack.cli("create", "project", "Remote")
        stack.cli("register", "--project", "Remote", "-p", str(EXAMPLES), "--no-schedule")
        stack.start_agent("remote", "-q", "default", "--limit", "4")
        yield stack
    finally:
        stack.close()
        server.stop()


def ran(stack: Stack, flow: str, *more: str) -> tuple[dict[str, Any], str]:
    """A run of the flow to its end on the agent; how it stands, and its log."""
    name = f"of-{flow}-{len(more)}"
    stack.cli("run", flow, "--project", "Remote", "--run-name", name, *more, "--watch", "--timeout", "60")
    # By its name: a schedule may have made a younger one meanwhile, for tomorrow.
    id = stack.json("flow-run", "ls", "--flow", flow, "--name", name)[0]["id"]
    return stack.json("flow-run", "inspect", id), stack.cli("logs", id).stdout


def test_a_schedule_is_registered_and_says_when_it_would_be_due(stack: Stack) -> None:
    paused = stack.json("describe", "deployment", "nightly", "--project", "Remote")
    stack.cli("register", "--project", "Remote", "-p", str(EXAMPLES / "nightly.py"))
    active = stack.json("describe", "deployment", "nightly", "--project", "Remote")

    assert (paused["scheduleActive"], paused["upcoming"]) == (False, [])
    assert active["scheduleActive"]
    assert len(active["upcoming"]) == 3
    assert [clock["type"] for clock in active["schedule"]["clocks"]] == ["cron", "cron"]


def test_a_flow_goes_on_where_its_last_run_stopped(stack: Stack) -> None:
    stack.cli("kv", "set", "examples/counter", "10")

    _, log = ran(stack, "counter")

    assert "rows 11 to 13" in log
    assert stack.cli("kv", "get", "examples/counter").stdout.strip() == "13"


def test_what_a_run_shows_is_found_by_run_and_by_key(stack: Stack) -> None:
    run, _ = ran(stack, "published")

    shown = stack.json("artifact", "ls", "--run", run["id"])
    table = stack.json("artifact", "inspect", "sold")
    assert {one["kind"] for one in shown} == {"LINK", "MARKDOWN", "TABLE"}
    assert table["data"] == {"table": [{"shop": "north", "sold": 3}, {"shop": "south", "sold": 4}]}
    assert table["taskRunId"]


def program(stack: Stack, name: str, *arguments: str) -> str:
    """What a program says that a user starts by hand, with their key."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        env=stack.environment(HOMEPORT_PROJECT="Remote"),
        cwd=stack.code,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_with_the_client_of_1x_starts_a_run_and_sees_how_it_ended(stack: Stack) -> None:
    flow_id = stack.json("describe", "flows", "squares", "--project", "Remote")["id"]

    said = program(stack, "from_a_program.py", flow_id)

    assert said.strip() == "from a program Completed True"


def test_a_file_applies_the_deployment_of_its_own_flow_and_an_agent_runs_it(stack: Stack) -> None:
    identity = program(stack, "deployed_by_itself.py").strip()

    _, log = ran(stack, "greeting", "--deployment", "every morning")

    made = stack.json("deployment", "inspect", "greeting/every morning")
    assert (made["id"], made["tags"], made["scheduleActive"]) == (identity, ["demo"], True)
    assert "hello Marvin" in log


def test_the_client_of_1x_makes_projects_cancels_runs_and_refuses_queries_of_another_api(stack: Stack) -> None:
    stack.write_flow("asks.py", f"""
        from homeport import Client

        client = Client()
        made = client.create_project("By a program")
        assert client.create_project("By a program") == made
        run = client.create_flow_run(deployment_id={stack.json("deployment", "inspect", "squares/default")["id"]!r},
                                     labels=["nobody has this"])
        print(client.get_flow_run_info(run).flow_name, client.get_flow_run_state(run).name)
        client.cancel_flow_run(run)
        print(client.get_flow_run_state(run).name, client.delete_project("By a program"))
        for wrong in (lambda: client.create_flow_run(), lambda: client.graphql("{{ flow {{ id }} }}")):
            try:
                wrong()
            except (TypeError, NotImplementedError) as error:
                print(error)
    """)  # fmt: skip

    done = subprocess.run(
        [sys.executable, "asks.py"], env=stack.environment(), cwd=stack.code, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    first, second, *refused = done.stdout.splitlines()
    assert (first, second) == ("squares Scheduled", "Cancelled True")
    assert "flow_id=" in refused[0]
    assert "docs/reference/graphql.md" in refused[1]


@pytest.mark.parametrize(
    ("parent", "said"), [("parent-graph", "the squares are [0, 1, 4, 9]"), ("parent-function", "ended Completed")]
)
def test_a_flow_starts_another_as_its_child_once_and_reads_how_it_ended(stack: Stack, parent: str, said: str) -> None:
    run, log = ran(stack, parent)

    assert said in log
    children = [
        child
        for one in stack.json("flow-run", "ls", "--flow", "squares")
        if (child := stack.json("flow-run", "inspect", one["id"]))["parentFlowRunId"] == run["id"]
    ]
    assert [child["state"]["name"] for child in children] == ["Completed"]
    assert (children[0]["parentTaskRunId"] is None) == (parent == "parent-function")


def test_a_flow_of_another_project_is_not_started_by_a_run(stack: Stack) -> None:
    stack.cli("create", "project", "Elsewhere")
    source = stack.write_flow("elsewhere.py", "from homeport import flow\n\n\n@flow\ndef elsewhere():\n    return 1\n")
    stack.cli("register", "--project", "Elsewhere", "-p", str(source))
    parent = stack.write_flow(
        "outside.py",
        """
        from homeport import flow
        from homeport.tasks.homeport import create_flow_run

        @flow
        def outside():
            create_flow_run(flow_name="elsewhere", project_name="Elsewhere")
        """,
    )
    stack.cli("register", "--project", "Remote", "-p", str(parent))

    stack.cli("run", "outside", "--project", "Remote", "--watch", "--timeout", "60", expect=1)

    log = stack.cli("logs", stack.json("flow-run", "ls", "--flow", "outside")[0]["id"]).stdout
    assert "a run starts flows of its own project only" in log


def test_a_retried_parent_finds_the_child_that_it_started_before(stack: Stack) -> None:
    source = stack.write_flow(
        "retried.py",
        """
        import homeport
        from homeport import flow
        from homeport.tasks.homeport import create_flow_run, wait_for_flow_run

        @flow(log_prints=True)
        def retried():
            child = wait_for_flow_run(create_flow_run(flow_name="squares"))
            if homeport.context.attempt_number == 1:
                raise RuntimeError("once")
            print("its child is", child.id)
        """,
    )
    stack.cli("register", "--project", "Remote", "-p", str(source))
    stack.cli("run", "retried", "--project", "Remote", "--watch", "--timeout", "60", expect=1)
    id = stack.json("flow-run", "ls", "--flow", "retried")[0]["id"]

    stack.cli("flow-run", "retry", id)
    stack.cli("flow-run", "watch", id, "--timeout", "60")

    squares = [
        stack.json("flow-run", "inspect", run["id"]) for run in stack.json("flow-run", "ls", "--flow", "squares")
    ]
    [child] = [run for run in squares if run["parentFlowRunId"] == id]
    assert f"its child is {child['id']}" in stack.cli("logs", id).stdout
