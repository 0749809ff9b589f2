"""The main path of a flow run: registered, created, claimed, started, reported, finished."""

from uuid import uuid4

import pytest

from homeport_control_plane import attempts, flow_runs, flows, logs, registration, task_runs
from homeport_control_plane.authentication import authenticate
from homeport_control_plane.errors import Conflict, Fenced, InvalidInput, InvalidTransition, NotFound, Unauthenticated
from tests.integration.db_world import ACTOR, World, later, line, state, task


async def test_a_run_goes_from_registration_to_completed(world: World) -> None:
    run = await world.run(parameters={"name": "x"})
    agent = await world.agent()
    [claim] = await world.claim(agent, 10)
    started = await world.start(claim)
    one = uuid4()

    acknowledged = await world.report(
        claim, task(1, one), state(2, one, "RUNNING"), line(3, "hello"), state(4, one, "COMPLETED")
    )
    finished = await world.finish(claim)

    assert (claim.flow_run_id, claim.attempt_number, claim.parameters) == (run.id, 1, {"name": "x"})
    assert started.heartbeat_seconds == 10
    assert (acknowledged.seq, acknowledged.cancel) == (4, False)
    assert finished.accepted
    assert await world.history(run.id) == ["Scheduled", "Pending", "Running", "Completed"]
    assert (await task_runs.counts(world.db, world.tenant_id, [run.id])) == {run.id: {"COMPLETED": 1}}
    [stored] = (await task_runs.page(world.db, world.tenant_id, run.id)).nodes
    assert (stored.state.type, stored.state.number, stored.started_at is not None) == ("COMPLETED", 3, True)
    [told] = (await logs.page(world.db, world.tenant_id, run.id)).nodes
    assert (told.message, told.level, told.seq) == ("hello", "INFO", 3)
    after = await world.get(run.id)
    assert after.agent_id == agent.agent_id
    assert after.finished_at is not None


async def test_a_second_registration_of_the_same_changes_nothing(world: World) -> None:
    again = await world.register()
    other = await world.register(digest="b")
    forced = await world.register(digest="b", force=True)

    assert (again.changed, again.flow_version.number) == (False, 1)
    assert (other.changed, other.flow_version.number) == (True, 2)
    assert (forced.changed, forced.flow_version.number) == (True, 3)
    assert forced.flow.latest_version_id == forced.flow_version.id
    assert [v.number for v in (await flows.versions(world.db, world.tenant_id, forced.flow.id)).nodes] == [3, 2, 1]


