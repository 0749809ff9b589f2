"""Why isn't it running? Each answer names what was seen and what to do."""

from uuid import uuid4

import pytest

from homeport_control_plane import claims, work_queues
from homeport_control_plane.explain import Explanation, explain
from homeport_control_plane.loops import rescuer
from tests.integration.db_world import ACTOR, World, later


async def _explained(world: World, run_id: object, seconds: float = 0.0) -> Explanation:
    found = await explain(world.db, world.tenant_id, run_id, now=later(seconds))  # type: ignore[arg-type]
    assert found is not None
    return found


async def test_a_run_of_another_tenant_has_no_explanation(world: World) -> None:
    run = await world.run()

    assert await explain(world.db, uuid4(), run.id) is None


async def test_a_queue_that_no_agent_ever_served_is_named_with_the_command_that_serves_it(world: World) -> None:
    await world.agent(queues=["elsewhere"])
    run = await world.run()

    found = await _explained(world, run.id)

    assert found.verdict == "no agent ever served work queue 'default'; agents that are online serve elsewhere"
    [blocked] = [check for check in found.checks if check.status == "BLOCK"]
    assert blocked.mend == "homeport agent start -q default"


async def test_agents_that_went_silent_are_named_with_when_they_were_last_seen(world: World) -> None:
    await world.agent("laptop")
    run = await world.run()

    found = await _explained(world, run.id, 600)

    assert "the only agent of work queue" in found.verdict
    assert "is not online" in found.verdict
    assert "'laptop' was last seen 10 min ago" in found.verdict


async def test_labels_that_differ_are_told_as_what_the_nearest_agent_lacks(world: World) -> None:
    await world.agent("far")
    await world.agent("near", labels=["gpu"])
    run = await world.run(labels=["gpu", "eu"])

    found = await _explained(world, run.id)

    assert "the nearest, 'near', lacks eu" in found.verdict


async def test_a_full_queue_says_who_holds_its_slots(world: World) -> None:
    await work_queues.update(world.db, world.tenant_id, "default", concurrency_limit=1)
    claim = await world.claimed()
    run = await world.run()

    found = await _explained(world, run.id)

    assert claim.flow_run_name in found.verdict
    assert "all 1 slots" in found.verdict


async def test_busy_agents_are_not_called_absent(world: World) -> None:
    agent = await world.agent("worker")
    await world.runs(10)
    await world.claim(agent, 10)
    run = await world.run()

    found = await _explained(world, run.id)

    assert found.verdict == "the agents are busy, not absent: worker runs 10 of 10"
    assert {check.status for check in found.checks} == {"PASS", "WAIT"}


async def test_paused_scheduled_claimed_running_and_ended_runs_say_so(world: World) -> None:
    agent = await world.agent()
    future = await world.run(scheduled_at=later(7200))
    assert "scheduled for" in (await _explained(world, future.id)).verdict

    await world.run()
    [claim] = await world.claim(agent)
    assert "has not started it yet" in (await _explained(world, claim.flow_run_id)).verdict

    await world.start(claim)
    assert "runs on a (attempt 1)" in (await _explained(world, claim.flow_run_id)).verdict

    await world.finish(claim, "FAILED", message="boom")
    assert "Failed" in (await _explained(world, claim.flow_run_id)).verdict

    await work_queues.update(world.db, world.tenant_id, "default", paused=True)
    waiting = await world.run()
    assert (await _explained(world, waiting.id)).verdict == "work queue 'default' is paused"


async def test_a_due_run_with_a_ready_agent_passes_every_check(world: World) -> None:
    await world.agent()
    run = await world.run()

    found = await _explained(world, run.id)

    assert {check.status for check in found.checks} == {"PASS"}
    assert found.verdict == "due: the next agent that asks takes it"


@pytest.mark.parametrize(("agents", "room"), [(["t1"], "t1 has room"), (["t1", "t2"], "t2, t1 have room")])
async def test_one_agent_has_room_and_several_have(world: World, agents: list[str], room: str) -> None:
    for name in agents:
        await world.agent(name)
    run = await world.run()

    found = await _explained(world, run.id)

    assert room in [check.evidence for check in found.checks]


@pytest.mark.parametrize("direct", [False, True])
async def test_a_held_run_names_the_command_that_sends_it_on_where_an_agent_may_take_it(
    world: World, direct: bool
) -> None:
    await world.register(on_lost="HOLD")
    if direct:
        run = await world.run(direct=True)
        claim = await claims.claim_direct(world.db, world.tenant_id, run.id, executor="laptop", actor=ACTOR)
        await world.start(claim)
    else:
        claim = await world.started()
    await rescuer.run_once(world.db, now=later(70))

    [check] = (await _explained(world, claim.flow_run_id, 80)).checks

    assert check.evidence.startswith("Held: ")
    assert (f"homeport flow-run resume {claim.flow_run_id}" in (check.mend or "")) == (not direct)
    assert f"homeport flow-run cancel {claim.flow_run_id}" in (check.mend or "")
