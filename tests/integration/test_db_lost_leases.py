"""What follows when a lease runs out, when a run is cancelled, and when the lost come back."""

from uuid import uuid4

import pytest

from homeport_control_plane import attempts, claims, task_runs
from homeport_control_plane.errors import Fenced, InvalidTransition
from homeport_control_plane.loops import late_marker, outages, partitions, rescuer
from tests.integration.db_world import ACTOR, World, later, line, state, task


async def test_a_claim_whose_answer_was_lost_goes_back_to_its_queue(world: World) -> None:
    claim = await world.claimed()

    assert await rescuer.run_once(world.db, now=later(50)) == 0
    assert await rescuer.run_once(world.db, now=later(70)) == 1

    run = await world.get(claim.flow_run_id)
    assert (run.state.name, run.attempt_id) == ("Scheduled", None)
    assert "agent-" in run.state.message
    [again] = await world.claim(await world.agent("b"))
    assert (again.flow_run_id, again.attempt_number) == (claim.flow_run_id, 2)


@pytest.mark.parametrize(
    ("on_lost", "type", "name"),
    [("CRASH", "CRASHED", "Crashed"), ("RETRY", "SCHEDULED", "AwaitingRetry"), ("HOLD", "PAUSED", "Held")],
)
async def test_a_lost_run_ends_as_its_flow_asked(world: World, on_lost: str, type: str, name: str) -> None:
    await world.register(on_lost=on_lost)
    claim = await world.started()
    running = uuid4()
    await world.report(claim, task(1, running), state(2, running, "RUNNING"))

    await rescuer.run_once(world.db, now=later(70))

    run = await world.get(claim.flow_run_id)
    assert (run.state.type, run.state.name, run.state.actor) == (type, name, "rescuer")
    assert "last heard of" in run.state.message
    lost = await task_runs.get(world.db, world.tenant_id, running)
    assert lost is not None
    assert lost.state.type == "CRASHED"
    [attempt] = (await attempts.of_runs(world.db, world.tenant_id, [run.id]))[run.id]
    assert attempt.superseded == (on_lost != "CRASH")


async def test_a_run_that_is_lost_three_times_is_crashed_although_it_asked_for_retries(world: World) -> None:
    await world.register(on_lost="RETRY")
    claim = await world.started()
    names = []

    for number in range(3):
        await rescuer.run_once(world.db, now=later(70))
        names.append((await world.get(claim.flow_run_id)).state.name)
        if number < 2:
            [claim] = await world.claim(await world.agent(f"b{number}"))
            await world.start(claim)

    assert names == ["AwaitingRetry", "AwaitingRetry", "Crashed"]


async def test_a_heartbeat_keeps_the_lease(world: World) -> None:
    claim = await world.started()

    await world.report(claim, now=later(50))

    assert await rescuer.run_once(world.db, now=later(100)) == 0
    assert await rescuer.run_once(world.db, now=later(120)) == 1


async def test_reports_of_a_process_that_never_started_do_not_keep_its_lease(world: World) -> None:
    claim = await world.claimed()

    await world.report(claim, line(1, "too early"), now=later(50))

    assert await rescuer.run_once(world.db, now=later(70)) == 1


async def test_a_superseded_attempt_reports_in_vain_and_what_it_said_is_kept(world: World) -> None:
    await world.register(on_lost="RETRY")
    old = await world.started()
    one = uuid4()
    await world.report(old, task(1, one), state(2, one, "RUNNING"))
    await rescuer.run_once(world.db, now=later(70))
    [new] = await world.claim(await world.agent("b"))
    await world.start(new)

    with pytest.raises(Fenced):
        await world.report(old, state(3, one, "COMPLETED"), line(4, "still here"))
    with pytest.raises(Fenced):
        await world.finish(old, "COMPLETED")

    run = await world.get(new.flow_run_id)
    assert (run.state.type, run.attempt_id) == ("RUNNING", new.attempt_id)
    history = (await task_runs.states(world.db, world.tenant_id, [one]))[one]
    assert [(told.name, told.accepted) for told in history][-1] == ("Completed", False)
    assert "(Completed)" in await world.history(run.id)


async def test_a_run_that_comes_back_after_it_was_crashed_does_not_come_back_to_life(world: World) -> None:
    claim = await world.started()
    await rescuer.run_once(world.db, now=later(70))

    late = await world.finish(claim, "COMPLETED")
    acknowledged = await world.report(claim, line(1, "from the spool"))

    assert (late.accepted, late.state.type) == (False, "CRASHED")
    assert acknowledged.seq == 1


