"""A reply lost after the commit: the asker asks again, and nothing happens twice."""

from collections.abc import Iterator

import pytest

from tests.chaos.gated_flow import GatedRun, register_gated
from tests.services.fault_proxy import FaultProxy
from tests.services.stack import Stack
from tests.services.waiting import eventually

pytestmark = pytest.mark.chaos


@pytest.fixture
def proxy(own_stack: Stack) -> Iterator[FaultProxy]:
    with FaultProxy(own_stack.control_plane.url) as running:
        yield running


@pytest.mark.parametrize("operation", ["registerAgent", "startAttempt", "reportEvents", "finishAttempt"])
def test_a_lost_reply_to_an_agent_or_run_changes_nothing(own_stack: Stack, proxy: FaultProxy, operation: str) -> None:
    register_gated(own_stack)
    proxy.drop_reply(operation, times=2)
    own_stack.start_agent("a1", url=proxy.url)

    run = GatedRun(own_stack)
    run.open_gate()
    seen = run.ends("COMPLETED")

    eventually(lambda: proxy.dropped == 2, what="two replies are lost")
    assert own_stack.witnessed() == ["start run", "half run", "end run"]
    assert run.lines() == list(range(20))
    assert [state["type"] for state in seen["states"]] == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]


def test_a_lost_reply_to_a_creation_with_an_idempotency_key_makes_one_run(own_stack: Stack, proxy: FaultProxy) -> None:
    register_gated(own_stack)
    proxy.drop_reply("createFlowRun")

    own_stack.json("run", "-n", "gated", "--project", "Chaos", "--idempotency-key", "once", HOMEPORT_API_URL=proxy.url)

    assert proxy.dropped == 1
    assert len(own_stack.json("flow-run", "ls")) == 1
