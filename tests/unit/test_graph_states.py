"""States as 1.x programs read them, the handlers that see and replace them, and the signals that make them."""

from datetime import UTC, datetime, timedelta

import pytest

import homeport
from homeport import Flow, flow, task, triggers
from homeport.engine import signals
from homeport.engine import state as st
from homeport.states import Completed, Retrying
from homeport.testing import try_run


def ended(node_of, **options):
    """The state of the one task that this function makes."""
    with Flow("one", **options) as one:
        made = node_of()
    return one.run().result[made]


def raising(signal, **options):
    @task(**options)
    def raises():
        raise signal

    return ended(raises)


def names_seen(seen):
    return [(type(old).__name__, type(new).__name__) for old, new in seen]


def test_the_classes_of_1x_form_its_tree():
    assert issubclass(st.Skipped, st.Success)
    assert issubclass(st.TriggerFailed, st.Failed)
    assert issubclass(st.Retrying, st.Scheduled)
    assert issubclass(st.Paused, st.Pending)
    assert set(st.Failed.children()) == {st.TimedOut, st.TriggerFailed, st.ValidationFailed, st.Crashed}
    assert st.Skipped.parents() == [st.Success, st.Finished, st.State]


@pytest.mark.parametrize("kind", [kind for kind in st.State.children() if kind is not st.Finished])
def test_every_state_is_made_from_a_message_and_read_back_as_itself(kind):
    made = kind("why", result=3)

    assert (made.message, made.result) == ("why", 3)
    assert type(st.of(st.plain(made))) is kind
    assert repr(made) == f'<{kind.__name__}: "why">'


def test_the_bases_of_states_are_not_states_themselves():
    with pytest.raises(TypeError, match="Finished is the base of other states"):
        st.Finished()


def test_handlers_of_a_task_see_every_change_in_order():
    seen = []

    @task(max_retries=1, state_handlers=[lambda task, old, new: seen.append((old, new))])
    def second_time():
        if homeport.context.task_run_count == 1:
            raise ValueError("first")

    ended(second_time)

    assert names_seen(seen) == [
        ("Pending", "Running"), ("Running", "Failed"), ("Failed", "Retrying"), ("Retrying", "Running"),
        ("Running", "Success"),
    ]  # fmt: skip


def test_a_handler_puts_another_state_in_the_place_of_a_failure():
    def mend(task, old, new):
        return st.Success("mended", result=5) if isinstance(new, st.Failed) else None

    @task(state_handlers=[mend])
    def broken():
        raise ValueError("no")

    found = ended(broken)

    assert (type(found), found.message, found.result) == (st.Success, "mended", 5)


def test_a_handler_can_keep_a_task_from_being_called():
    called = []

    @task(state_handlers=[lambda task, old, new: st.Skipped("closed today") if new.is_running() else None])
    def never():
        called.append(1)

    assert isinstance(ended(never), st.Skipped)
    assert called == []


def test_a_handler_sends_a_task_into_another_try():
    def once_more(task, old, new):
        return st.Retrying("once more") if new.is_successful() and new.result < 2 else None

    @task(state_handlers=[once_more])
    def counts():
        return homeport.context.task_run_count

    assert ended(counts).result == 2


def test_the_next_handler_sees_what_the_one_before_chose():
    @task(
        state_handlers=[
            lambda task, old, new: st.Success(result=1) if new.is_failed() else None,
            lambda task, old, new: st.Success(result=new.result + 1) if new.is_successful() else None,
        ]
    )
    def broken():
        raise ValueError("no")

    assert ended(broken).result == 2


def test_a_handler_that_raises_fails_the_run_and_is_named():
    def typo(task, old, new):
        raise KeyError("nmae")

    found = ended(task(state_handlers=[typo])(lambda: 1))

    assert found.is_failed()
    assert "'typo' raised KeyError: 'nmae'" in found.message


