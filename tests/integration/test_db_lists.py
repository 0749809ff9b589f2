"""Lists: every row once, in order, whatever the filter; no text of a filter is a pattern, no cursor can be forged."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from homeport_control_plane import agents, api_keys, deployments, flow_runs, flows, projects, task_runs, work_queues
from homeport_control_plane.errors import Conflict, DomainError, InvalidCursor, InvalidInput, NotFound
from homeport_control_plane.flow_runs import FlowRunFilter
from homeport_control_plane.pages import encode_cursor
from tests.integration.db_world import ACTOR, World, later, state, task


async def _ids(world: World, **where: object) -> list[object]:
    page = await flow_runs.page(world.db, world.tenant_id, where=FlowRunFilter(**where))  # type: ignore[arg-type]
    return [run.id for run in page.nodes]


async def test_runs_are_paged_newest_first_without_gap_or_duplicate(world: World) -> None:
    ids = await world.runs(25)
    seen, cursor = [], None

    while True:
        page = await flow_runs.page(world.db, world.tenant_id, first=7, after=cursor)
        seen += [run.id for run in page.nodes]
        cursor = page.end_cursor
        if not page.has_next_page:
            break

    assert sorted(seen) == sorted(ids)
    assert seen == sorted(seen, reverse=True)


async def test_runs_are_filtered_by_everything_that_the_contract_names(world: World) -> None:
    await world.register("g", queue="other")
    f = await world.run(labels=["gpu", "eu"], name="blue 100% bird")
    g = await world.run("g", name="red_bird")
    await world.cancel(g.id)

    assert await _ids(world, flow="g") == [g.id]
    assert await _ids(world, project="p", flow="f") == [f.id]
    assert await _ids(world, project="q") == []
    assert await _ids(world, queue="other") == [g.id]
    assert await _ids(world, deployment_id=f.deployment_id) == [f.id]
    assert await _ids(world, state_types=["CANCELLED"]) == [g.id]
    assert await _ids(world, state_names=["Scheduled"]) == [f.id]
    assert await _ids(world, labels=["gpu"]) == [f.id]
    assert await _ids(world, name_contains="BIRD") == [g.id, f.id]
    assert await _ids(world, name_contains="%") == [f.id]
    assert await _ids(world, name_contains="_") == [g.id]
    assert await _ids(world, created_after=later(60)) == []
    assert await _ids(world, created_before=later(60)) == [g.id, f.id]


async def test_a_run_is_found_by_id_by_the_start_of_its_id_and_by_name(world: World) -> None:
    run = await world.run(name="lucky-otter")

    assert await _ids(world, ref=str(run.id)) == [run.id]
    assert await _ids(world, ref=run.id.hex[:20]) == [run.id]
    assert await _ids(world, ref=str(run.id).upper()[:18]) == [run.id]
    assert await _ids(world, ref="lucky-otter") == [run.id]
    assert await _ids(world, ref="lucky") == []
    assert await _ids(world, ref=str(uuid4())) == []


@pytest.mark.parametrize("first", [0, -1, 1001, 2147483647])
async def test_a_page_of_an_impossible_size_is_refused(world: World, first: int) -> None:
    with pytest.raises(InvalidInput, match="between 1 and 1000"):
        await flow_runs.page(world.db, world.tenant_id, first=first)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "bm9wZQ",
        "\0",
        "é",
        encode_cursor((1, 2)),
        "A" * 10_000,
    ],
)
async def test_a_forged_cursor_is_refused_by_every_list(world: World, cursor: str) -> None:
    run = await world.run()

    for page in (
        flow_runs.page,
        projects.page,
        flows.page,
        deployments.page,
        agents.page,
        work_queues.page,
        api_keys.page,
    ):
        with pytest.raises(InvalidCursor):
            await page(world.db, world.tenant_id, after=cursor)
    with pytest.raises(InvalidCursor):
        await task_runs.page(world.db, world.tenant_id, run.id, after=cursor)


async def test_a_cursor_without_a_time_zone_is_refused(world: World) -> None:
    with pytest.raises(InvalidCursor):
        await flow_runs.page(world.db, world.tenant_id, after=encode_cursor(("2026-01-01T00:00:00", uuid4())))


async def test_filters_that_no_row_can_match_are_refused_instead_of_failing(world: World) -> None:
    for where in ({"state_types": ["GONE"]}, {"ref": "a\0"}, {"name_contains": "\ud800"}, {"flow": "x" * 2000}):
        with pytest.raises(InvalidInput):
            await _ids(world, **where)


async def test_the_other_lists_are_paged_and_filtered_too(world: World) -> None:
    for number in range(5):
        await projects.create(world.db, world.tenant_id, name=f"project {number}")
        await world.agent(f"agent {number}", queues=[f"queue {number}"])
        await world.register(f"flow {number}")
        await api_keys.create(world.db, world.tenant_id, name=f"key {number}", kind="viewer", actor=ACTOR)
    lists = {
        projects.page: 6,
        flows.page: 6,
        deployments.page: 6,
        agents.page: 5,
        work_queues.page: 6,
        api_keys.page: 6,
    }

    for listed, count in lists.items():
        first = await listed(world.db, world.tenant_id, first=4)  # type: ignore[operator]
        rest = await listed(world.db, world.tenant_id, first=4, after=first.end_cursor)  # type: ignore[operator]
        ids = [node.id for node in (*first.nodes, *rest.nodes)]
        assert (first.has_next_page, rest.has_next_page) == (True, False)
        assert len(ids) == len(set(ids)) == count

    named = await projects.page(world.db, world.tenant_id, name_contains="T 3")
    assert [project.name for project in named.nodes] == ["project 3"]
    assert [flow.name for flow in (await flows.page(world.db, world.tenant_id, name="flow 2")).nodes] == ["flow 2"]
    assert [a.name for a in (await agents.page(world.db, world.tenant_id, queue="queue 1")).nodes] == ["agent 1"]
    assert len((await deployments.page(world.db, world.tenant_id, flow="flow 1")).nodes) == 1


async def test_an_agent_is_online_until_it_was_silent_for_a_while(world: World) -> None:
    agent = await world.agent()
    await world.runs(2)
    await world.claim(agent, 2)

    [now] = (await agents.page(world.db, world.tenant_id)).nodes
    [then] = (await agents.page(world.db, world.tenant_id, now=now.last_seen_at + timedelta(seconds=31))).nodes

    assert (now.online, now.running, then.online) == (True, 2, False)


async def test_an_agent_key_bound_to_queues_cannot_serve_others(world: World) -> None:
    given = {"name": "a", "kind": "local", "version": "1", "host": "h", "capacity": 1, "allowed_queues": ["mine"]}

    with pytest.raises(InvalidInput, match="may serve mine"):
        await agents.register(world.db, world.tenant_id, queues=["other"], **given)  # type: ignore[arg-type]
    registered = await agents.register(world.db, world.tenant_id, **given)  # type: ignore[arg-type]

    found = await agents.get_many(world.db, world.tenant_id, [registered.agent_id])
    assert found[registered.agent_id].queues == ("mine",)


async def test_a_project_is_deleted_with_its_runs_but_not_while_agents_hold_some(world: World) -> None:
    claim = await world.started()
    one = uuid4()
    await world.report(claim, task(1, one), state(2, one, "RUNNING"))
    await world.run()

    with pytest.raises(Conflict, match="hold 1 runs"):
        await projects.delete(world.db, world.tenant_id, "p")
    await world.finish(claim)
    await projects.delete(world.db, world.tenant_id, "p")

    assert (await flow_runs.page(world.db, world.tenant_id)).nodes == ()
    assert await projects.by_name(world.db, world.tenant_id, "p") is None
    with pytest.raises(NotFound):
        await world.run()
    with pytest.raises(NotFound):
        await projects.delete(world.db, world.tenant_id, "p")


async def test_runs_created_while_their_project_is_deleted_are_refused_by_name_and_nothing_is_left(
    world: World,
) -> None:
    async def keep_creating() -> list[DomainError]:
        refused: list[DomainError] = []
        for _ in range(30):
            try:
                await world.run()
            except DomainError as error:
                refused.append(error)
        return refused

    async def keep_deleting() -> None:
        for _ in range(20):
            try:
                await projects.delete(world.db, world.tenant_id, "p")
            except Conflict:
                continue
            return

    deletion = asyncio.create_task(keep_deleting())
    answers = await asyncio.gather(*(keep_creating() for _ in range(4)))
    await deletion

    if await projects.by_name(world.db, world.tenant_id, "p") is None:
        assert await world.db.fetchval("select count(*) from flow_run") == 0
    assert {type(error) for answer in answers for error in answer} <= {NotFound}


async def test_a_queue_is_made_once_and_its_limit_can_be_cleared(world: World) -> None:
    await work_queues.create(world.db, world.tenant_id, name="gpu", concurrency_limit=2, priority=5)

    with pytest.raises(Conflict):
        await work_queues.create(world.db, world.tenant_id, name="gpu")
    cleared = await work_queues.update(world.db, world.tenant_id, "gpu", clear_concurrency_limit=True, description="d")

    assert (cleared.concurrency_limit, cleared.priority, cleared.description) == (None, 5, "d")
    with pytest.raises(NotFound):
        await work_queues.update(world.db, world.tenant_id, "none", paused=True)
    with pytest.raises(InvalidInput):
        await work_queues.create(world.db, world.tenant_id, name="x", concurrency_limit=-1)
    with pytest.raises(InvalidInput):
        await work_queues.create(world.db, world.tenant_id, name="x", priority=0)