async def test_a_scheduled_run_is_cancelled_at_once_and_never_claimed(world: World) -> None:
    run = await world.run()

    cancelled = await world.cancel(run.id)

    assert cancelled.state.type == "CANCELLED"
    assert await world.claim(await world.agent()) == []
    assert (await world.cancel(run.id)).state.number == cancelled.state.number


async def test_a_running_run_is_asked_to_stop_by_its_next_report_and_ends_cancelled(world: World) -> None:
    claim = await world.started()
    one = uuid4()
    await world.report(claim, task(1, one), state(2, one, "RUNNING"))

    asked = await world.cancel(claim.flow_run_id)
    answer = await world.report(claim)
    ended = await world.finish(claim, "CANCELLED")

    assert asked.state.type == "CANCELLING"
    assert answer.cancel
    assert ended.state.type == "CANCELLED"
    stored = await task_runs.get(world.db, world.tenant_id, one)
    assert stored is not None
    assert stored.state.type == "CANCELLED"


async def test_a_run_cancelled_before_its_process_started_may_not_start(world: World) -> None:
    claim = await world.claimed()
    await world.cancel(claim.flow_run_id)

    with pytest.raises(InvalidTransition) as refused:
        await world.start(claim)

    assert refused.value.state_type == "CANCELLING"
    given_back = await attempts.release(
        world.db, world.tenant_id, claim.attempt_id, reason="cancelled", actor="agent:a"
    )
    assert given_back.type == "CANCELLED"


async def test_a_run_that_was_to_be_cancelled_and_is_lost_is_cancelled_whatever_on_lost_says(world: World) -> None:
    await world.register(on_lost="RETRY")
    claim = await world.started()
    await world.cancel(claim.flow_run_id)

    await rescuer.run_once(world.db, now=later(70))

    assert (await world.get(claim.flow_run_id)).state.type == "CANCELLED"


async def test_a_run_that_stops_itself_passes_through_cancelling(world: World) -> None:
    claim = await world.started()

    ended = await world.finish(claim, "CANCELLED")

    assert ended.accepted
    assert (await world.history(claim.flow_run_id))[-3:] == ["Running", "Cancelling", "Cancelled"]


async def test_an_ended_run_cannot_be_cancelled(world: World) -> None:
    claim = await world.started()
    await world.finish(claim)

    with pytest.raises(InvalidTransition, match="Completed"):
        await world.cancel(claim.flow_run_id)


async def test_a_direct_run_that_is_lost_is_crashed_because_no_agent_can_take_it(world: World) -> None:
    await world.register(on_lost="RETRY")
    run = await world.run(direct=True)
    claim = await claims.claim_direct(world.db, world.tenant_id, run.id, executor="laptop", actor=ACTOR)
    await world.start(claim)

    await rescuer.run_once(world.db, now=later(70))

    crashed = await world.get(run.id)
    assert crashed.state.type == "CRASHED"
    assert "laptop" in crashed.state.message


async def test_a_run_nobody_takes_is_named_late_once_and_can_still_be_claimed(world: World) -> None:
    run = await world.run()

    assert await late_marker.run_once(world.db, now=later(10)) == 0
    assert await late_marker.run_once(world.db, now=later(20)) == 1
    assert await late_marker.run_once(world.db, now=later(30)) == 0

    assert (await world.get(run.id)).state.name == "Late"
    assert len(await world.claim(await world.agent(), now=later(31))) == 1


async def test_partitions_are_made_ahead_and_a_day_without_one_is_caught_by_the_net(world: World) -> None:
    far = later(40 * 86400)
    run = await world.run(now=far)

    made = await partitions.run_once(world.db, now=later(3 * 86400))

    # Three tables, three days more than the migration had made.
    assert made == 9
    assert await world.history(run.id) == ["Scheduled"]
    # The net holds that day already: nothing breaks.
    assert await partitions.run_once(world.db, now=far) == 3 * 8 - 1
    assert await world.history(run.id) == ["Scheduled"]


async def test_after_an_outage_a_live_run_is_given_a_lease_to_be_heard_again(world: World) -> None:
    claim = await world.started()
    await outages.run_once(world.db, now=later(1))

    renewed = await outages.run_once(world.db, now=later(300))
    rescued = await rescuer.run_once(world.db, now=later(301))

    assert (renewed, rescued) == (1, 0)
    assert (await world.get(claim.flow_run_id)).state.type == "RUNNING"


async def test_without_an_outage_nobody_is_given_a_lease(world: World) -> None:
    claim = await world.started()

    await outages.run_once(world.db, now=later(0))
    renewed = [await outages.run_once(world.db, now=later(seconds)) for seconds in range(1, 70, 2)]
    await rescuer.run_once(world.db, now=later(70))

    assert sum(renewed) == 0
    assert (await world.get(claim.flow_run_id)).state.type == "CRASHED"