def test_a_handler_that_raises_a_signal_chooses_its_state():
    def skip(task, old, new):
        raise signals.SKIP("not needed")

    assert isinstance(ended(task(state_handlers=[skip])(lambda: 1)), st.Skipped)


def test_a_handler_that_returns_no_state_is_named():
    found = ended(task(state_handlers=[lambda task, old, new: 7])(lambda: 1))

    assert "returned 7, which is no state" in found.message


@pytest.mark.parametrize("wrong", [len, 7])
def test_state_handlers_are_a_list(wrong):
    with pytest.raises(TypeError, match=r"task 'len': state_handlers is a list of functions"):
        task(state_handlers=wrong)(len)


def test_handlers_see_that_a_trigger_was_not_met():
    seen = []

    @task(state_handlers=[lambda task, old, new: seen.append((old, new))])
    def behind():
        return 1

    with Flow("trigger") as flow_of_two:
        behind(upstream_tasks=[task(lambda: 1 / 0, name="fails")()])
    flow_of_two.run()

    assert names_seen(seen) == [("Pending", "TriggerFailed")]


def test_handlers_of_a_flow_see_its_changes_and_replace_its_end():
    seen = []

    def watch(flow, old, new):
        seen.append((old, new))
        return st.Success("good enough") if new.is_failed() else None

    with Flow("watched", state_handlers=[watch]) as watched:
        task(lambda: 1 / 0, name="fails")()

    assert watched.run().message == "good enough"
    assert names_seen(seen) == [("Pending", "Running"), ("Running", "Failed")]


def test_handlers_work_on_function_flows_and_their_tasks_too():
    seen = []

    @task(state_handlers=[lambda task, old, new: seen.append(task.name)])
    def inner():
        return 1

    @flow(state_handlers=[lambda flow, old, new: seen.append(flow.name)])
    def outer():
        return inner()

    assert outer() == 1
    assert seen == ["outer", "inner", "inner", "outer"]


def test_on_failure_of_1x_gets_the_task_and_its_state():
    seen = []

    @task(on_failure=lambda task, state: seen.append((task.name, state.is_failed())))
    def broken():
        raise ValueError("no")

    ended(broken)

    assert seen == [("broken", True)]


@pytest.mark.parametrize(
    ("signal", "kind", "message"),
    [
        (signals.FAIL("bad"), st.Failed, "bad"),
        (signals.SKIP("nothing"), st.Skipped, "nothing"),
        (signals.SUCCESS("done"), st.Success, "done"),
        (signals.TRIGGERFAIL("no"), st.TriggerFailed, "no"),
        (signals.VALIDATIONFAIL("odd"), st.ValidationFailed, "odd"),
        (signals.ENDRUN(st.Success("so", result=4)), st.Success, "so"),
        (signals.signal_from_state(Completed("same")), st.Success, "same"),
    ],
)
def test_a_signal_ends_the_task_in_its_state(signal, kind, message):
    found = raising(signal)

    assert (type(found), found.message) == (kind, message)


@pytest.mark.parametrize("signal", [signals.FAIL("bad"), signals.VALIDATIONFAIL("odd")])
def test_fail_and_validationfail_are_retried_and_triggerfail_is_not(signal):
    calls = []

    @task(retries=2)
    def raises(which):
        calls.append(which)
        raise which

    with Flow("retried") as retried:
        raises(signal)
        raises(signals.TRIGGERFAIL("no"))
    retried.run()

    assert [type(one) for one in calls] == [type(signal)] * 3 + [signals.TRIGGERFAIL]


def test_retry_calls_again_at_its_start_time_whatever_retries_there_are():
    started = datetime.now(UTC)
    times = []

    @task
    def waits():
        times.append(datetime.now(UTC))
        if len(times) == 1:
            raise signals.RETRY("not yet", start_time=started + timedelta(seconds=0.15))
        return "then"

    assert ended(waits).result == "then"
    assert times[1] >= started + timedelta(seconds=0.15)


