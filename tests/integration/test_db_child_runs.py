"""Runs that runs start: of their own project, shown as their children, and made once."""

from uuid import uuid4

import pytest

from homeport_control_plane import creation, flow_runs, projects
from homeport_control_plane.creation import NewFlowRun
from homeport_control_plane.errors import InvalidInput, NotFound
from homeport_control_plane.flow_runs import FlowRunFilter
from tests.integration.db_world import World


async def test_a_child_is_made_once_and_found_by_its_parent(world: World) -> None:
    await world.register()
    parent, task_run = (await world.run()).id, uuid4()
    new = NewFlowRun(project="p", flow="f", by_run=parent, by_task_run=task_run, idempotency_key="child:1")

    child, created = await creation.create(world.db, world.tenant_id, new, actor="run")
    again, created_again = await creation.create(world.db, world.tenant_id, new, actor="run")

    assert (created, created_again, again.id) == (True, False, child.id)
    assert (child.parent_flow_run_id, child.parent_task_run_id) == (parent, task_run)
    found = await flow_runs.page(world.db, world.tenant_id, where=FlowRunFilter(parent_id=parent))
    assert [run.id for run in found.nodes] == [child.id]
    assert await world.get(child.id) == child


async def test_a_run_that_is_started_without_link_has_no_parent(world: World) -> None:
    await world.register()
    new = NewFlowRun(project="p", flow="f", by_run=(await world.run()).id, linked=False)

    run, _ = await creation.create(world.db, world.tenant_id, new, actor="run")

    assert run.parent_flow_run_id is None


async def test_a_run_starts_and_sees_nothing_of_another_project(world: World) -> None:
    await projects.create(world.db, world.tenant_id, name="other")
    await world.register()
    await world.register("g", project="other")
    parent = await world.run()
    new = NewFlowRun(project="other", flow="g")
    stranger, _ = await creation.create(world.db, world.tenant_id, new, actor="run")

    with pytest.raises(NotFound):
        await creation.create(
            world.db, world.tenant_id, NewFlowRun(project="other", flow="g", by_run=parent.id), actor="run"
        )

    seen = [
        await flow_runs.seen_by_run(world.db, world.tenant_id, id, by=parent.id)
        for id in (parent.id, stranger.id, uuid4())
    ]
    assert [run is not None for run in seen] == [True, False, False]


async def test_a_run_may_not_start_one_that_no_agent_takes(world: World) -> None:
    await world.register()
    new = NewFlowRun(project="p", flow="f", by_run=(await world.run()).id, direct=True)

    with pytest.raises(InvalidInput, match="direct"):
        await creation.create(world.db, world.tenant_id, new, actor="run")
