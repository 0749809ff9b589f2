"""The main job, with real processes: register, schedule, claim, fetch, run, report, finish."""

import json

from tests.services.stack import Stack

HELLO = """
    import os
    from homeport import flow, get_run_logger, task
    from lib.words import greeting

    @task
    def greet(name):
        print("printed", name)
        get_run_logger().info("logged %s", name)
        return greeting(name)

    @flow(name="Hello", log_prints=True)
    def hello(name: str = "world", times: int = 1):
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(f"{name} {'HOMEPORT_API_KEY' in os.environ}\\n")
        return [greet(name) for _ in range(times)]
"""


def registered_hello(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow("flows/hello.py", HELLO)
    stack.write_flow("flows/lib/words.py", "def greeting(name):\n    return 'hello ' + name\n")
    stack.cli("create", "project", "Demo", "--skip-if-exists")
    stack.cli("register", "--project", "Demo", "-p", "flows/hello.py", "-q", stack.folder.name)


def test_a_registered_flow_runs_on_an_agent_that_never_saw_the_source_folder(stack: Stack) -> None:
    registered_hello(stack)
    for path in sorted(stack.code.rglob("*.py")):
        path.unlink()
    stack.start_agent("a1", "-q", stack.folder.name)

    done = stack.cli("run", "-n", "Hello", "--project", "Demo", "--param", "name=moon", "--param", "times=3", "--watch")

    assert "Completed" in done.stdout + done.stderr
    assert stack.witnessed() == ["moon False"]


def test_logs_states_and_task_runs_of_a_run_can_be_read_afterwards(stack: Stack) -> None:
    registered_hello(stack)
    stack.start_agent("a1", "-q", stack.folder.name)

    stack.cli("run", "-n", "Hello", "--project", "Demo", "--run-name", "readable", "--param", "times=2", "--watch")

    run = stack.json("flow-run", "inspect", "readable")
    assert [state["type"] for state in run["states"]] == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]
    assert run["agent"]["name"] == "a1"
    logs = stack.cli("flow-run", "logs", "readable").stdout
    assert logs.count("printed world") == 2
    assert logs.count("logged world") == 2


def test_an_unchanged_flow_is_skipped_and_a_changed_one_becomes_a_new_version(stack: Stack) -> None:
    registered_hello(stack)

    again = stack.cli("register", "--project", "Demo", "-p", "flows/hello.py", "-q", stack.folder.name)
    stack.write_flow("flows/lib/words.py", "def greeting(name):\n    return 'good day ' + name\n")
    changed = stack.cli("register", "--project", "Demo", "-p", "flows/hello.py", "-q", stack.folder.name)

    assert "0 registered, 1 skipped" in again.stdout + again.stderr
    assert "Version: " in changed.stdout + changed.stderr
    assert "1 registered" in changed.stdout + changed.stderr


def test_bad_parameters_are_refused_when_the_run_is_created(stack: Stack) -> None:
    registered_hello(stack)

    refused = stack.cli("run", "-n", "Hello", "--project", "Demo", "--param", 'times="many"', expect=2)

    assert "times" in refused.stderr
    assert stack.json("flow-run", "ls", "--flow", "Hello", "--project", "Demo") == [] or "many" not in json.dumps(
        stack.json("flow-run", "ls")
    )


def test_a_failing_flow_ends_failed_with_the_exception_in_its_logs_and_exit_code_one(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow(
        "bad.py",
        """
        from homeport import flow, task

        @task
        def divide(a, b):
            return a / b

        @flow
        def bad():
            return divide(1, 0)
        """,
    )
    stack.cli("create", "project", "Demo", "--skip-if-exists")
    stack.cli("register", "--project", "Demo", "-p", "bad.py", "-q", stack.folder.name)
    stack.start_agent("a1", "-q", stack.folder.name)

    done = stack.cli("run", "-n", "bad", "--project", "Demo", "--run-name", "bad-run", "--watch", expect=1)

    assert "ZeroDivisionError" in done.stdout + done.stderr
    assert stack.json("flow-run", "inspect", "bad-run")["state"]["type"] == "FAILED"
    assert "bad.py" in stack.cli("flow-run", "logs", "bad-run").stdout


def test_execute_runs_here_and_now_without_an_agent(stack: Stack) -> None:
    registered_hello(stack)

    shown = stack.cli(
        "run", "-n", "Hello", "--project", "Demo", "--run-name", "here", "--execute", "--param", "name=desk"
    )

    assert "printed desk" in shown.stderr
    assert stack.witnessed() == ["desk False"]
    assert stack.json("flow-run", "inspect", "here")["state"]["type"] == "COMPLETED"


def test_a_run_that_nobody_takes_is_explained(stack: Stack) -> None:
    registered_hello(stack)

    run = stack.json("run", "-n", "Hello", "--project", "Demo")
    text = stack.cli("run", "explain", run["id"], expect=None).stdout

    assert stack.folder.name in text
    assert "agent" in text


def test_missing_code_ends_the_run_crashed_and_names_storage_digest_and_agent(stack: Stack) -> None:
    registered_hello(stack)
    run = stack.json("run", "-n", "Hello", "--project", "Demo")
    for manifest in (stack.home / "storage").rglob("*.json"):
        manifest.unlink()

    stack.start_agent("forgetful", "-q", stack.folder.name)
    stack.cli("flow-run", "logs", run["id"], "-f", expect=None)

    seen = stack.json("flow-run", "inspect", run["id"])
    assert seen["state"]["type"] == "CRASHED"
    for part in (str(stack.home / "storage"), "sha256:", "forgetful"):
        assert part in seen["state"]["message"]


def test_a_cancelled_run_stops_its_process_and_never_completes(stack: Stack) -> None:
    stack.write_flow("pyproject.toml", "")
    stack.write_flow(
        "slow.py",
        """
        import os, time
        from homeport import flow

        @flow
        def slow():
            with open(os.environ["WITNESS"], "a") as witness:
                witness.write("began\\n")
            time.sleep(120)
        """,
    )
    stack.cli("create", "project", "Demo", "--skip-if-exists")
    stack.cli("register", "--project", "Demo", "-p", "slow.py", "-q", stack.folder.name)
    stack.start_agent("a1", "-q", stack.folder.name)
    run = stack.json("run", "-n", "slow", "--project", "Demo")
    from tests.services.waiting import eventually

    eventually(stack.witnessed, what="the run begins")
    stack.cli("flow-run", "cancel", run["id"])

    eventually(
        lambda: stack.json("flow-run", "inspect", run["id"])["state"]["type"] == "CANCELLED",
        what="the run is cancelled",
    )
    eventually(lambda: not stack.run_processes(), what="the process group is dead")


def test_a_home_folder_below_the_root_never_travels_with_the_code(stack: Stack) -> None:
    registered_hello(stack)
    home = stack.code / "home"
    stack.home.rename(home)
    inside = {"HOMEPORT_HOME": str(home)}

    arguments = ["register", "--project", "Demo", "-p", "flows/hello.py", "-q", stack.folder.name]
    stack.cli(*arguments, **inside)
    again = stack.cli(*arguments, **inside)

    assert "0 registered, 1 skipped" in again.stdout + again.stderr
    stored = "".join(path.read_text() for path in (home / "storage").rglob("*.json"))
    assert "hello.py" in stored
    assert "keys.json" not in stored
    assert "config.toml" not in stored
