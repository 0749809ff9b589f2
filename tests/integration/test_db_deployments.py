"""Deployments: registered many at once or not at all, changed by hand, deleted while their history stays."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport_control_plane import (
    attempts,
    continuation,
    deployment_changes,
    deployments,
    flow_runs,
    pauses,
    projects,
    registration,
)
from homeport_control_plane.deployments import Deployment
from homeport_control_plane.errors import InvalidInput, InvalidTransition, NotFound
from homeport_control_plane.flow_runs import FlowRunFilter
from homeport_control_plane.loops import late_marker, rescuer, scheduler
from homeport_control_plane.registration import Registered, Registration
from tests.integration.db_world import ACTOR, SCHEMA, World, later

HOURLY = {"clocks": [{"type": "cron", "cron": "0 * * * *"}]}


def described(flow: str, deployment: str = "default", **changes: Any) -> Registration:
    given: dict[str, Any] = {
        "project": "p",
        "name": flow,
        "deployment": deployment,
        "entrypoint": "flows/f.py:f",
        "parameter_schema": SCHEMA,
        "storage": {"kind": "folder", "path": "/srv/code"},
        "content_digest": "sha256:" + "a" * 64,
        "sdk_version": "0.1.0",
        "python_version": "3.11.9",
        **changes,
    }
    return Registration(**given)


async def register(world: World, *given: Registration, dry_run: bool = False) -> list[Registered]:
    return await registration.register_many(world.db, world.tenant_id, given, actor=ACTOR, dry_run=dry_run)


async def names_there(world: World) -> set[str]:
    page = await deployments.page(world.db, world.tenant_id)
    return {f"{one.flow_name}/{one.name}" for one in page.nodes}


async def the_deployment(world: World) -> Deployment:
    found = await deployments.by_name(world.db, world.tenant_id, "p", "f")
    assert found is not None
    return found


async def change(world: World, deployment_id: UUID, **changes: Any) -> Deployment:
    return await deployment_changes.update(world.db, world.tenant_id, deployment_id, **changes)


async def waiting(world: World) -> int:
    return len(
        (
            await flow_runs.page(world.db, world.tenant_id, first=500, where=FlowRunFilter(state_types=("SCHEDULED",)))
        ).nodes
    )


async def test_several_are_registered_in_their_order_and_again_changes_nothing(world: World) -> None:
    given = [described("z"), described("a", "nightly", tags=["x", "b"], deployment_version="1.2"), described("a")]

    first = await register(world, *given)
    again = await register(world, *given)

    assert [(one.flow.name, one.deployment.name) for one in first] == [
        ("z", "default"),
        ("a", "nightly"),
        ("a", "default"),
    ]
    assert [one.changed for one in first] == [True, True, True]
    assert [one.changed for one in again] == [False, False, False]
    assert (first[1].deployment.tags, first[1].deployment.version) == (("b", "x"), "1.2")


async def test_a_mistake_in_one_leaves_none_and_all_mistakes_are_told(world: World) -> None:
    before = await names_there(world)

    with pytest.raises(InvalidInput) as refused:
        await register(
            world,
            described("good"),
            described("bad", schedule={"clocks": [{"type": "cron", "cron": "61 * * * *"}]}),
            described("worse", parameters={"count": "many"}),
        )
    with pytest.raises(NotFound):
        await register(world, described("good"), described("lost", project="nowhere"))
    with pytest.raises(NotFound):
        await register(world, described("good"), described("lost", storage={"kind": "smb", "block": "smb/none"}))

    assert [field.path for field in refused.value.fields] == [
        "inputs[1].schedule.clocks[0].cron",
        "inputs[2].parameters.count",
    ]
    assert await names_there(world) == before


async def test_two_descriptions_of_one_deployment_are_refused(world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        await register(world, described("one"), described("two"), described("one", queue="other"))

    assert [problem.path for problem in refused.value.fields] == ["inputs[2].deployment"]
    assert "inputs[0] already" in refused.value.message
    assert await names_there(world) == {"f/default"}


async def test_a_dry_run_answers_what_would_be_and_keeps_nothing(world: World) -> None:
    before = await names_there(world)

    told = await register(world, described("new", project="default"), described("f"), dry_run=True)

    assert [one.changed for one in told] == [True, False]
    assert await names_there(world) == before
    assert await projects.by_name(world.db, world.tenant_id, "default") is None


async def test_the_project_default_is_made_by_the_first_registration_and_no_other_is(world: World) -> None:
    await asyncio.gather(*(register(world, described(f"f{n}", project="default")) for n in range(5)))

    made = await projects.by_name(world.db, world.tenant_id, "default")
    assert made is not None
    assert made.flow_count == 5
    with pytest.raises(NotFound):
        await register(world, described("f", project="defualt"))


async def test_registrations_of_the_same_flows_in_opposite_order_wait_for_each_other(world: World) -> None:
    given = [described(f"g{n}", queue=f"q{n}") for n in range(6)]

    await asyncio.gather(
        *(register(world, *(given if n % 2 else reversed(given))) for n in range(8)),
        *(registration.register(world.db, world.tenant_id, one, actor=ACTOR) for one in given),
    )

    versions = [one.flow_version.number for one in await register(world, *given)]
    assert versions == [1] * 6


async def test_two_deployments_of_a_flow_with_code_of_their_own_do_not_take_turns_in_making_versions(
    world: World,
) -> None:
    one = described("two", "one", storage={"kind": "folder", "path": "/srv/one"})
    other = described("two", "other", storage={"kind": "folder", "path": "/srv/other"})
    await register(world, one, other)

    again = await register(world, one, other)

    assert [(done.changed, done.flow_version.number) for done in again] == [(False, 1), (False, 2)]


async def test_a_paused_deployment_gives_no_run_to_an_agent_until_it_is_resumed(world: World) -> None:
    made = await the_deployment(world)
    run = await world.run()
    agent = await world.agent()

    paused = await change(world, made.id, paused=True)
    got_while_paused = await world.claim(agent)
    resumed = await change(world, made.id, paused=False)
    got_then = await world.claim(agent)

    assert (paused.paused, resumed.paused) == (True, False)
    assert got_while_paused == []
    assert [claim.flow_run_id for claim in got_then] == [run.id]


async def test_a_pause_outlives_a_registration(world: World) -> None:
    made = await the_deployment(world)
    await change(world, made.id, paused=True)

    await world.register(digest="b")

    assert (await the_deployment(world)).paused


async def test_a_schedule_is_set_and_what_was_made_of_the_old_one_is_taken_back(world: World) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await world.register(schedule=HOURLY)
    await scheduler.run_once(world.db, now=soon)
    made = await the_deployment(world)
    before = await waiting(world)

    changed = await change(world, made.id, schedule={"clocks": [{"type": "cron", "cron": "0 0 * * *"}]})
    after = await waiting(world)
    await scheduler.run_once(world.db, now=soon)

    assert (before, after) == (50, 0)
    assert changed.schedule["clocks"][0]["cron"] == "0 0 * * *"
    assert await waiting(world) == 7


@pytest.mark.parametrize("change_of", [{"schedule_active": False}, {"clear_schedule": True}, {"paused": True}])
async def test_a_schedule_that_rests_makes_no_runs_and_leaves_none(world: World, change_of: dict[str, Any]) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await world.register(schedule=HOURLY)
    await scheduler.run_once(world.db, now=soon)

    await change(world, (await the_deployment(world)).id, **change_of)
    await scheduler.run_once(world.db, now=soon)

    assert await waiting(world) == 0


async def test_a_schedule_paused_by_hand_stays_so_unless_a_registration_says_otherwise(world: World) -> None:
    await world.register(schedule=HOURLY)
    await change(world, (await the_deployment(world)).id, schedule_active=False)

    await world.register(schedule=HOURLY, schedule_active=None, digest="b")
    left = (await the_deployment(world)).schedule_active
    await world.register(schedule=HOURLY, schedule_active=True)

    assert (left, (await the_deployment(world)).schedule_active) == (False, True)


async def test_a_schedule_whose_runs_could_not_be_made_is_refused(world: World) -> None:
    made = await the_deployment(world)

    with pytest.raises(InvalidInput, match="cron"):
        await change(world, made.id, schedule={"clocks": [{"type": "cron", "cron": "0 0 30 2 *"}]})
    with pytest.raises(InvalidInput, match="count"):
        await change(world, made.id, schedule={"clocks": [{**HOURLY["clocks"][0], "parameters": {"count": "many"}}]})
    with pytest.raises(InvalidInput, match="clearSchedule"):
        await change(world, made.id, schedule=HOURLY, clear_schedule=True)

    assert (await the_deployment(world)).schedule is None


async def test_a_change_that_is_none_counts_no_revision(world: World) -> None:
    made = await the_deployment(world)

    await change(world, made.id, paused=False, schedule_active=True, clear_schedule=True)

    assert (await the_deployment(world)).updated_at == made.updated_at


async def test_a_deleted_deployment_is_gone_its_waiting_runs_are_cancelled_and_the_others_go_on(world: World) -> None:
    await world.register(schedule=HOURLY)
    held = await world.started()
    waits = await world.run()
    await scheduler.run_once(world.db, now=datetime.now(UTC) + timedelta(minutes=1))
    made = await the_deployment(world)

    cancelled = await deployment_changes.delete(world.db, world.tenant_id, made.id, actor=ACTOR)
    await world.finish(held)

    assert cancelled == 1
    assert await world.history(waits.id) == ["Scheduled", "Cancelled"]
    assert (await world.get(held.flow_run_id)).state.name == "Completed"
    assert (await world.get(held.flow_run_id)).deployment_name == "default"
    assert await deployments.get(world.db, world.tenant_id, made.id) is None
    assert await names_there(world) == set()
    assert await waiting(world) == 0
    with pytest.raises(NotFound):
        await world.run()
    with pytest.raises(NotFound):
        await deployment_changes.delete(world.db, world.tenant_id, made.id, actor=ACTOR)
    with pytest.raises(NotFound):
        await change(world, made.id, paused=False)


async def test_a_deployment_that_is_registered_after_its_deletion_is_as_new(world: World) -> None:
    await world.register(schedule=HOURLY)
    made = await the_deployment(world)
    await change(world, made.id, paused=True, schedule_active=False)
    await deployment_changes.delete(world.db, world.tenant_id, made.id, actor=ACTOR)

    again = await world.register(schedule=HOURLY, schedule_active=None)
    await scheduler.run_once(world.db, now=datetime.now(UTC))

    assert again.changed
    assert (again.deployment.id, again.deployment.paused, again.deployment.schedule_active) == (made.id, False, True)
    assert await waiting(world) == 50


async def test_a_run_that_slips_in_while_its_deployment_is_deleted_is_given_to_no_agent(world: World) -> None:
    made = await the_deployment(world)
    runs = [
        asyncio.create_task(world.runs(50)) if n % 2 else asyncio.create_task(world.run(parameters={"name": "x"}))
        for n in range(6)
    ]
    await asyncio.sleep(0)

    await deployment_changes.delete(world.db, world.tenant_id, made.id, actor=ACTOR)
    await asyncio.gather(*runs, return_exceptions=True)

    assert await world.claim(await world.agent(), limit=400) == []
    await late_marker.run_once(world.db, now=later(3600))
    assert await waiting(world) == 0


async def test_a_run_whose_process_waits_for_a_person_is_held_and_outlives_its_deployment(world: World) -> None:
    held = await world.started()
    await pauses.pause(world.db, world.tenant_id, held.attempt_id, id=uuid4(), key="ask")

    cancelled = await deployment_changes.delete(
        world.db, world.tenant_id, (await the_deployment(world)).id, actor=ACTOR
    )
    resumed = await continuation.resume(world.db, world.tenant_id, held.flow_run_id, actor=ACTOR)

    assert cancelled == 0
    assert resumed.state.type == "RUNNING"
    assert (await world.finish(held)).accepted


async def test_a_run_of_a_deleted_deployment_is_not_sent_back_to_a_queue_that_gives_it_to_nobody(world: World) -> None:
    failed, suspends = await world.started(), await world.started()
    await world.finish(failed, "FAILED")
    await pauses.pause(world.db, world.tenant_id, suspends.attempt_id, id=uuid4(), key="ask", suspends=True)
    await deployment_changes.delete(world.db, world.tenant_id, (await the_deployment(world)).id, actor=ACTOR)
    await world.finish(suspends, "PAUSED")

    with pytest.raises(InvalidTransition, match=r"cannot be retried: its deployment 'default' was deleted"):
        await continuation.retry(world.db, world.tenant_id, failed.flow_run_id, actor=ACTOR)
    with pytest.raises(InvalidTransition, match=r"cannot be resumed: its deployment 'default' was deleted"):
        await continuation.resume(world.db, world.tenant_id, suspends.flow_run_id, actor=ACTOR)

    assert (await world.get(failed.flow_run_id)).state.name == "Failed"
    assert (await world.cancel(suspends.flow_run_id)).state.name == "Cancelled"


async def test_what_an_agent_gives_back_of_a_deleted_deployment_is_cancelled_and_what_it_loses_has_crashed(
    world: World,
) -> None:
    given_back, lost = await world.claimed(), await world.started(name="lost")
    await world.register(on_lost="RETRY")
    to_retry = await world.started()
    await deployment_changes.delete(world.db, world.tenant_id, (await the_deployment(world)).id, actor=ACTOR)

    await attempts.release(world.db, world.tenant_id, given_back.attempt_id, reason="drained", actor=ACTOR)
    await rescuer.run_once(world.db, now=later(3600))
    await late_marker.run_once(world.db, now=later(7200))

    assert (await world.history(given_back.flow_run_id))[-2:] == ["Scheduled", "Cancelled"]
    assert (await world.get(given_back.flow_run_id)).state.message == "Its deployment was deleted"
    assert [(await world.get(one.flow_run_id)).state.name for one in (lost, to_retry)] == ["Crashed", "Crashed"]


async def test_another_tenants_deployment_is_not_found(world: World) -> None:
    made = await the_deployment(world)
    stranger = UUID(int=1)

    with pytest.raises(NotFound):
        await deployment_changes.update(world.db, stranger, made.id, paused=True)
    with pytest.raises(NotFound):
        await deployment_changes.delete(world.db, stranger, made.id, actor=ACTOR)

    assert not (await the_deployment(world)).paused


async def test_a_projects_deletion_takes_its_deleted_deployments_with_it(world: World) -> None:
    await world.run()
    await deployment_changes.delete(world.db, world.tenant_id, (await the_deployment(world)).id, actor=ACTOR)

    await projects.delete(world.db, world.tenant_id, "p")

    assert await projects.by_name(world.db, world.tenant_id, "p") is None


async def test_a_run_of_a_named_deployment_is_not_made_of_a_deleted_one(world: World) -> None:
    await register(world, described("f", "nightly"))
    found = await deployments.by_name(world.db, world.tenant_id, "p", "f", "nightly")
    assert found is not None
    await world.run(deployment="nightly")  # it is remembered now
    await deployment_changes.delete(world.db, world.tenant_id, found.id, actor=ACTOR)

    with pytest.raises(NotFound):
        await world.run(deployment="nightly")
    with pytest.raises(NotFound):
        await world.runs(2, deployment="nightly")
