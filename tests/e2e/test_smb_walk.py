"""The walk that people take: code goes from the controller to an SMB share, and agents on other machines run it.

Each machine is a home folder and a folder of its own; the flow's file exists on the controller's only. The share is a
real Samba, and so are the server and both agents.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.api import Api
from tests.services.samba import Samba
from tests.services.stack import Stack
from tests.services.waiting import eventually

DEMO = """
    import os
    import time
    from pathlib import Path

    from homeport import flow, get_run_logger
    from greetings import greeting

    @flow
    def hello_world(name: str = "world"):
        get_run_logger().info(greeting(name))
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(f"{name} {Path(__file__).resolve()}\\n")
        gate = os.environ.get("GATE")
        while gate and not Path(gate).exists():
            time.sleep(0.05)
"""
GREETINGS = """
    def greeting(name):
        return f"Hello {name}, from the share"
"""
NAMES = ["cli0", "cli1", "api0", "api1"]


@pytest.fixture
def controller(own_stack: Stack, samba: Samba, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setenv("SMB_PASSWORD", samba.password)
    own_stack.write_flow("demo.py", DEMO)
    own_stack.write_flow("greetings.py", GREETINGS)
    return own_stack


@pytest.fixture
def machines(
    controller: Stack, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Stack]]:
    """Two machines that have nothing of the controller's but the address of the control plane and the password."""
    gate = tmp_path_factory.mktemp("gate") / "open"
    monkeypatch.setenv("GATE", str(gate))
    made = [Stack(tmp_path_factory.mktemp(name), controller.control_plane) for name in ("one", "two")]
    yield made
    gate.touch()
    for machine in made:
        machine.close()


def make_block(controller: Stack, samba: Samba, name: str, path: str) -> None:
    fields = ["host=127.0.0.1", f"port={samba.port}", "share=data", f"path={path}", f"username={samba.user}"]
    given = [part for field in fields for part in ("--field", field)]
    controller.cli("block", "create", name, *given, "--secret", "password=env:SMB_PASSWORD")


def on_the_share(samba: Samba, folder: str) -> bytes:
    """Everything that a folder of the share holds, one file after the other."""
    files = sorted(file for file in (samba.share() / folder).rglob("*") if file.is_file())
    return b"".join(file.read_bytes() for file in files)


def test_code_on_a_share_is_run_by_agents_that_never_had_the_file(
    controller: Stack, machines: list[Stack], samba: Samba
) -> None:
    folder = f"walk-{time.time_ns()}"
    make_block(controller, samba, "smb/test", folder)
    before = on_the_share(samba, folder)

    built = controller.cli(
        "deployment", "build", "demo.py:hello_world", "--name", "demo_smb", "-q", "demo", "-sb", "smb/test"
    )
    after = on_the_share(samba, folder)
    applied = controller.cli("deployment", "apply", "hello_world-deployment.yaml")
    again = controller.cli("deployment", "apply", "hello_world-deployment.yaml")

    assert before == b""
    assert b"from the share" in after
    assert "hello_world-deployment.yaml" in built.stdout
    assert "hello-world/demo_smb... Done" in applied.stdout
    assert "Skipped (unchanged)" in again.stdout
    text = (controller.code / "hello_world-deployment.yaml").read_text()
    assert "storage: smb/test" in text
    assert samba.password not in text

    for number, machine in enumerate(machines):
        machine.start_agent(f"smb-{number}", "-q", "demo", "--limit", "2")
    made = [
        controller.cli("deployment", "run", "hello-world/demo_smb", "--param", f"name={name}", "-q").stdout.strip()
        for name in NAMES[:2]
    ]
    api = Api(controller.url, controller.control_plane.admin_key)
    made += [_by_graphql(api, name) for name in NAMES[2:]]
    # With two places each, four runs that wait for each other need both machines.
    eventually(lambda: len(witnessed(machines)) == len(NAMES), what="all of them run at once", within=60)
    Path(_gate(machines)).touch()

    states = [_ended(controller, run) for run in made]
    assert states == ["COMPLETED"] * len(NAMES)
    said = [line.split() for line in witnessed(machines)]
    assert sorted(name for name, _ in said) == sorted(NAMES)
    assert [len(machine.witnessed()) for machine in machines] == [2, 2]
    assert all(Path(file).is_relative_to(_home_of(machines, name)) for name, file in said)
    assert "Hello cli0, from the share" in controller.cli("logs", made[0]).stdout


def test_a_folder_in_the_storage_keeps_the_code_of_one_deployment_apart(controller: Stack, samba: Samba) -> None:
    folder = f"apart-{time.time_ns()}"
    make_block(controller, samba, "smb/test", folder)

    controller.cli(
        "deployment", "build", "demo.py:hello_world", "-n", "x", "-q", "demo", "-sb", "smb/test/team/a", "-a"
    )
    controller.start_agent("apart", "-q", "demo")
    ended = controller.cli("deployment", "run", "hello-world/x", "--watch", within=90)

    assert b"from the share" in on_the_share(samba, f"{folder}/team/a")
    assert {path.name for path in (samba.share() / folder).iterdir()} == {"team"}
    assert "from the share" in ended.stdout + ended.stderr


def test_a_share_that_goes_away_leaves_nothing_registered_and_the_next_try_goes_on(
    controller: Stack, samba: Samba
) -> None:
    folder = f"away-{time.time_ns()}"
    make_block(controller, samba, "smb/test", folder)
    controller.cli(
        "deployment", "build", "demo.py:hello_world", "-n", "x", "-q", "demo", "-sb", "smb/test", "--skip-upload"
    )

    samba.kill()
    try:
        failed = controller.cli("deployment", "apply", ".", expect=1, within=120)
    finally:
        samba.start()
    listed = controller.json("deployment", "ls")
    done = controller.cli("deployment", "apply", ".")

    assert "smb/test" in failed.stderr
    assert "Nothing was registered" in failed.stderr
    assert listed == []
    assert "hello-world/x... Done" in done.stdout


def witnessed(machines: list[Stack]) -> list[str]:
    return [line for machine in machines for line in machine.witnessed()]


def _home_of(machines: list[Stack], name: str) -> Path:
    return next(m.folder for m in machines if any(line.startswith(f"{name} ") for line in m.witnessed()))


def _gate(machines: list[Stack]) -> str:
    return machines[0].environment()["GATE"]


def _ended(controller: Stack, run: str) -> str:
    def state() -> str:
        return str(controller.json("flow-run", "inspect", run)["state"]["type"])

    eventually(lambda: state() in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"), what=f"{run} ends", within=60)
    return state()


def _by_graphql(api: Api, name: str) -> str:
    query = """mutation ($input: CreateFlowRunInput!) { createFlowRun(input: $input) {
        __typename ... on FlowRunCreated { flowRun { id } } ... on Error { message } } }"""
    wanted = {"project": "default", "flow": "hello-world", "deployment": "demo_smb", "parameters": {"name": name}}
    return str(api.ask(query, input=wanted).data["createFlowRun"]["flowRun"]["id"])
