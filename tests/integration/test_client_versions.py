"""A homeport and a control plane of different versions: the error says so, and what to upgrade."""

import json

import pytest

import homeport
from homeport.client import VersionMismatch
from homeport.client.messages import decode_response
from tests.services.api import Api
from tests.services.fake_control_plane import FakeControlPlane
from tests.services.stack import Stack


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("query viewer { viewer { kind dream } }", {}),
        ("query dreams { dreams { kind } }", {}),
        ("query flows($filter: FlowFilter) { flows(filter: $filter) { nodes { id } } }", {"filter": {"dream": 1}}),
    ],
)
def test_what_the_control_plane_does_not_know_is_a_matter_of_versions(
    stack: Stack, document: str, variables: dict[str, object]
) -> None:
    answer = Api(stack.url, stack.control_plane.admin_key).ask(document, **variables)

    with pytest.raises(VersionMismatch) as caught:
        decode_response("viewer", answer.status, answer.headers, json.dumps(answer.body).encode())

    assert caught.value.message.count(f"version {homeport.__version__})") == 2
    assert "dream" not in caught.value.message


@pytest.mark.parametrize("operation", ["registerAgent", "claimFlowRuns"])
def test_an_agent_of_another_version_than_its_control_plane_ends_and_says_what_to_upgrade(
    stack: Stack, operation: str
) -> None:
    with FakeControlPlane(misunderstood={operation}) as older:
        agent = stack.start_agent("newer", "-q", "q", url=older.url, wait=False)

        assert agent.process.wait(15) == 2

    told = agent.log.read_text()
    assert f"This homeport (version {homeport.__version__}) and the control plane (version 0.0.9)" in told
    assert "Upgrade the control plane, which is the older one" in told
    assert "Cannot query" not in told
    assert "Traceback" not in told


def test_a_command_says_which_of_the_two_is_older(stack: Stack) -> None:
    with FakeControlPlane(misunderstood={"viewer"}) as older:
        done = stack.cli("doctor", expect=1, HOMEPORT_API_URL=older.url)

    assert "do not understand each other" in done.stdout
    assert "hint: Upgrade the control plane" in done.stdout
