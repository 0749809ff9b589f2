"""Tasks in runs: called, submitted, and outside of both."""

import threading

import pytest

from homeport import allow_failure, flow, task
from homeport.engine import signals
from homeport.futures import as_completed
from homeport.states import Completed, Failed
from homeport.task_runners import ConcurrentTaskRunner, SequentialTaskRunner
from homeport.testing import try_run


@task
def double(number):
    return number * 2


@task
def fail(message="no"):
    raise ValueError(message)


def states_of(tried, name):
    return [state.name for state in tried.reported.named(name)[0].states]


def test_a_task_outside_a_run_is_the_plain_function():
    assert double(4) == 8
    assert double.fn(4) == 8


def test_a_task_called_in_a_run_is_reported_and_returns_its_result():
    @flow
    def once():
        return double(4)

    tried = try_run(once)

    assert tried.state.result() == 8
    assert states_of(tried, "double-0") == ["Running", "Completed"]
    assert tried.reported.named("double-0")[0].run_count == 1


def test_what_a_task_raises_is_raised_where_it_was_called():
    @flow
    def caught():
        try:
            fail("this one")
        except ValueError as error:
            return str(error)

    tried = try_run(caught)

    assert tried.state.result() == "this one"
    assert states_of(tried, "fail-0") == ["Running", "Failed"]


def test_return_state_gives_the_state_of_a_task_that_failed_instead_of_raising():
    @flow
    def looked_at():
        return fail(return_state=True).name

    assert try_run(looked_at).state.result() == "Failed"


def test_a_future_given_to_a_task_is_its_result_there_and_its_upstream_in_the_report():
    @flow
    def chained():
        first = double.submit(1)
        return double.submit([first, 5][0]).result()

    tried = try_run(chained)
    first, second = tried.reported.named("double")

    assert tried.state.result() == 4
    assert second.upstream == (first.id,)


def test_futures_are_found_in_lists_tuples_and_dicts():
    @task
    def total(numbers):
        return sum(numbers["some"]) + sum(numbers["more"])

    @flow
    def nested():
        return total({"some": [double.submit(1), 2], "more": (double.submit(3),)})

    assert try_run(nested).state.result() == 10


def test_wait_for_makes_a_task_wait_for_one_whose_result_it_does_not_take():
    order = []

    @task
    def note(name):
        order.append(name)

    @flow
    def ordered():
        first = note.submit("first")
        note.submit("second", wait_for=[first]).wait()

    try_run(ordered)

    assert order == ["first", "second"]


def test_a_task_behind_a_failed_one_does_not_run_and_says_which_one_failed():
    @flow
    def broken():
        double.submit(fail.submit())

    tried = try_run(broken)
    behind = tried.reported.named("double-0")[0]

    assert [state.name for state in behind.states] == ["TriggerFailed"]
    assert "fail-0 (Failed)" in behind.state.message
    assert tried.state.is_failed()


def test_allow_failure_gives_the_exception_to_a_task_instead_of_stopping_it():
    @task
    def describe(outcome):
        return type(outcome).__name__

    @flow
    def tolerant():
        return describe(allow_failure(fail.submit()))

    assert try_run(tolerant).state.result() == "ValueError"


def test_a_flow_that_returns_nothing_fails_if_a_submitted_task_failed():
    @flow
    def silent():
        fail.submit()
        double.submit(1)

    tried = try_run(silent)

    assert tried.state.name == "Failed"
    assert tried.state.message.startswith("1 of 2 task runs did not complete")


def test_a_flow_that_returns_a_failed_future_fails_with_its_exception():
    @flow
    def returned():
        return fail.submit("inner")

    tried = try_run(returned)

    assert tried.state.is_failed()
    with pytest.raises(ValueError, match="inner"):
        tried.state.result()


def test_a_flow_that_returns_futures_returns_their_results():
    @flow
    def several():
        return {"two": double.submit(1), "four": [double.submit(2)]}

    assert try_run(several).state.result() == {"two": 2, "four": [4]}


def test_a_flow_waits_for_tasks_that_it_submitted_and_forgot():
    finished = threading.Event()
    goes_on = threading.Event()

    @task
    def slow():
        goes_on.wait(10)
        finished.set()

    @flow
    def forgetful():
        slow.submit()
        goes_on.set()
        return 1

    try_run(forgetful)

    assert finished.is_set()


def test_submitted_tasks_run_at_the_same_time():
    together = threading.Barrier(5)

    @task
    def meet():
        return together.wait(10)

    @flow
    def party():
        return sorted(future.result() for future in [meet.submit() for _ in range(5)])

    assert try_run(party).state.result() == [0, 1, 2, 3, 4]


def test_no_more_tasks_run_at_once_than_the_task_runner_allows():
    running, most = [0], [0]
    lock = threading.Lock()

    @task
    def count():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        double.fn(1)
        with lock:
            running[0] -= 1

    @flow(task_runner=ConcurrentTaskRunner(max_workers=2))
    def limited():
        for _ in range(200):
            count.submit()

    try_run(limited)

    assert most[0] <= 2


def test_the_sequential_runner_runs_tasks_in_the_flows_own_thread_in_order():
    seen = []

    @task
    def note(number):
        seen.append((number, threading.current_thread()))

    @flow(task_runner=SequentialTaskRunner())
    def orderly():
        for number in range(3):
            note.submit(number)

    try_run(orderly)

    assert seen == [(number, threading.current_thread()) for number in range(3)]


