"""`flow-run resume` and `flow-run retry`, and whom the commands mean by a word: what they print, and how they end."""

import pytest

from tests.integration.test_cli_commands import register
from tests.services.stack import Stack

FAILS_ONCE = """
    from homeport import context, flow

    @flow(name="shaky")
    def shaky():
        if context.attempt_number == 1:
            raise ValueError("not today")
"""


def test_a_failed_run_is_retried_by_name_and_completes_as_its_next_attempt(stack: Stack) -> None:
    queue = f"shaky-{stack.folder.name}"
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("shaky.py", FAILS_ONCE)
    stack.cli("create", "project", "Shaky", "--skip-if-exists")
    stack.cli("register", "--project", "Shaky", "-p", "shaky.py", "-q", queue)
    stack.start_agent(f"agent-{stack.folder.name}", "-q", queue)
    stack.cli("run", "shaky", "--project", "Shaky", "--run-name", "shaky-1", "--watch", expect=1)

    retried = stack.json("flow-run", "retry", "shaky-1")
    watched = stack.cli("flow-run", "watch", "shaky-1", "--timeout", "60")

    assert (retried["state"]["name"], retried["attemptNumber"]) == ("AwaitingRetry", 1)
    assert retried["state"]["message"].startswith("Retried by ")
    assert "Completed" in watched.stdout
    seen = stack.json("flow-run", "inspect", "shaky-1")
    assert [attempt["outcome"] for attempt in seen["attempts"]] == ["FAILED", "COMPLETED"]


@pytest.mark.parametrize("verb", ["resume", "retry"])
def test_a_run_that_waits_is_not_sent_on_and_the_error_says_what_it_is(stack: Stack, verb: str) -> None:
    register(stack, "waits", "Sending")
    run = stack.json("run", "waits", "--project", "Sending")

    done = stack.cli("flow-run", verb, run["id"], expect=1)

    assert "it is Scheduled since" in done.stderr
    assert f"hint: homeport flow-run explain {run['id']}" in done.stderr
    stack.cli("flow-run", verb, "no-such-run", expect=3)


@pytest.mark.parametrize("verb", ["cancel", "resume", "retry"])
def test_a_name_of_runs_in_several_projects_changes_none_and_lists_each_with_its_id(stack: Stack, verb: str) -> None:
    name = f"twin-{stack.folder.name}"
    runs = []
    for project in ("East", "West"):
        register(stack, "same", project)
        runs.append(stack.json("run", "same", "--project", project, "--run-name", name))
    alone = stack.json("run", "same", "--project", "East")

    words = [alone["id"], name] if verb == "cancel" else [name]
    done = stack.cli("flow-run", verb, *words, expect=3)

    lines = done.stderr.splitlines()
    for run in runs:
        assert f"  {run['id']}  {name}  Scheduled  of {run['project']['name']}/same" in lines
    assert all(stack.json("flow-run", "inspect", run["id"])["state"]["type"] == "SCHEDULED" for run in [*runs, alone])
