"""Claims under concurrency: each run to exactly one agent, limits kept, order kept."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import jsonschema_rs
import msgspec
import pytest

import homeport_control_plane
from homeport_control_plane import claims, work_queues
from homeport_control_plane.errors import InvalidInput, InvalidTransition, NotFound, SessionSuperseded
from homeport_control_plane.loops import rescuer
from tests.integration.db_world import ACTOR, World, later


async def test_two_hundred_claims_at_fifty_runs_have_fifty_distinct_winners(world: World) -> None:
    runs = await world.runs(50)
    agents = [await world.agent(f"a{number}") for number in range(20)]

    answers = await asyncio.gather(*(world.claim(agents[number % 20]) for number in range(200)))

    won = [claim.flow_run_id for answer in answers for claim in answer]
    assert sorted(won) == sorted(runs)
    assert {claim.attempt_number for answer in answers for claim in answer} == {1}


async def test_batches_claimed_at_once_never_share_a_run(world: World) -> None:
    runs = await world.runs(300)
    agents = [await world.agent(f"a{number}") for number in range(8)]

    answers = await asyncio.gather(*(world.claim(agents[number % 8], 25) for number in range(24)))

    won = [claim.flow_run_id for answer in answers for claim in answer]
    assert len(won) == len(set(won))
    assert set(won) <= set(runs)
    assert len(won) == 300


async def test_a_queue_never_holds_more_runs_than_its_limit(world: World) -> None:
    await work_queues.update(world.db, world.tenant_id, "default", concurrency_limit=7)
    await world.runs(60)
    agents = [await world.agent(f"a{number}") for number in range(10)]
    most_held = 0

    for _ in range(4):
        answers = await asyncio.gather(*(world.claim(agent, 5) for agent in agents))
        queue = await work_queues.by_name(world.db, world.tenant_id, "default")
        assert queue is not None
        most_held = max(most_held, queue.held)
        for claim in [claim for answer in answers for claim in answer][:3]:
            await world.finish(claim, "CRASHED")

    assert most_held == 7


async def test_queues_are_served_by_priority_and_within_one_by_due_time(world: World) -> None:
    for flow, queue in (("slow", "bulk"), ("quick", "urgent")):
        await world.register(flow, queue=queue)
    await work_queues.update(world.db, world.tenant_id, "urgent", priority=1)
    bulk = [(await world.run("slow", now=later(-60 + number))).id for number in range(3)]
    urgent = [(await world.run("quick")).id for _ in range(2)]
    agent = await world.agent(queues=["bulk", "urgent"])

    got = [claim.flow_run_id for claim in await world.claim(agent, 4)]

    assert got == [*urgent, *bulk[:2]]


async def test_between_queues_of_one_priority_the_longest_waiting_run_is_served_first(world: World) -> None:
    for flow in ("one", "two"):
        await world.register(flow, queue=flow)
    second = await world.run("one", now=later(-10))
    first = await world.run("two", now=later(-20))
    agent = await world.agent(queues=["one", "two"])

    assert [claim.flow_run_id for claim in await world.claim(agent)] == [first.id]
    assert [claim.flow_run_id for claim in await world.claim(agent)] == [second.id]


async def test_an_agent_gets_only_runs_whose_labels_it_has(world: World) -> None:
    gpu = await world.run(labels=["gpu", "linux"])
    plain = await world.run()

    without = await world.claim(await world.agent("without", labels=["linux"]), 5)
    within = await world.claim(await world.agent("with", labels=["gpu", "linux", "extra"]), 5)

    assert [claim.flow_run_id for claim in without] == [plain.id]
    assert [claim.flow_run_id for claim in within] == [gpu.id]


async def test_paused_queues_future_runs_other_queues_and_direct_runs_are_not_claimed(world: World) -> None:
    await world.run(scheduled_at=later(3600))
    await world.run(direct=True)
    await world.register("elsewhere", queue="other")
    await world.run("elsewhere")
    agent = await world.agent()

    assert await world.claim(agent, 5) == []

    await world.run()
    await work_queues.update(world.db, world.tenant_id, "default", paused=True)
    assert await world.claim(agent, 5) == []
    await work_queues.update(world.db, world.tenant_id, "default", paused=False)
    assert len(await world.claim(agent, 5)) == 1


async def test_runs_of_a_paused_deployment_wait(world: World) -> None:
    run = await world.run()
    await world.db.execute("update deployment set paused = true, revision = revision + 1")
    agent = await world.agent()

    assert await world.claim(agent, 5) == []

    await world.db.execute("update deployment set paused = false, revision = revision + 1")
    assert [claim.flow_run_id for claim in await world.claim(agent, 5)] == [run.id]


async def test_a_draining_agent_gets_nothing(world: World) -> None:
    await world.run()

    assert await world.claim(await world.agent(), 5, draining=True) == []


async def test_a_session_that_another_process_took_over_is_told_to_stop(world: World) -> None:
    first = await world.agent("same")
    second = await world.agent("same")

    assert first.agent_id == second.agent_id
    with pytest.raises(SessionSuperseded):
        await world.claim(first)
    with pytest.raises(NotFound):
        await claims.claim(world.db, world.tenant_id, uuid4(), uuid4(), limit=1)
    with pytest.raises(InvalidInput):
        await world.claim(second, -1)


async def test_a_direct_run_is_claimed_once_by_whoever_created_it(world: World) -> None:
    run = await world.run(direct=True)

    claim = await claims.claim_direct(world.db, world.tenant_id, run.id, executor="laptop", actor=ACTOR)

    assert claim.attempt_number == 1
    await world.start(claim)
    with pytest.raises(InvalidTransition):
        await claims.claim_direct(world.db, world.tenant_id, run.id, executor="laptop", actor=ACTOR)
    queued = await world.run()
    with pytest.raises(InvalidTransition, match="work queue"):
        await claims.claim_direct(world.db, world.tenant_id, queued.id, executor="laptop", actor=ACTOR)


async def test_an_agent_is_told_to_cancel_and_what_to_stop_tracking(world: World) -> None:
    agent = await world.agent()
    await world.runs(3)
    to_cancel, lost, healthy = await world.claim(agent, 3)
    for claim in (to_cancel, lost, healthy):
        await world.start(claim)
    await world.cancel(to_cancel.flow_run_id)
    await world.db.execute("update flow_run set on_lost = 'RETRY' where id = $1", lost.flow_run_id)
    await world.db.execute("update attempt set lease_until = now() - interval '1 s' where id = $1", lost.attempt_id)
    await rescuer.run_once(world.db)
    unknown = uuid4()

    answer = await claims.claim(
        world.db,
        world.tenant_id,
        agent.agent_id,
        agent.session_id,
        limit=0,
        live_attempts=[to_cancel.attempt_id, lost.attempt_id, healthy.attempt_id, unknown],
    )

    assert {command.attempt_id: command.kind for command in answer.commands} == {
        to_cancel.attempt_id: "CANCEL",
        lost.attempt_id: "STOP_TRACKING",
        unknown: "STOP_TRACKING",
    }


async def test_the_committed_json_schema_is_that_of_a_claim_and_accepts_one(world: World) -> None:
    path = Path(homeport_control_plane.__file__).with_name("claim.schema.json")

    claim = await world.claimed()

    assert path.read_bytes() == claims.json_schema()
    validator = jsonschema_rs.Draft202012Validator(json.loads(path.read_bytes()))
    assert validator.is_valid(json.loads(msgspec.json.encode(claim)))
    assert not validator.is_valid({})
