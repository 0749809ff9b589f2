"""A person sends a run on: what was held is resumed, what failed is tried again, and nothing else is."""

from uuid import uuid4

import pytest

from homeport_control_plane import claims, continuation
from homeport_control_plane.claims import Claim
from homeport_control_plane.errors import InvalidTransition, NotFound
from homeport_control_plane.flow_runs import FlowRun
from homeport_control_plane.loops import late_marker, rescuer
from tests.integration.db_world import ACTOR, World, later


async def _held(world: World) -> Claim:
    await world.register(on_lost="HOLD")
    claim = await world.started()
    await rescuer.run_once(world.db, now=later(70))
    return claim


async def _resume(world: World, claim: Claim, seconds: float = 80) -> FlowRun:
    return await continuation.resume(world.db, world.tenant_id, claim.flow_run_id, actor=ACTOR, now=later(seconds))


async def _retry(world: World, claim: Claim) -> FlowRun:
    return await continuation.retry(world.db, world.tenant_id, claim.flow_run_id, actor=ACTOR)


async def test_a_held_run_that_is_resumed_is_due_and_completes_as_its_next_attempt(world: World) -> None:
    held = await _held(world)

    resumed = await _resume(world, held)
    [again] = await world.claim(await world.agent("b"), now=later(81))
    await world.start(again)
    await world.finish(again)

    assert (resumed.state.type, resumed.state.name, resumed.state.actor) == ("SCHEDULED", "Scheduled", ACTOR)
    assert resumed.state.message == "Resumed by tests (000000000000)"
    assert (again.flow_run_id, again.attempt_number) == (held.flow_run_id, 2)
    history = await world.history(held.flow_run_id)
    assert history[-6:] == ["Running", "Held", "Scheduled", "Pending", "Running", "Completed"]


async def test_a_resumed_run_is_late_only_once_it_has_waited_since_it_was_resumed(world: World) -> None:
    held = await _held(world)

    await _resume(world, held)

    assert await late_marker.run_once(world.db, now=later(90)) == 0
    assert await late_marker.run_once(world.db, now=later(100)) == 1


@pytest.mark.parametrize("way", [continuation.resume, continuation.retry])
async def test_the_agents_of_the_queue_are_woken(world: World, way: object, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = await _held(world) if way is continuation.resume else await world.started()
    if way is continuation.retry:
        await world.finish(claim, "FAILED")
    told: list[str] = []
    monkeypatch.setattr(world.db, "announce", lambda *topics: told.extend(topics))

    await way(world.db, world.tenant_id, claim.flow_run_id, actor=ACTOR)  # type: ignore[operator]

    assert told == [f"run:{claim.flow_run_id}", f"queue:{world.tenant_id}:default"]


async def test_asked_again_before_it_is_claimed_the_answer_is_the_same(world: World) -> None:
    held = await _held(world)

    first, second = await _resume(world, held), await _resume(world, held)

    assert first.state.number == second.state.number


async def test_a_direct_run_that_is_held_cannot_be_resumed_because_no_agent_may_take_it(world: World) -> None:
    await world.register(on_lost="HOLD")
    run = await world.run(direct=True)
    claim = await claims.claim_direct(world.db, world.tenant_id, run.id, executor="laptop", actor=ACTOR)
    await world.start(claim)
    await rescuer.run_once(world.db, now=later(70))

    with pytest.raises(InvalidTransition, match="no agent may take it") as refused:
        await _resume(world, claim)

    assert refused.value.state_type == "PAUSED"
    assert (await world.get(run.id)).state.name == "Held"


async def test_only_a_held_run_is_resumed_and_the_refusal_names_what_would_do(world: World) -> None:
    claim = await world.started()
    with pytest.raises(InvalidTransition, match="it is Running since"):
        await _resume(world, claim)
    await world.finish(claim, "FAILED")

    with pytest.raises(InvalidTransition, match="it is Failed since") as refused:
        await _resume(world, claim)

    assert refused.value.hint == f"homeport flow-run retry {claim.flow_run_id}"


@pytest.mark.parametrize("end", ["FAILED", "CRASHED"])
async def test_a_run_that_failed_or_crashed_is_tried_again_by_a_person(world: World, end: str) -> None:
    claim = await world.started()
    await world.finish(claim, end)

    retried = await _retry(world, claim)
    [again] = await world.claim(await world.agent("b"))
    await world.start(again)
    late = await world.finish(claim, "COMPLETED")

    assert (retried.state.name, retried.state.actor, retried.finished_at) == ("AwaitingRetry", ACTOR, None)
    assert (again.attempt_number, again.scheduled_at) == (2, claim.scheduled_at)
    assert (late.accepted, late.state.type) == (False, "RUNNING")


async def test_a_retry_takes_back_the_wish_to_cancel_and_the_count_of_lost_attempts(world: World) -> None:
    await world.register(on_lost="RETRY")
    claim = await world.started()
    for number in range(3):
        await rescuer.run_once(world.db, now=later(70))
        if number < 2:
            [claim] = await world.claim(await world.agent(f"b{number}"))
            await world.start(claim)

    await _retry(world, claim)
    [claim] = await world.claim(await world.agent("c"))
    await world.start(claim)
    await rescuer.run_once(world.db, now=later(70))
    assert (await world.get(claim.flow_run_id)).state.name == "AwaitingRetry"

    [claim] = await world.claim(await world.agent("d"))
    await world.start(claim)
    await world.cancel(claim.flow_run_id)
    await world.finish(claim, "FAILED")
    retried = await _retry(world, claim)
    [claim] = await world.claim(await world.agent("e"))
    await world.start(claim)

    assert retried.cancel_requested_at is None
    assert not (await world.report(claim)).cancel


@pytest.mark.parametrize("end", ["COMPLETED", "CANCELLED"])
async def test_a_run_that_completed_or_was_cancelled_is_not_tried_again(world: World, end: str) -> None:
    claim = await world.started()
    await world.finish(claim, end)

    with pytest.raises(InvalidTransition) as refused:
        await _retry(world, claim)

    assert refused.value.state_type == end
    assert refused.value.hint == "run it again, as a new run"


async def test_a_run_of_another_tenant_is_not_found(world: World) -> None:
    held = await _held(world)

    with pytest.raises(NotFound):
        await continuation.resume(world.db, uuid4(), held.flow_run_id, actor=ACTOR)

    assert (await world.get(held.flow_run_id)).state.name == "Held"
