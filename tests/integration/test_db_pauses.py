"""A run that waits for a person: who may pause it, what may be given, who comes first, what a lost process leaves."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport_control_plane import claims, continuation, explain, pauses, projects, work_queues
from homeport_control_plane.claims import Claim
from homeport_control_plane.errors import Conflict, DomainError, Fenced, InvalidInput, InvalidTransition, NotFound
from homeport_control_plane.flow_runs import FlowRun
from homeport_control_plane.loops import pause_expirer, rescuer
from homeport_control_plane.pauses import Pause
from homeport_control_plane.wakeups import Wakeups
from tests.integration.db_world import ACTOR, World, later, state, task

WANTED = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "count": {"type": "integer", "default": 1}},
    "required": ["name"],
    "additionalProperties": False,
}
OTHER = "key:somebody else (111111111111)"


async def _pause(world: World, claim: Claim, key: str = "ask", **changes: Any) -> Pause:
    return await pauses.pause(world.db, world.tenant_id, claim.attempt_id, **{"id": uuid4(), "key": key, **changes})


async def _resume(world: World, claim: Claim, input: Any = None, *, actor: str = ACTOR, **changes: Any) -> FlowRun:
    return await continuation.resume(world.db, world.tenant_id, claim.flow_run_id, input=input, actor=actor, **changes)


async def _suspended(world: World, **changes: Any) -> Claim:
    claim = await world.started()
    await _pause(world, claim, suspends=True, **changes)
    assert (await world.finish(claim, "PAUSED", name="Suspended")).accepted
    return claim


async def _ended(world: World, claim: Claim, known: int = 0) -> Sequence[tuple[str, str | None, Any]]:
    wakeups = Wakeups("postgresql://nowhere")
    found = await pauses.ended(world.db, wakeups, world.tenant_id, claim.attempt_id, known=known, wait_seconds=0)
    return [(pause.key, pause.outcome, pause.input) for pause in found]


# Waiting.


async def test_a_paused_run_keeps_its_attempt_says_what_it_waits_for_and_goes_on_with_what_it_is_given(
    world: World,
) -> None:
    claim = await world.started()

    paused = await _pause(world, claim, input_schema=WANTED, timeout=60, message="Who shall get it?")
    waiting = await world.get(claim.flow_run_id)
    resumed = await _resume(world, claim, {"name": "x"})

    assert (paused.outcome, paused.input_schema, paused.suspends) == (None, WANTED, False)
    assert (waiting.state.type, waiting.state.name, waiting.attempt_id) == ("PAUSED", "Paused", claim.attempt_id)
    assert waiting.state.message == "Waits for input (name, count) at 'ask': Who shall get it?"
    assert (resumed.state.type, resumed.state.name, resumed.attempt_id) == ("RUNNING", "Running", claim.attempt_id)
    assert resumed.state.message == "Resumed by tests (000000000000)"
    assert await _ended(world, claim) == [("ask", "RESUMED", {"name": "x"})]
    assert (await world.finish(claim)).accepted
    assert await world.history(claim.flow_run_id) == [
        "Scheduled", "Pending", "Running", "Paused", "Running", "Completed"
    ]  # fmt: skip


async def test_asked_again_because_the_answer_was_lost_it_is_the_same_pause(world: World) -> None:
    claim, one = await world.started(), uuid4()

    first = await _pause(world, claim, id=one)
    again = await _pause(world, claim, id=one)
    await _resume(world, claim)
    late = await _pause(world, claim, id=one)

    assert first == again
    assert (late.id, late.outcome) == (one, "RESUMED")
    assert (await world.history(claim.flow_run_id)).count("Paused") == 1


async def test_an_id_that_is_another_runs_pause_is_refused(world: World) -> None:
    claim, other, one = await world.started(), await world.started(), uuid4()
    await _pause(world, other, id=one)

    with pytest.raises(InvalidInput) as refused:
        await _pause(world, claim, id=one)

    assert [problem.path for problem in refused.value.fields] == ["pauseId"]
    assert (await world.get(claim.flow_run_id)).state.type == "RUNNING"


async def test_a_place_that_was_answered_is_passed_at_once_the_next_time(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, input_schema=WANTED)
    await _resume(world, claim, {"name": "x"})

    again = await _pause(world, claim, input_schema=WANTED)

    assert (again.outcome, again.input) == ("RESUMED", {"name": "x"})
    assert (await world.get(claim.flow_run_id)).state.type == "RUNNING"


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        (None, ["input"]),
        ({}, ["input"]),
        ({"name": 1}, ["input.name"]),
        ({"name": "x", "count": "many"}, ["input.count"]),
        ({"name": "x", "more": 1}, ["input"]),
        ("x", ["input"]),
        ([1], ["input"]),
        ({"name": "\0"}, ["input.name"]),
        ({"name": "x" * 70_000}, ["input"]),
    ],
)
async def test_input_that_does_not_fit_is_refused_by_field_and_the_run_waits_on(
    world: World, given: Any, paths: list[str]
) -> None:
    claim = await world.started()
    await _pause(world, claim, input_schema=WANTED)

    with pytest.raises(InvalidInput) as refused:
        await _resume(world, claim, given)

    assert [field.path for field in refused.value.fields] == paths
    assert (await world.get(claim.flow_run_id)).state.type == "PAUSED"
    assert await _ended(world, claim) == []


async def test_a_pause_that_asks_for_nothing_takes_nothing(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim)

    with pytest.raises(InvalidInput, match="takes no input"):
        await _resume(world, claim, {"name": "x"})
    await _resume(world, claim)

    assert await _ended(world, claim) == [("ask", "RESUMED", None)]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"input_schema": {"type": "strange"}}, "inputSchema"),
        ({"input_schema": {"type": "string"}}, "inputSchema"),
        ({"input_schema": [1]}, "inputSchema"),
        ({"input_schema": {"type": "object", "$ref": "https://example.org/x"}}, "inputSchema"),
        ({"input_schema": {"type": "object", "title": "x" * 70_000}}, "inputSchema"),
        ({"timeout": 0}, "timeoutSeconds"),
        ({"timeout": float("nan")}, "timeoutSeconds"),
        ({"timeout": 1e12}, "timeoutSeconds"),
        ({"key": " "}, "key"),
        ({"message": "\0"}, "message"),
    ],
)
async def test_a_pause_that_makes_no_sense_is_refused_and_pauses_nothing(
    world: World, changes: dict[str, Any], path: str
) -> None:
    claim = await world.started()

    with pytest.raises(InvalidInput) as refused:
        await _pause(world, claim, **changes)

    assert [field.path for field in refused.value.fields] == [path]
    assert (await world.get(claim.flow_run_id)).state.type == "RUNNING"


async def test_a_run_that_waits_at_several_pauses_goes_on_once_the_last_is_answered(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, "a")
    await _pause(world, claim, "b")

    with pytest.raises(InvalidInput, match="must be said which is meant: 'a', 'b'"):
        await _resume(world, claim)
    with pytest.raises(InvalidInput, match="does not wait at 'c'"):
        await _resume(world, claim, key="c")
    first = await _resume(world, claim, key="b")
    last = await _resume(world, claim)

    assert (first.state.type, last.state.type) == ("PAUSED", "RUNNING")
    assert [key for key, *_ in await _ended(world, claim)] == ["b", "a"]


async def test_the_commands_that_are_proposed_may_be_pasted_into_a_shell(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, "is it ok?; ask")
    await _pause(world, claim, "b")

    with pytest.raises(InvalidInput) as refused:
        await _resume(world, claim)
    told = await explain.explain(world.db, world.tenant_id, claim.flow_run_id)

    assert (refused.value.hint or "").endswith(" --key 'is it ok?; ask'")
    assert told is not None
    assert "--key 'is it ok?; ask'" in (told.checks[0].mend or "")


async def test_two_places_of_one_key_cannot_be_waited_at_together(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim)

    with pytest.raises(InvalidInput, match="waits already") as refused:
        await _pause(world, claim)

    assert refused.value.fields[0].path == "key"
    assert refused.value.hint == "give each pause of a flow a key of its own"


async def test_code_that_goes_on_without_an_answer_takes_its_pause_back(world: World) -> None:
    claim = await world.started()
    paused = await _pause(world, claim)

    await pauses.withdraw(world.db, world.tenant_id, claim.attempt_id, id=paused.id)
    await pauses.withdraw(world.db, world.tenant_id, claim.attempt_id, id=paused.id)

    assert (await world.get(claim.flow_run_id)).state.type == "RUNNING"
    assert await _ended(world, claim) == [("ask", "ABANDONED", None)]


@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CRASHED"])
async def test_a_run_may_end_while_it_waits_and_its_pause_ends_with_it(world: World, end: str) -> None:
    claim = await world.started()
    await _pause(world, claim)

    finished = await world.finish(claim, end)

    assert (finished.accepted, finished.state.type) == (True, end)
    [paused] = (await pauses.of_runs(world.db, world.tenant_id, [claim.flow_run_id]))[claim.flow_run_id]
    assert paused.outcome == "ABANDONED"


async def test_a_waiting_run_keeps_its_slot_and_a_suspended_one_gives_it_back(world: World) -> None:
    await world.register()
    claim = await world.started()
    await work_queues.update(world.db, world.tenant_id, "default", concurrency_limit=1)
    await world.run()
    other = await world.agent("other")

    await _pause(world, claim, suspends=True)
    while_held = await world.claim(other)
    await world.finish(claim, "PAUSED", name="Suspended")
    after = await world.claim(other)

    assert (while_held, len(after)) == ([], 1)


async def test_a_project_with_a_run_that_waits_is_not_deleted_under_it(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim)

    with pytest.raises((Conflict, InvalidTransition)):
        await projects.delete(world.db, world.tenant_id, "p")
    await world.cancel(claim.flow_run_id)
    await world.finish(claim, "CANCELLED")

    await projects.delete(world.db, world.tenant_id, "p")


# Who may pause.


async def test_only_the_attempt_that_holds_a_running_run_may_pause_it(world: World) -> None:
    await world.register(on_lost="RETRY")
    claimed = await world.claimed()
    with pytest.raises(InvalidTransition, match="cannot pause it"):
        await _pause(world, claimed)
    await world.start(claimed)
    await rescuer.run_once(world.db, now=later(70))
    with pytest.raises(Fenced):
        await _pause(world, claimed)
    with pytest.raises(Fenced):
        await _ended(world, claimed)
    [again] = await world.claim(await world.agent("b"))
    await world.start(again)
    with pytest.raises(Fenced):
        await _pause(world, claimed)

    await _pause(world, again)
    with pytest.raises(Fenced):
        await pauses.withdraw(world.db, world.tenant_id, claimed.attempt_id, id=uuid4())

    assert (await world.get(claimed.flow_run_id)).state.attempt_number == 2


async def test_a_run_that_shall_stop_is_not_paused(world: World) -> None:
    claim = await world.started()
    await world.cancel(claim.flow_run_id)

    with pytest.raises(InvalidTransition) as refused:
        await _pause(world, claim)

    assert refused.value.state_type == "CANCELLING"


async def test_another_tenant_pauses_and_resumes_nothing(world: World) -> None:
    claim = await world.started()
    with pytest.raises(NotFound):
        await pauses.pause(world.db, uuid4(), claim.attempt_id, id=uuid4(), key="k")
    await _pause(world, claim)

    with pytest.raises(NotFound):
        await continuation.resume(world.db, uuid4(), claim.flow_run_id, actor=ACTOR)

    assert (await world.get(claim.flow_run_id)).state.type == "PAUSED"


# Suspending.


async def test_a_suspended_run_is_held_by_nobody_and_its_next_attempt_passes_the_place_with_the_input(
    world: World,
) -> None:
    claim = await _suspended(world, input_schema=WANTED)
    waiting = await world.get(claim.flow_run_id)

    resumed = await _resume(world, claim, {"name": "x"}, now=later(10))
    [again] = await world.claim(await world.agent("b"), now=later(11))
    await world.start(again)
    passed = await _pause(world, again, input_schema=WANTED, suspends=True)

    assert (waiting.state.type, waiting.state.name, waiting.attempt_id) == ("PAUSED", "Suspended", None)
    assert (resumed.state.type, resumed.attempt_id) == ("SCHEDULED", None)
    assert (again.flow_run_id, again.attempt_number) == (claim.flow_run_id, 2)
    assert (passed.outcome, passed.input) == ("RESUMED", {"name": "x"})
    assert (await world.finish(again)).accepted


async def test_a_process_that_tells_twice_that_it_has_suspended_gets_the_same_answer(world: World) -> None:
    claim = await _suspended(world)

    again = await world.finish(claim, "PAUSED", name="Suspended")

    assert (again.accepted, again.state.name) == (True, "Suspended")
    assert not (await world.finish(claim, "COMPLETED")).accepted
    assert (await world.get(claim.flow_run_id)).state.name == "Suspended"


async def test_a_run_that_is_resumed_before_its_process_has_gone_is_due_when_it_has(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, suspends=True)

    await _resume(world, claim)
    left = await world.finish(claim, "PAUSED", name="Suspended")

    assert (left.accepted, left.state.type) == (True, "SCHEDULED")
    [again] = await world.claim(await world.agent("b"))
    assert again.attempt_number == 2


async def test_a_running_run_is_not_suspended_without_a_pause_that_says_so(world: World) -> None:
    claim = await world.started()

    with pytest.raises(InvalidTransition):
        await world.finish(claim, "PAUSED", name="Suspended")
    await _pause(world, claim)
    await _resume(world, claim)
    with pytest.raises(InvalidTransition):
        await world.finish(claim, "PAUSED", name="Suspended")

    assert (await world.get(claim.flow_run_id)).state.type == "RUNNING"


async def test_a_run_that_is_cancelled_on_its_way_out_is_cancelled(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, suspends=True)
    await world.cancel(claim.flow_run_id)

    with pytest.raises(InvalidTransition) as refused:
        await world.finish(claim, "PAUSED", name="Suspended")
    await world.finish(claim, "CANCELLED")

    assert refused.value.state_type == "CANCELLING"
    assert (await world.history(claim.flow_run_id))[-3:] == ["Suspended", "Cancelling", "Cancelled"]


async def test_a_direct_run_waits_but_does_not_suspend_because_nobody_could_go_on_with_it(world: World) -> None:
    await world.register()
    run = await world.run(direct=True)
    claim = await claims.claim_direct(world.db, world.tenant_id, run.id, executor="laptop", actor=ACTOR)
    await world.start(claim)

    with pytest.raises(InvalidTransition, match="cannot be suspended") as refused:
        await _pause(world, claim, suspends=True)
    await _pause(world, claim)
    resumed = await _resume(world, claim)

    assert "pause_flow_run" in (refused.value.hint or "")
    assert resumed.state.type == "RUNNING"


# Time.


async def test_a_pause_that_nobody_answers_in_time_ends_and_the_process_goes_on_to_say_so(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, timeout=30)
    assert await pause_expirer.run_once(world.db, now=later(20)) == 0

    assert await pause_expirer.run_once(world.db, now=later(31)) == 1

    run = await world.get(claim.flow_run_id)
    assert (run.state.type, run.state.actor) == ("RUNNING", "control plane")
    assert "Nobody resumed it in time: it had waited at 'ask' since" in run.state.message
    assert await _ended(world, claim) == [("ask", "TIMED_OUT", None)]


async def test_a_process_that_asks_learns_that_its_time_is_over_without_any_loop(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, timeout=0.2)
    wakeups = Wakeups("postgresql://nowhere")

    found = await pauses.ended(world.db, wakeups, world.tenant_id, claim.attempt_id, known=0, wait_seconds=20)

    assert [pause.outcome for pause in found] == ["TIMED_OUT"]


async def test_a_suspended_run_that_nobody_resumes_in_time_has_failed(world: World) -> None:
    claim = await _suspended(world, timeout=30)

    await pause_expirer.run_once(world.db, now=later(31))

    run = await world.get(claim.flow_run_id)
    assert (run.state.type, run.state.name) == ("FAILED", "TimedOut")
    assert run.finished_at is not None


async def test_a_process_on_its_way_out_is_left_to_go_before_its_time_is_over(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, suspends=True, timeout=30)

    assert await pause_expirer.run_once(world.db, now=later(31)) == 0
    await world.finish(claim, "PAUSED", name="Suspended")

    assert await pause_expirer.run_once(world.db, now=later(31)) == 1


async def test_who_comes_after_the_time_is_told_that_it_was_over(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, timeout=30)

    with pytest.raises(InvalidTransition, match="its pause 'ask' timed out"):
        await _resume(world, claim, now=later(31))


async def test_a_place_that_timed_out_is_waited_at_again_the_next_time(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, timeout=30)
    await pause_expirer.run_once(world.db, now=later(31))

    again = await _pause(world, claim)

    assert again.outcome is None
    assert (await world.get(claim.flow_run_id)).state.type == "PAUSED"


# Who comes first.


async def test_of_two_people_who_resume_at_once_exactly_one_does(world: World) -> None:
    for _ in range(10):
        claim = await world.started()
        await _pause(world, claim, input_schema=WANTED)

        answers = await asyncio.gather(
            _resume(world, claim, {"name": "a"}),
            _resume(world, claim, {"name": "b"}, actor=OTHER),
            return_exceptions=True,
        )

        [refused] = [answer for answer in answers if isinstance(answer, BaseException)]
        assert isinstance(refused, InvalidTransition)
        assert "was resumed by" in refused.message
        [(_, outcome, given)] = await _ended(world, claim)
        winner = "a" if isinstance(answers[1], BaseException) else "b"
        assert (outcome, given) == ("RESUMED", {"name": winner})
        await world.finish(claim)


async def test_the_same_key_that_asks_twice_gets_the_same_answer(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim, input_schema=WANTED)

    first, second = await asyncio.gather(*(_resume(world, claim, {"name": "a"}) for _ in range(2)))
    with pytest.raises(InvalidTransition):
        await _resume(world, claim, {"name": "b"})

    assert first.state.number == second.state.number


async def test_of_two_pauses_answered_at_once_none_is_left_behind(world: World) -> None:
    for _ in range(10):
        claim = await world.started()
        await asyncio.gather(*(_pause(world, claim, key) for key in "abcd"))

        await asyncio.gather(*(_resume(world, claim, key=key) for key in "abcd"))

        assert (await world.get(claim.flow_run_id)).state.type == "RUNNING"
        await world.finish(claim)


async def test_resume_cancel_and_the_end_of_time_at_once_leave_one_story(world: World) -> None:
    seen: set[str] = set()
    for turn in range(20):
        claim = await world.started()
        await _pause(world, claim, timeout=30)
        late = later(31)

        works = [
            _resume(world, claim),
            world.cancel(claim.flow_run_id),
            pauses.expire(world.db, world.tenant_id, claim.flow_run_id, now=late),
        ]
        answers = await asyncio.gather(*(works[turn % 3 :] + works[: turn % 3]), return_exceptions=True)

        assert all(not isinstance(a, BaseException) or isinstance(a, DomainError) for a in answers), answers
        run = await world.get(claim.flow_run_id)
        [paused] = (await pauses.of_runs(world.db, world.tenant_id, [claim.flow_run_id]))[claim.flow_run_id]
        assert run.state.type == "CANCELLING"  # whoever came first, a cancel is never lost
        assert paused.outcome in {"RESUMED", "TIMED_OUT", "ABANDONED"}
        seen.add(paused.outcome)
        assert (await world.finish(claim, "CANCELLED")).accepted
    assert len(seen) > 1, seen


# Lost processes.


async def _lost(world: World, on_lost: str, **changes: Any) -> tuple[Claim, FlowRun]:
    await world.register(on_lost=on_lost)
    claim = await world.started()
    await _pause(world, claim, **changes)
    assert await rescuer.run_once(world.db, now=later(70)) == 1
    return claim, await world.get(claim.flow_run_id)


async def test_a_waiting_process_that_is_lost_has_crashed_and_so_has_its_run(world: World) -> None:
    claim, run = await _lost(world, "CRASH")

    assert (run.state.type, run.state.actor) == ("CRASHED", "rescuer")
    with pytest.raises(InvalidTransition, match="its pause 'ask' ended"):
        await _resume(world, claim)


async def test_with_retry_the_next_attempt_waits_at_the_same_place_again(world: World) -> None:
    claim, run = await _lost(world, "RETRY", input_schema=WANTED)
    assert (run.state.type, run.state.name) == ("SCHEDULED", "AwaitingRetry")

    [again] = await world.claim(await world.agent("b"))
    await world.start(again)
    paused = await _pause(world, again, input_schema=WANTED)
    await _resume(world, again, {"name": "x"})

    assert paused.outcome is None
    assert await _ended(world, again) == [("ask", "RESUMED", {"name": "x"})]
    with pytest.raises(Fenced):
        await _pause(world, claim)


async def test_with_hold_it_can_be_answered_all_the_same_and_the_next_attempt_passes_the_place(world: World) -> None:
    claim, run = await _lost(world, "HOLD", input_schema=WANTED)
    assert (run.state.type, run.state.name, run.attempt_id) == ("PAUSED", "Held", None)

    with pytest.raises(InvalidInput):
        await _resume(world, claim)
    resumed = await _resume(world, claim, {"name": "x"})
    [again] = await world.claim(await world.agent("b"), now=later(80))
    await world.start(again)
    passed = await _pause(world, again, input_schema=WANTED)

    assert resumed.state.type == "SCHEDULED"
    assert (passed.outcome, passed.input) == ("RESUMED", {"name": "x"})


@pytest.mark.parametrize("on_lost", ["CRASH", "RETRY", "HOLD"])
async def test_a_process_that_is_lost_on_its_way_out_has_suspended(world: World, on_lost: str) -> None:
    claim, run = await _lost(world, on_lost, suspends=True)

    assert (run.state.type, run.state.name, run.attempt_id) == ("PAUSED", "Suspended", None)
    assert (await _resume(world, claim)).state.type == "SCHEDULED"


async def test_a_held_run_that_waits_at_no_pause_takes_no_input(world: World) -> None:
    await world.register(on_lost="HOLD")
    claim = await world.started()
    await rescuer.run_once(world.db, now=later(70))

    with pytest.raises(InvalidInput, match="waits at no pause"):
        await _resume(world, claim, {"name": "x"})


async def test_events_of_a_waiting_process_are_taken_and_keep_it_alive(world: World) -> None:
    claim = await world.started()
    await _pause(world, claim)
    one = UUID(int=7)

    await world.report(claim, task(1, one), state(2, one, "RUNNING"), state(3, one, "COMPLETED"), now=later(50))

    assert await rescuer.run_once(world.db, now=later(70)) == 0
    assert await world.db.fetchval("select state_type from task_run where id = $1", one) == "COMPLETED"
