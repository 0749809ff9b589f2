"""Two agents, two hundred runs, one start each."""

from collections import Counter

from tests.chaos.gated_flow import register_gated
from tests.services.stack import Stack
from tests.services.waiting import eventually

RUNS = 200


def test_two_agents_share_two_hundred_runs_and_each_starts_exactly_once(own_stack: Stack) -> None:
    register_gated(own_stack)
    for agent in ("a1", "a2"):
        own_stack.start_agent(agent, "--limit", "4")

    own_stack.cli("run", "-n", "gated", "--project", "Chaos", "--count", str(RUNS), "--param", "lines=2")
    done = ["flow-run", "ls", "--state", "Completed", "--limit", str(RUNS), "--json"]
    eventually(lambda: own_stack.cli(*done).stdout.count('"id"') >= RUNS, what="all runs complete", within=150, every=1)

    assert Counter(own_stack.witnessed()) == {"start run": RUNS, "half run": RUNS, "end run": RUNS}
