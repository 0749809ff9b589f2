"""Hooks: what a flow or task wants called when its runs enter a state."""

import asyncio
import threading

import pytest

from homeport import Flow, flow, get_run_logger, task
from homeport.engine.cancellation import RunCancelled
from homeport.states import Crashed, Failed
from homeport.testing import try_run


class Calls(list):
    """A hook that keeps what it was called with."""

    __name__ = "keep"

    def __call__(self, subject, run, state):
        self.append((subject.name, run.name, state.name))


def test_the_hooks_of_a_task_are_called_with_the_task_its_run_and_its_state():
    running, completed, failed = Calls(), Calls(), Calls()

    @task(on_running=[running], on_completion=[completed], on_failure=[failed])
    def divide(by):
        return 6 / by

    @flow
    def divides():
        divide(2)
        divide(0, return_state=True)

    try_run(divides)

    assert running == [("divide", "divide-0", "Running"), ("divide", "divide-1", "Running")]
    assert completed == [("divide", "divide-0", "Completed")]
    assert failed == [("divide", "divide-1", "Failed")]


def test_the_hook_of_a_failure_is_called_after_the_last_retry_only():
    failed = Calls()

    @task(retries=2, on_failure=[failed])
    def fails():
        raise ValueError

    @flow
    def calls():
        fails.submit().wait()

    try_run(calls)

    assert failed == [("fails", "fails-0", "Failed")]


def test_a_task_that_could_not_start_calls_the_hook_of_its_failure():
    failed = Calls()

    @task
    def fails():
        raise ValueError

    @task(on_failure=[failed])
    def follows(value):
        return value

    @flow
    def calls():
        follows.submit(fails.submit()).wait()

    try_run(calls)

    assert failed == [("follows", "follows-0", "TriggerFailed")]


def test_those_who_wait_for_a_task_go_on_when_its_hooks_have_run():
    order = []

    def slow(task, run, state):
        order.append("hook")

    @task(on_completion=[slow])
    def first():
        return 1

    @flow
    def waits():
        first.submit().result()
        order.append("flow")

    try_run(waits)

    assert order == ["hook", "flow"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (lambda: 1, ["on_running Running", "on_completion Completed"]),
        (lambda: 1 / 0, ["on_running Running", "on_failure Failed"]),
        (lambda: Crashed("gone"), ["on_running Running", "on_crashed Crashed"]),
    ],
    ids=["completed", "failed", "crashed"],
)
def test_a_flow_calls_the_hooks_of_the_states_that_its_run_enters(body, expected):
    called = []

    def named(kind):
        return lambda flow, run, state: called.append(f"{kind} {state.name}")

    kinds = ("on_running", "on_completion", "on_failure", "on_cancellation", "on_crashed")

    try_run(flow(**{kind: [named(kind)] for kind in kinds})(body).with_options(name="hooked"))

    assert called == expected


def test_a_cancelled_flow_calls_its_hook_of_cancellation():
    called = Calls()

    @flow(on_cancellation=[called])
    def stopped():
        raise RunCancelled("Asked to stop.")

    tried = try_run(stopped)

    assert tried.state.is_cancelled()
    assert called == [("stopped", "tried-run", "Cancelled")]


def test_a_subflow_calls_its_own_hooks():
    called = Calls()

    @flow(on_completion=[called])
    def inner():
        return 1

    @flow
    def outer():
        return inner()

    try_run(outer)

    assert called == [("inner", "inner-0", "Completed")]


def test_hooks_are_added_by_decorators_too():
    called = []

    @task
    def work():
        return 1

    @flow
    def works():
        return work()

    @work.on_completion
    def after_work(task, run, state):
        called.append("task")

    @works.on_completion
    def after_works(flow, run, state):
        called.append("flow")

    try_run(works)

    assert called == ["task", "flow"]
    assert after_work.__name__ == "after_work"


def test_a_hook_that_raises_is_logged_and_changes_nothing():
    def careless(task, run, state):
        raise KeyError("forgot")

    @task(on_completion=[careless])
    def work():
        return 1

    @flow(on_completion=[careless])
    def works():
        return work()

    tried = try_run(works)

    assert tried.state.result() == 1
    assert sum("The hook 'careless' raised" in line.message for line in tried.reported.lines) == 2


def test_async_hooks_are_awaited_in_every_kind_of_flow():
    called = []

    async def notify(subject, run, state):
        await asyncio.sleep(0)
        called.append(run.name)

    @task(on_completion=[notify])
    def plain():
        return 1

    @task(on_completion=[notify])
    async def waiting():
        return 1

    @flow(on_completion=[notify])
    def sync():
        plain.submit().wait()
        waiting()

    @flow(on_completion=[notify])
    async def other():
        await waiting()

    assert try_run(sync).state.is_completed()
    assert try_run(other).state.is_completed()
    assert called == ["plain-0", "waiting-0", "tried-run", "waiting-0", "tried-run"]


def test_lines_that_a_hook_logs_belong_to_its_run():
    def tells(task, run, state):
        get_run_logger().info("told %s", run.flow_run_id == run.run.id)

    @task(on_completion=[tells])
    def work():
        return 1

    @flow
    def works():
        work()

    tried = try_run(works)

    assert "told True" in tried.reported.messages(tried.reported.named("work")[0].id)


def test_one_function_for_a_failure_is_called_as_1x_called_it():
    called = []

    @task(on_failure=lambda task, state: called.append((task.name, state.is_failed())))
    def fails():
        raise ValueError

    with Flow("older", on_failure=lambda flow, state: called.append((flow.name, state.is_failed()))) as older:
        fails()

    older.run()

    assert called == [("fails", True), ("older", True)]


def test_a_task_that_is_stopped_while_its_hook_runs_keeps_nobody_waiting():
    begun, never = threading.Event(), threading.Event()

    def hangs(task, run, state):
        begun.set()
        never.wait(20)

    @task(on_completion=[hangs])
    def work():
        return 1

    @flow(timeout_seconds=0.1)
    def waits():
        work.submit()
        begun.wait(10)
        never.wait(20)

    from homeport.engine import flow_runs

    before, flow_runs.STOP_SECONDS = flow_runs.STOP_SECONDS, 0.1
    try:
        tried = try_run(waits)
    finally:
        flow_runs.STOP_SECONDS = before
        never.set()

    assert tried.state.name == "TimedOut"
    assert tried.reported.named("work")[0].state.is_completed()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: task(on_completion=print)(print), "on_completion is a list of functions.*Write on_completion="),
        (lambda: flow(on_failure=["mail"])(lambda: None), "'mail' in it cannot be called"),
        (lambda: task(on_cancellation=[print])(print), "no argument 'on_cancellation'"),
    ],
)
def test_what_is_no_hook_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_other_options_keep_the_hooks():
    called = Calls()

    @task(on_completion=[called])
    def work():
        return Failed("no") if False else 1

    renamed = work.with_options(name="renamed")
    again = flow(on_completion=[called])(lambda: renamed()).with_options(name="again")

    try_run(again)

    assert called == [("renamed", "renamed-0", "Completed"), ("again", "tried-run", "Completed")]
