"""The state table, pair by pair: what the database refuses, whatever the statement says."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from homeport_control_plane.database import Database
from homeport_control_plane.ids import new_id
from homeport_control_plane.states import FINAL, FLOW_RUN_TRANSITIONS, HELD, TASK_RUN_TRANSITIONS, StateType
from tests.integration.db_world import World, state, task

_MOVE = """
update flow_run set
    state_type = $2, state_name = $3, state_message = '', state_at = now(), state_actor = $4,
    event_number = event_number + $5,
    finished_at = case when $6 then now() end,
    attempt_id = case when $7 then $8::uuid end,
    cancel_requested_at = now()
where id = $1
"""


async def _move(
    db: Database, run_id: UUID, to: StateType, *, actor: str = "test", step: int = 1, name: str = ""
) -> None:
    held = to in HELD
    await db.execute(_MOVE, run_id, to, name or to.capitalize(), actor, step, to in FINAL, held, uuid4())


async def _in_state(world: World, wanted: StateType) -> UUID:
    """A run in this state, reached by allowed moves only."""
    paths: dict[StateType, tuple[StateType, ...]] = {
        StateType.SCHEDULED: (),
        StateType.PENDING: (StateType.PENDING,),
        StateType.RUNNING: (StateType.PENDING, StateType.RUNNING),
        StateType.CANCELLED: (StateType.CANCELLED,),
    }
    run = await world.run()
    for step in paths.get(wanted, (StateType.PENDING, StateType.RUNNING, wanted)):
        await _move(world.db, run.id, step)
    return run.id


@pytest.mark.parametrize("start", StateType)
async def test_a_flow_run_moves_only_along_the_state_table(world: World, start: StateType) -> None:
    for end in StateType:
        run_id = await _in_state(world, start)
        allowed = end in FLOW_RUN_TRANSITIONS[start] and start not in FINAL

        if allowed:
            await _move(world.db, run_id, end)
        else:
            with pytest.raises(asyncpg.CheckViolationError):
                await _move(world.db, run_id, end)

        run = await world.get(run_id)
        assert run.state.type == (end if allowed else start)


@pytest.mark.parametrize("start", [StateType.FAILED, StateType.CRASHED])
async def test_only_an_explicit_retry_by_somebody_with_a_key_leaves_a_final_state(
    world: World, start: StateType
) -> None:
    run_id = await _in_state(world, start)

    with pytest.raises(asyncpg.CheckViolationError):
        await _move(world.db, run_id, StateType.SCHEDULED, actor="rescuer", name="AwaitingRetry")
    await _move(world.db, run_id, StateType.SCHEDULED, actor="key:me (0)", name="AwaitingRetry")

    assert (await world.get(run_id)).state.name == "AwaitingRetry"


async def test_the_table_in_the_database_is_the_table_in_the_code(db: Database) -> None:
    rows = await db.fetch("select from_type, to_type, flow_runs, task_runs from state_transition")

    assert {(r["from_type"], r["to_type"]) for r in rows if r["flow_runs"]} == _pairs(FLOW_RUN_TRANSITIONS)
    assert {(r["from_type"], r["to_type"]) for r in rows if r["task_runs"]} == _pairs(TASK_RUN_TRANSITIONS)


def _pairs(table: dict[StateType, frozenset[StateType]]) -> set[tuple[str, str]]:
    return {(start.value, end.value) for start, ends in table.items() for end in ends}


@pytest.mark.parametrize("step", [0, 2, -1])
async def test_event_numbers_have_no_gap_and_no_state_changes_without_one(world: World, step: int) -> None:
    run_id = await _in_state(world, StateType.PENDING)

    with pytest.raises(asyncpg.CheckViolationError):
        await _move(world.db, run_id, StateType.RUNNING, step=step)


async def test_every_accepted_change_of_state_is_in_the_history_however_it_was_made(world: World) -> None:
    run_id = await _in_state(world, StateType.FAILED)

    rows = await world.db.fetch(
        "select number, type from flow_run_state where flow_run_id = $1 and accepted order by number", run_id
    )

    assert [(row["number"], row["type"]) for row in rows] == [
        (1, "SCHEDULED"),
        (2, "PENDING"),
        (3, "RUNNING"),
        (4, "FAILED"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        "finished_at = now()",
        "attempt_id = null",
        "event_number = event_number + 1, state_type = 'COMPLETED', attempt_id = null",
        "event_number = event_number + 1, state_type = 'CANCELLING'",
        "state_message = 'rewritten'",
    ],
)
async def test_columns_that_contradict_the_state_are_refused(world: World, change: str) -> None:
    claim = await world.started()

    with pytest.raises(asyncpg.CheckViolationError):
        await world.db.execute(f"update flow_run set {change} where id = $1", claim.flow_run_id)


async def test_a_run_begins_scheduled(world: World) -> None:
    run = await world.run()

    with pytest.raises(asyncpg.CheckViolationError):
        await world.db.execute(
            "insert into flow_run select (jsonb_populate_record(r, jsonb_build_object('id', $2::uuid, 'event_number', 2"
            "))).* from flow_run r where id = $1",
            run.id,
            new_id(),
        )


@pytest.mark.parametrize("start", StateType)
async def test_a_task_run_folds_only_what_the_state_table_allows(world: World, start: StateType) -> None:
    claim = await world.started()
    paths: dict[StateType, list[str]] = {
        StateType.PENDING: [],
        StateType.PAUSED: ["RUNNING", "PAUSED"],
        StateType.COMPLETED: ["COMPLETED"],
    }
    seq = 0

    for end in StateType:
        one = uuid4()
        told = [task(seq + 1, one)]
        for step in paths.get(start, [start.value]):
            told.append(state(seq + len(told) + 1, one, step))
        told.append(state(seq + len(told) + 1, one, end.value))
        seq += len(told)
        await world.report(claim, *told)

        found = await world.db.fetchval("select state_type from task_run where id = $1", one)
        accepted = await world.db.fetchval(
            "select accepted from task_run_state where task_run_id = $1"
            " order by recorded_at desc, number desc, accepted limit 1",
            one,
        )
        assert found == (end if end in TASK_RUN_TRANSITIONS[start] else start)
        assert accepted == (end in TASK_RUN_TRANSITIONS[start])