def test_retry_with_a_start_time_that_has_passed_calls_again_at_once():
    @task
    def waits():
        if homeport.context.task_run_count == 1:
            raise signals.RETRY(start_time=datetime(2001, 1, 1))
        return "now"

    assert ended(waits).result == "now"
    with pytest.raises(TypeError, match="not both"):
        signals.RETRY(seconds=1, start_time=started_at())


def started_at():
    return datetime.now(UTC)


def test_loop_calls_again_with_the_count_and_what_the_last_round_left():
    @task
    def collect(limit):
        found = homeport.context.get("task_loop_result", [])
        round_ = homeport.context.get("task_loop_count", 1)
        if round_ < limit:
            raise signals.LOOP(f"round {round_}", result=[*found, round_])
        return [*found, round_]

    assert ended(lambda: collect(4)).result == [1, 2, 3, 4]


def test_each_round_of_a_loop_has_all_retries():
    failed = []

    @task(retries=2)
    def collect():
        round_ = homeport.context.get("task_loop_count", 1)
        if failed.count(round_) < 2:
            failed.append(round_)
            raise ValueError("flaky")
        if round_ < 3:
            raise signals.LOOP(result=round_)
        return round_

    assert ended(collect).result == 3
    assert failed == [1, 1, 2, 2, 3, 3]


def test_rounds_are_reported_as_a_rename_of_running():
    @task
    def twice():
        if homeport.context.get("task_loop_count", 1) < 2:
            raise signals.LOOP("again")

    with Flow("loop") as loop:
        twice()
    kept = try_run(loop).reported.named("twice")[0]

    assert [state.name for state in kept.states] == ["Running", "Looped", "Running", "Completed"]


def test_a_paused_task_holds_what_is_behind_it_and_the_flow_ends_paused():
    @task(trigger=triggers.manual_only)
    def publish():
        return "published"

    with Flow("held") as held:
        made = publish()
        behind = task(lambda x: x, name="behind")(made)
        free = task(lambda: 1, name="free")()
    state = held.run()

    assert isinstance(state, st.Paused)
    assert "publish" in state.message
    assert isinstance(state.result[made], st.Paused)
    assert isinstance(state.result[behind], st.Pending)
    assert state.result[free].is_successful()


def test_a_paused_task_that_may_go_on_is_called_again_with_resume_in_its_context(monkeypatch):
    asked = []
    monkeypatch.setattr("homeport.engine.approvals.on_terminal", lambda: True)
    monkeypatch.setattr("homeport.engine.approvals.ask_on_terminal", lambda *told: asked.append(told) or True)

    @task
    def careful():
        if not homeport.context.get("resume"):
            raise signals.PAUSE("look at it first")
        return "went on"

    assert ended(careful).result == "went on"
    assert asked == [("careful", "look at it first")]


def test_an_older_state_that_a_task_returns_ends_it():
    assert ended(task(lambda: st.Failed("bad"), name="returns")).message == "bad"
    assert ended(task(lambda: Completed(data=3), name="returns")).result == 3


def test_a_state_that_is_no_end_is_refused_as_one():
    assert "cannot end in the state Retrying" in ended(task(lambda: Retrying(), name="returns")).message


def test_the_terminal_state_handler_of_1x_sees_the_deciding_states_and_chooses_the_end():
    seen = []

    def decide(flow, found, deciding):
        seen.append((flow.name, type(found), {type(one) for one in deciding}))
        return st.Success("good enough", result=found.result) if found.is_failed() else None

    def wrong(flow, found, deciding):
        return "fine"

    with Flow("judged", terminal_state_handler=decide) as judged:
        failing = task(lambda: 1 / 0, name="failing")()
    end = judged.run()
    judged.terminal_state_handler = wrong

    assert (end.message, end.result[failing].is_failed()) == ("good enough", True)
    assert seen == [("judged", st.Failed, {st.Failed})]
    assert "flow 'judged': its terminal_state_handler returned 'fine'. Return a state" in judged.run().message