async def test_registering_into_a_missing_project_says_how_to_make_it(world: World) -> None:
    with pytest.raises(NotFound) as refused:
        await world.register(project="nowhere")

    assert refused.value.kind == "project"
    assert "create project" in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("parameters", "path"),
    [({"name": 5}, "parameters.name"), ({"other": 1}, "parameters"), ({"name": "a\0b"}, "parameters.name")],
)
async def test_parameters_that_do_not_fit_are_refused_when_the_run_is_created(
    world: World, parameters: dict[str, object], path: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await world.run(parameters=parameters)

    assert refused.value.fields[0].path == path


async def test_a_schema_may_not_fetch_another_document(world: World) -> None:
    schema = {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1:9/schema"}}}

    with pytest.raises(InvalidInput, match="another document"):
        await world.register("evil", parameter_schema=schema)


async def test_a_run_is_checked_against_the_version_that_its_deployment_has_now(world: World) -> None:
    await world.run(parameters={"name": "x"})
    strict = {"type": "object", "properties": {"name": {"type": "integer"}}}
    await world.register(parameter_schema=strict)

    with pytest.raises(InvalidInput):
        await world.run(parameters={"name": "x"})
    assert (await world.run(parameters={"name": 1})).state.name == "Scheduled"


async def test_the_same_idempotency_key_makes_one_run_and_another_body_is_a_conflict(world: World) -> None:
    first = await world.run(idempotency_key="k", parameters={"name": "x"})
    again = await world.run(idempotency_key="k", parameters={"name": "x"})

    assert first.id == again.id
    with pytest.raises(Conflict, match="idempotency key"):
        await world.run(idempotency_key="k", parameters={"name": "y"})


async def test_a_batch_of_runs_is_created_whole_or_not_at_all(world: World) -> None:
    await world.run(idempotency_key="k", parameters={"name": "x"})

    with pytest.raises(Conflict):
        await world.runs(3, idempotency_key="k", parameters={"name": "y"})
    ids = await world.runs(100)

    assert len(set(ids)) == 100
    page = await flow_runs.page(world.db, world.tenant_id, first=1000)
    assert {run.id for run in page.nodes} >= set(ids)
    assert len(page.nodes) == 101


async def test_the_same_instance_may_start_again_and_another_is_fenced(world: World) -> None:
    claim = await world.claimed()
    await world.start(claim, instance="one")

    again = await world.start(claim, instance="one")

    assert again.attempt_id == claim.attempt_id
    with pytest.raises(Fenced):
        await world.start(claim, instance="two")


async def test_the_first_final_state_wins_and_a_later_one_is_told_what_stands(world: World) -> None:
    claim = await world.started()
    await world.finish(claim, "COMPLETED")

    late = await world.finish(claim, "CRASHED", message="exit code 1")
    repeated = await world.finish(claim, "COMPLETED")

    assert (late.accepted, late.state.type) == (False, "COMPLETED")
    assert repeated.accepted
    assert await world.history(claim.flow_run_id) == ["Scheduled", "Pending", "Running", "Completed", "(Crashed)"]


async def test_a_run_token_is_good_until_a_while_after_the_attempt_ended(world: World) -> None:
    claim = await world.started()
    principal = await authenticate(world.db, claim.run_token)
    await world.finish(claim)

    assert (principal.kind, principal.attempt_id) == ("run", claim.attempt_id)
    assert (await authenticate(world.db, claim.run_token, now=later(590))).flow_run_id == claim.flow_run_id
    with pytest.raises(Unauthenticated):
        await authenticate(world.db, claim.run_token, now=later(610))


async def test_a_claimed_run_given_back_is_claimed_again_as_the_next_attempt(world: World) -> None:
    claim = await world.claimed()

    given_back = await attempts.release(
        world.db, world.tenant_id, claim.attempt_id, reason="draining", agent_key_id=world.key_id, actor="agent:a"
    )

    assert given_back.name == "Scheduled"
    [again] = await world.claim(await world.agent("b"))
    assert again.attempt_number == 2
    with pytest.raises(Fenced) as fenced:
        await world.start(claim)
    assert (fenced.value.attempt_number, fenced.value.current_attempt_number) == (1, 2)


async def test_bad_code_is_released_as_crashed_with_its_reason(world: World) -> None:
    claim = await world.claimed()

    crashed = await attempts.release(
        world.db, world.tenant_id, claim.attempt_id, reason="digest differs", crashed=True, actor="agent:a"
    )

    assert (crashed.type, crashed.message) == ("CRASHED", "digest differs")


async def test_an_agent_of_another_key_cannot_finish_or_release_an_attempt(world: World) -> None:
    claim = await world.claimed()

    with pytest.raises(NotFound):
        await world.finish(claim, "CRASHED", agent_key_id="ffffffffffff")
    with pytest.raises(NotFound):
        await attempts.release(
            world.db, world.tenant_id, claim.attempt_id, reason="x", agent_key_id="ffffffffffff", actor="agent:x"
        )
    assert (await world.finish(claim, "CRASHED", agent_key_id=world.key_id)).accepted


async def test_a_finish_without_a_start_cannot_complete(world: World) -> None:
    claim = await world.claimed()

    with pytest.raises(InvalidTransition) as refused:
        await world.finish(claim, "COMPLETED")

    assert refused.value.state_type == "PENDING"
    assert (await world.get(claim.flow_run_id)).state.type == "PENDING"


async def test_another_tenant_sees_nothing(world: World) -> None:
    claim = await world.claimed()
    stranger = uuid4()

    assert await flow_runs.get(world.db, stranger, claim.flow_run_id) is None
    assert (await flow_runs.page(world.db, stranger)).nodes == ()
    with pytest.raises(NotFound):
        await attempts.start(world.db, stranger, claim.attempt_id, instance="i")
    with pytest.raises(NotFound):
        await flow_runs.cancel(world.db, stranger, claim.flow_run_id, actor=ACTOR)


async def test_names_that_cannot_be_read_are_refused(world: World) -> None:
    for bad in ("", " a", "a\x1b[31m", "a\u202eb", "x" * 10_000, "a\0"):
        with pytest.raises(InvalidInput):
            await world.register(bad)
    assert registration.ON_LOST == ("CRASH", "RETRY", "HOLD")
