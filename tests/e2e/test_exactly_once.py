"""Two agents, two hundred runs, one start each."""

from collections import Counter

from homeport.client import Client
from tests.chaos.gated_flow import register_gated
from tests.services.stack import Stack
from tests.services.waiting import eventually

RUNS = 200


def test_two_agents_share_two_hundred_runs_and_each_starts_exactly_once(own_stack: Stack) -> None:
    register_gated(own_stack)
    for agent in ("a1", "a2"):
        own_stack.start_agent(agent, "--limit", "4")

    with Client(own_stack.url, own_stack.control_plane.admin_key) as client:
        run = {"project": "Chaos", "flow": "gated", "parameters": {"lines": 2}}
        client.execute("createFlowRuns", {"inputs": [run] * RUNS})
    done = ["flow-run", "ls", "--state", "Completed", "--limit", str(RUNS), "--json"]
    eventually(lambda: own_stack.cli(*done).stdout.count('"id"') >= RUNS, what="all runs complete", within=150, every=1)

    assert Counter(own_stack.witnessed()) == {"start run": RUNS, "half run": RUNS, "end run": RUNS}
