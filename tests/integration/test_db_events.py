"""What a run process reports is stored once, in order, whatever is repeated, lost or wrong."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import jsonschema_rs
import pytest

import homeport_control_plane
from homeport_control_plane import continuation, event_batch, events, flow_runs, logs, task_runs
from homeport_control_plane.errors import InvalidCursor, InvalidInput, NotFound
from homeport_control_plane.logs import LogFilter
from tests.integration.db_world import ACTOR, World, batch, later, line, state, task


async def _lines(world: World, claim: object, **changes: object) -> list[str]:
    page = await logs.page(world.db, world.tenant_id, claim.flow_run_id, where=LogFilter(**changes))  # type: ignore
    return [told.message for told in page.nodes]


async def test_a_batch_that_is_sent_again_is_stored_once(world: World) -> None:
    claim = await world.started()
    told = [line(1, "one"), line(2, "two")]

    first = await world.report(claim, *told)
    again = await world.report(claim, *told, line(3, "three"))

    assert (first.seq, again.seq) == (2, 3)
    assert await _lines(world, claim) == ["one", "two", "three"]


async def test_a_batch_sent_twice_at_once_is_stored_once(world: World) -> None:
    claim = await world.started()
    one = uuid4()
    told = [task(1, one), state(2, one, "RUNNING"), line(3, "x")]

    answers = await asyncio.gather(*(world.report(claim, *told) for _ in range(8)))

    assert {answer.seq for answer in answers} == {3}
    assert await _lines(world, claim) == ["x"]
    assert len((await task_runs.states(world.db, world.tenant_id, [one]))[one]) == 2


async def test_a_batch_with_a_gap_before_it_is_not_stored_and_answered_with_the_mark(world: World) -> None:
    claim = await world.started()
    await world.report(claim, line(1, "one"))

    answer = await world.report(claim, line(3, "three"))

    assert answer.seq == 1
    assert await _lines(world, claim) == ["one"]


async def test_a_state_that_the_table_does_not_allow_is_kept_but_not_folded_nor_is_what_follows_it(
    world: World,
) -> None:
    claim = await world.started()
    one, other = uuid4(), uuid4()

    await world.report(
        claim,
        task(1, one),
        task(2, other),
        state(3, one, "COMPLETED"),
        state(4, one, "RUNNING"),
        state(5, one, "FAILED"),
        state(6, other, "RUNNING"),
        state(7, uuid4(), "RUNNING"),
    )

    history = (await task_runs.states(world.db, world.tenant_id, [one]))[one]
    assert [(told.number, told.type, told.accepted) for told in history] == [
        (1, "PENDING", True),
        (2, "COMPLETED", True),
        (2, "RUNNING", False),
        (2, "FAILED", False),
    ]
    counts = await task_runs.counts(world.db, world.tenant_id, [claim.flow_run_id])
    assert counts[claim.flow_run_id] == {"COMPLETED": 1, "RUNNING": 1}


async def test_task_states_of_many_batches_fold_into_one_history_without_gaps(world: World) -> None:
    claim = await world.started()
    one = uuid4()
    steps = ["RUNNING", "SCHEDULED", "RUNNING", "SCHEDULED", "RUNNING", "COMPLETED"]

    tags = ["db", "a, b", "{c}", "d"]
    await world.report(claim, task(1, one, map_index=3, upstream=[str(uuid4())], parent=str(uuid4()), tags=tags))
    for index, step in enumerate(steps):
        await world.report(claim, state(index + 2, one, step, run_count=index // 2 + 1))

    stored = await task_runs.get(world.db, world.tenant_id, one)
    assert stored is not None
    assert (stored.state.type, stored.run_count, stored.map_index, len(stored.upstream)) == ("COMPLETED", 3, 3, 1)
    assert stored.tags == tuple(tags)
    history = (await task_runs.states(world.db, world.tenant_id, [one]))[one]
    assert [told.number for told in history] == list(range(1, 8))


async def test_a_heartbeat_is_an_empty_batch_and_answers_the_mark(world: World) -> None:
    claim = await world.started()
    await world.report(claim, line(1, "x"))

    assert (await world.report(claim)).seq == 1
    with pytest.raises(NotFound):
        await events.report(world.db, world.tenant_id, uuid4(), batch())


async def test_the_engine_renames_a_running_run_and_other_states_of_it_are_refused(world: World) -> None:
    claim = await world.started()

    await world.report(
        claim,
        {"kind": "run_state", "seq": 1, "type": "RUNNING", "name": "Retrying", "message": "2 of 3"},
        {"kind": "run_state", "seq": 2, "type": "COMPLETED", "name": "Completed", "message": ""},
    )

    assert await world.history(claim.flow_run_id) == ["Scheduled", "Pending", "Running", "Retrying", "(Completed)"]


async def test_a_flow_names_its_run_and_a_superseded_attempt_does_not(world: World) -> None:
    claim = await world.started()

    await world.report(claim, {"kind": "run_name", "seq": 1, "name": "orders of monday"})

    assert await world.db.fetchval("select name from flow_run where id = $1", claim.flow_run_id) == "orders of monday"
    assert await world.history(claim.flow_run_id) == ["Scheduled", "Pending", "Running"]


async def test_lines_the_sender_lost_are_shown_where_they_are_missing(world: World) -> None:
    claim = await world.started()

    await world.report(
        claim, line(1, "a"), {"kind": "dropped", "seq": 2, "lines": 7, "reason": "disk full"}, line(3, "b")
    )

    assert await _lines(world, claim) == ["a", "7 log lines are missing here: disk full", "b"]


async def test_a_line_that_the_database_cannot_hold_is_stored_with_a_mark_in_its_place(world: World) -> None:
    claim = await world.started()

    await world.report(claim, line(1, "nul \0 here"), line(2, "grüße 🐘"), line(3, "half \ud800"))

    assert await _lines(world, claim) == ["nul \ufffd here", "grüße 🐘", "half ?"]


async def test_lines_are_paged_without_gap_or_duplicate_and_filtered(world: World) -> None:
    claim = await world.started()
    one = uuid4()
    await world.report(
        claim, *(line(seq, f"line {seq}", level="ERROR" if seq % 5 == 0 else "INFO") for seq in range(1, 26))
    )
    await world.report(claim, line(26, "100% sure", task_run=str(one)))
    seen, cursor = [], None

    while True:
        page = await logs.page(world.db, world.tenant_id, claim.flow_run_id, first=10, after=cursor)
        seen += [told.seq for told in page.nodes]
        cursor = page.end_cursor
        if not page.has_next_page:
            break

    assert seen == list(range(1, 27))
    assert await _lines(world, claim, min_level="ERROR") == ["line 5", "line 10", "line 15", "line 20", "line 25"]
    assert await _lines(world, claim, contains="0% s") == ["100% sure"]
    assert await _lines(world, claim, contains="%") == ["100% sure"]
    assert await _lines(world, claim, task_run_id=one) == ["100% sure"]
    with pytest.raises(InvalidCursor):
        await logs.page(world.db, world.tenant_id, claim.flow_run_id, after="bm9wZQ")


async def test_a_clock_that_is_ahead_does_not_put_states_into_the_future(world: World) -> None:
    claim = await world.started()
    one = uuid4()
    tomorrow = later(86400).isoformat()

    await world.report(claim, {**task(1, one), "at": tomorrow}, {**state(2, one, "RUNNING"), "at": tomorrow})
    await world.finish(claim, at=later(86400))

    run = await world.get(claim.flow_run_id)
    stored = await task_runs.get(world.db, world.tenant_id, one)
    assert stored is not None
    assert stored.started_at is not None
    assert stored.started_at <= datetime.now(UTC)
    assert run.finished_at is not None
    assert run.finished_at <= datetime.now(UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": [{"kind": "log", "seq": 1}]},
        {"events": [{"kind": "other", "seq": 1}]},
        {"events": [{**line(1, "x"), "at": "2026-11-21T09:30:00Z", "more": 1}]},
        {"events": [{**line(1, "x"), "at": "2026-11-21T09:30:00"}]},
        {"events": [{**line(0, "x"), "at": "2026-11-21T09:30:00Z"}]},
        {"events": [{**line(1, "x" * 70_000), "at": "2026-11-21T09:30:00Z"}]},
        {"events": [{**line(1, "x"), "at": "2026-11-21T09:30:00Z"}, {**line(3, "x"), "at": "2026-11-21T09:30:00Z"}]},
        {"events": None},
        [],
        None,
    ],
)
def test_a_batch_that_is_not_as_documented_is_refused_with_the_path_of_what_is_wrong(wrong: object) -> None:
    with pytest.raises(InvalidInput):
        event_batch.convert(wrong)
    with pytest.raises(InvalidInput):
        event_batch.decode(json.dumps(wrong).encode())


def test_the_committed_json_schema_is_that_of_the_decoder_and_accepts_what_it_accepts() -> None:
    path = Path(homeport_control_plane.__file__).with_name("event_batch.schema.json")
    one = uuid4()
    told = [{**event, "at": "2026-11-21T09:30:00Z"} for event in (task(1, one), state(2, one, "RUNNING"), line(3, "x"))]

    assert path.read_bytes() == event_batch.json_schema()
    validator = jsonschema_rs.Draft202012Validator(json.loads(path.read_bytes()))
    assert validator.is_valid({"events": told})
    assert not validator.is_valid({"events": [{**told[0], "more": 1}]})


async def test_what_is_stored_is_announced_to_whoever_watches_the_run(world: World) -> None:
    claim = await world.started()
    heard: list[str] = []
    world.db.on_announce = heard.extend

    await world.report(claim, line(1, "x"))
    await world.finish(claim)

    assert heard.count(flow_runs.topic(claim.flow_run_id)) == 2


REFERENCE = {"kind": "folder", "key": "results/1.json", "serializer": "json", "size": 12, "sha256": "ab" * 32}


async def test_where_a_result_lies_is_kept_with_the_state_that_told_it(world: World) -> None:
    claim = await world.started()
    one = uuid4()
    kept = {**REFERENCE, "storage": {"kind": "folder", "path": "/srv/results"}}

    await world.report(claim, task(1, one), state(2, one, "RUNNING"), state(3, one, "COMPLETED", result=kept))
    finished = await world.finish(claim, result=REFERENCE)

    [_, running, completed] = (await task_runs.states(world.db, world.tenant_id, [one]))[one]
    found = await task_runs.get(world.db, world.tenant_id, one)
    assert (running.result, completed.result) == (None, kept)
    assert found is not None
    assert found.state.result == kept
    assert finished.state.result == (await world.get(claim.flow_run_id)).state.result == REFERENCE
    history = (await flow_runs.states(world.db, world.tenant_id, [claim.flow_run_id]))[claim.flow_run_id]
    assert [told.result for told in history] == [None, None, None, REFERENCE]


async def test_a_retried_run_has_no_result_until_it_ends_again(world: World) -> None:
    claim = await world.started()
    await world.finish(claim, "FAILED", result=REFERENCE)

    run = await continuation.retry(world.db, world.tenant_id, claim.flow_run_id, actor=ACTOR)

    assert run.state.result is None


@pytest.mark.parametrize(
    ("result", "path"),
    [
        ({**REFERENCE, "value": 42}, "value"),
        ({**REFERENCE, "size": -1}, "size"),
        ({**REFERENCE, "sha256": "no digest"}, "sha256"),
        ({name: value for name, value in REFERENCE.items() if name != "key"}, "key"),
        ({**REFERENCE, "storage": {"note": "x" * 5000}}, "limit of 4,096"),
        ("somewhere", "object"),
    ],
)
async def test_what_is_no_reference_to_a_result_is_refused_by_name(world: World, result: object, path: str) -> None:
    claim = await world.started()
    one = uuid4()

    with pytest.raises(InvalidInput, match=path) as in_a_batch:
        batch(task(1, one), state(2, one, "COMPLETED", result=result))
    with pytest.raises(InvalidInput, match=path):
        await world.finish(claim, result=result)

    assert "batch" in str(in_a_batch.value)