def test_tasks_that_wait_for_tasks_do_not_lock_each_other_out():
    @task
    def outer(number):
        return double.submit(number).result()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=2))
    def nested():
        return outer.map(list(range(20))).result()

    assert try_run(nested).state.result() == [number * 2 for number in range(20)]


def test_a_task_called_in_a_task_is_reported_with_its_parent():
    @task
    def outer():
        return double(3)

    @flow
    def nested():
        return outer()

    tried = try_run(nested)

    assert tried.state.result() == 6
    assert tried.reported.named("double-0")[0].parent == tried.reported.named("outer-0")[0].id


@pytest.mark.parametrize(
    ("signal", "name"),
    [(signals.SKIP("old news"), "Skipped"), (signals.SUCCESS("fine"), "Completed"), (signals.FAIL("bad"), "Failed")],
)
def test_a_signal_decides_the_state_of_its_task(signal, name):
    @task
    def raises():
        raise signal

    @flow
    def signalled():
        return raises(return_state=True).name

    assert try_run(signalled).state.result() == name


def test_a_task_may_return_the_state_it_wants():
    @task
    def decides(number):
        return Completed("big", data=number) if number > 1 else Failed("small")

    @flow
    def decided():
        return decides(2), decides(1, return_state=True).message

    assert try_run(decided).state.result() == (2, "small")


def test_sys_exit_in_a_task_fails_the_task_and_not_the_process():
    @task
    def leaves():
        raise SystemExit(3)

    @flow
    def left():
        return leaves(return_state=True).message

    assert "sys.exit(3)" in try_run(left).state.result()


def test_submit_outside_a_run_says_what_to_do():
    with pytest.raises(RuntimeError, match=r"double\.submit\(\) was called outside a flow run"):
        double.submit(1)


def test_looping_over_a_future_says_what_to_do():
    @flow
    def loops():
        return list(double.submit([1]))

    with pytest.raises(TypeError, match=r"use \.map\(\)"):
        try_run(loops).state.result()


def test_as_completed_gives_futures_in_the_order_in_which_they_end():
    last = threading.Event()

    @task
    def first_waits(number):
        return number if number or last.wait(10) else None

    @flow
    def ordered():
        seen = []
        for future in as_completed(list(first_waits.map([0, 1]))):
            seen.append(future.result())
            last.set()
        return seen

    assert try_run(ordered).state.result() == [1, 0]


def test_a_result_that_does_not_come_in_time_is_a_timeout_error():
    begun, goes_on = threading.Event(), threading.Event()

    @task
    def waits():
        begun.set()
        goes_on.wait(10)

    @flow
    def impatient():
        future = waits.submit()
        begun.wait(10)
        try:
            return future.wait(0.01), future.result(0.01)
        finally:
            goes_on.set()

    with pytest.raises(TimeoutError, match=r"'waits-0' has not ended within 0\.01 s; it is Running"):
        try_run(impatient).state.result()


def test_a_task_in_a_class_is_a_method():
    class Shop:
        price = 5

        @task
        def cost(self, number):
            return self.price * number

    @flow
    def buys():
        return Shop().cost(3), Shop().cost.submit(4).result()

    assert Shop().cost(2) == 10
    assert try_run(buys).state.result() == (15, 20)


def test_with_options_changes_a_copy_only():
    changed = double.with_options(name="twice", retries=2)

    assert (changed.name, changed.retries, changed(2)) == ("twice", 2, 4)
    assert (double.name, double.retries) == ("double", 0)


def test_only_100_upstream_ids_are_reported_of_a_task_with_more():
    @task
    def total(numbers):
        return sum(numbers)

    @flow
    def wide():
        return total(double.map(list(range(300))))

    tried = try_run(wide)

    assert tried.state.result() == sum(range(300)) * 2
    assert len(tried.reported.named("total-0")[0].upstream) == 100


def test_an_exception_that_is_no_exception_subclass_fails_its_task_only():
    class Odd(BaseException):
        """Such as other frameworks raise to leave a program."""

    @task
    def odd():
        raise Odd("strange")

    @flow
    def survives():
        return odd(return_state=True).message

    assert try_run(survives).state.result() == "Odd: strange"


def test_an_exception_that_cannot_be_printed_fails_its_task_like_any_other():
    class Mute(Exception):  # noqa: N818
        def __str__(self):
            raise RuntimeError

    @task
    def mute():
        raise Mute

    @flow
    def survives():
        return mute.submit().wait().message

    assert try_run(survives).state.result() == "Mute: (its message cannot be shown)"


def test_the_message_of_a_state_is_cut_where_the_exception_is_endless():
    @task
    def shouts():
        raise ValueError("a" * 1_000_000)

    @flow
    def survives():
        return len(shouts(return_state=True).message)

    assert try_run(survives).state.result() < 5_000


def test_raise_on_failure_false_gives_the_exception_instead_of_raising_it():
    @task
    def fails():
        raise ValueError("no")

    @task
    def behind(value):
        return value

    @flow
    def program():
        future = fails.submit()
        state = fails(return_state=True)
        stopped = behind.submit(future)
        return (
            repr(future.result(raise_on_failure=False)),
            repr(state.result(raise_on_failure=False)),
            type(stopped.result(raise_on_failure=False)).__name__,
            double.submit(2).result(raise_on_failure=False),
        )

    assert try_run(program).state.result() == ("ValueError('no')", "ValueError('no')", "ValueError", 4)


async def test_raise_on_failure_false_is_awaited_in_async_code():
    @task
    async def fails():
        raise ValueError("no")

    @flow
    async def program():
        future = await fails.submit()
        return repr(await future.result(raise_on_failure=False))

    assert await program() == "ValueError('no')"
