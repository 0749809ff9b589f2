"""Arguments and results of worker processes that are large, or too large: no copies, and a word on what to do."""

import os
import re
import threading
import time
from contextvars import ContextVar
from pathlib import Path

import pytest

from homeport import Flow, context, flow, task, unmapped
from homeport.engine import process_desk, signals
from homeport.engine.cancellation import RunCancelled
from homeport.engine.outgoing import PIECE
from homeport.engine.worker_errors import Oversized, RemoteError
from homeport.task_runners import ProcessTaskRunner
from homeport.testing import try_run
from tests.services.huge import Huge, forget_peak, peak_of_memory
from tests.services.waiting import eventually

MEGABYTE = 1 << 20
MANY = 150
note = ContextVar("note")


def pieces_of_a_megabyte(count):
    """A list that has no two equal parts, so that nothing of it is pickled as a reference to another."""
    return [number.to_bytes(4, "big") * (MEGABYTE // 4) for number in range(count)]


@task
def make_parts(count):
    return pieces_of_a_megabyte(count)


@task
def peak_here(_):
    return peak_of_memory()


@task
def ten_gigabytes(folder):
    return Huge(folder, 10)


@task
def small(number=1):
    return number


@pytest.fixture
def runner():
    return ProcessTaskRunner(max_workers=1)


@pytest.fixture
def limit(monkeypatch):
    monkeypatch.setenv("HOMEPORT_SENT_MAX_BYTES", "100_000")


def test_a_result_of_ten_gigabytes_is_refused_by_name_and_costs_no_memory(runner, tmp_path):
    @flow(task_runner=runner)
    def program():
        before = peak_here.submit(0).result()
        state = ten_gigabytes.submit(str(tmp_path)).wait()
        return [[state], peak_here.submit(1).result() - before, small.submit(4).result()]

    forget_peak()
    before = peak_of_memory()
    tried = try_run(program)
    [state], more_there, other = tried.state.data

    assert state.is_failed()
    assert isinstance(state.data, Oversized)
    assert re.search(
        r"Task 'ten_gigabytes' returned a result that is too large.*at least 10,737,418,\d+ bytes pickled, and "
        r"HOMEPORT_SENT_MAX_BYTES lets 1,073,741,824 through\. Write it to storage in the task and return where it is",
        state.message,
    )
    assert other == 4
    assert [run.state.name for run in tried.reported.task_runs.values()] == [
        "Completed", "Failed", "Completed", "Completed",
    ]  # fmt: skip
    assert more_there < 20 * MEGABYTE
    assert peak_of_memory() - before < 50 * MEGABYTE


def test_a_graph_that_has_such_a_result_ends_with_the_states_of_all_its_tasks(runner, tmp_path):
    with Flow("huge", executor=runner) as huge:
        found = ten_gigabytes(str(tmp_path))
        behind = small(found)
        other = small(3)

    state = huge.run()

    assert state.is_failed()
    assert "Some reference tasks failed: small." in state.message
    assert "Task 'ten_gigabytes' returned a result that is too large" in state.result[found].message
    assert (state.result[behind].name, state.result[other].result) == ("TriggerFailed", 3)


def test_a_large_result_comes_home_without_a_second_copy_on_either_side(runner):
    @flow(task_runner=runner)
    def program():
        there = peak_here.submit(0).result()
        forget_peak()
        here = peak_of_memory()
        value = make_parts.submit(MANY).result()
        here = peak_of_memory() - here
        return value == pieces_of_a_megabyte(MANY), peak_here.submit(1).result() - there, here

    is_whole, there, here = try_run(program).state.result()

    assert is_whole
    # The value itself is MANY megabytes: half as much again would be a copy of it.
    assert there < 1.5 * MANY * MEGABYTE
    assert here < 1.5 * MANY * MEGABYTE


@pytest.mark.parametrize("size", [PIECE - 200, PIECE, PIECE + 1, 3 * PIECE + 17])
@pytest.mark.parametrize("kind", [bytes, bytearray, str, list])
def test_values_about_the_size_of_a_piece_come_and_go_whole(size, kind):
    @task
    def turned(value):
        return value[::-1]

    @flow(task_runner=ProcessTaskRunner(max_workers=1))
    def program(value):
        return turned.submit(value).result()

    value = {
        bytes: lambda: os.urandom(size),
        bytearray: lambda: bytearray(os.urandom(size)),
        str: lambda: "é" * (size // 2),
        list: lambda: list(range(size // 4)),
    }[kind]()

    assert try_run(program, value=value).state.result() == value[::-1]


def test_arrays_of_any_order_come_home():
    import numpy

    @task
    def arrays():
        table = numpy.arange(600_000.0).reshape(600, 1000)
        return table, numpy.asfortranarray(table), table[::2, ::2]

    @flow(task_runner=ProcessTaskRunner(max_workers=1))
    def program():
        return arrays.submit().result()

    table, other, every_second = try_run(program).state.result()

    assert table.sum() == other.sum() == 600_000 * 599_999 / 2
    assert other.flags.f_contiguous
    assert every_second.shape == (300, 500)


def test_what_is_too_large_to_be_sent_is_refused_with_what_to_do(limit, runner):
    large = pieces_of_a_megabyte(1)
    numbers = list(range(100_000))

    @task
    def uses():
        return len(large)

    @task
    def both(number, other):
        return number

    @flow(task_runner=runner)
    def program():
        return {
            "states": [
                small.submit("x" * 200_000).wait(),
                small.submit({"a": numbers}).wait(),
                both.map([1], unmapped(numbers))[0].wait(),
                uses.submit().wait(),
                small.submit(5).wait(),
            ]
        }

    *refused, last = try_run(program).state.data["states"]

    assert [state.message.partition("'")[2].partition(" too large")[0] for state in refused] == [
        "small' cannot run on a worker process: its arguments are",
        "small' cannot run on a worker process: its arguments are",
        "both' cannot run on a worker process: one of its arguments is",
        "uses' cannot run on a worker process: what its function uses from outside is",
    ]
    assert all("lets 100,000 through. Give the task a path or a key" in state.message for state in refused)
    assert last.result() == 5


def test_a_parameter_that_is_too_large_stays_here_and_a_context_variable_is_named(limit, runner):
    @task
    def parameters():
        return sorted(context.get("parameters"))

    @task
    def reads():
        return note.get()

    @flow(task_runner=runner)
    def program(rows, day):
        note.set(rows)
        return [parameters.submit().result(), [reads.submit().wait()]]

    seen, [state] = try_run(program, rows=list(range(100_000)), day="monday").state.result()

    assert seen == ["day"]
    assert (
        "Task 'reads' cannot run on a worker process: one of the context variables note is too large" in state.message
    )


def test_an_exception_and_a_signal_with_too_much_in_them_say_so(limit, runner):
    @task
    def raises():
        raise ValueError("why", bytes(200_000))

    @task
    def loops():
        raise signals.LOOP("again", result=list(range(100_000)))

    @flow(task_runner=runner)
    def program():
        return {"states": (raises.submit().wait(), loops.submit().wait())}

    raised, looped = try_run(program).state.data["states"]

    assert isinstance(raised.data, RemoteError)
    assert raised.message.startswith("RemoteError: ValueError: ('why', b'")
    assert "Task 'loops' raised LOOP with a result that is too large to be sent back" in looped.message


def test_without_a_limit_everything_is_sent(monkeypatch, runner):
    monkeypatch.setenv("HOMEPORT_SENT_MAX_BYTES", "0")

    @flow(task_runner=runner)
    def program():
        return len(make_parts.submit(3).result())

    assert try_run(program).state.result() == 3


def test_a_result_that_cannot_be_pickled_to_its_end_is_the_failure_of_its_task_only(runner):
    @task
    def begins_well():
        return [*pieces_of_a_megabyte(3), threading.Lock()]

    @flow(task_runner=runner)
    def program():
        return [begins_well.submit().wait()], make_parts.submit(2).result() == pieces_of_a_megabyte(2)

    [state], other_is_whole = try_run(program).state.data

    assert "Task 'begins_well' returned something that cannot be sent back from its worker: result[3]" in state.message
    assert other_is_whole


def test_a_worker_that_dies_while_it_sends_its_result_takes_no_other_result_along(runner):
    @task
    def dies_late():
        return {"a": pieces_of_a_megabyte(3), "b": DiesWhenPickled()}

    @flow(task_runner=runner)
    def program():
        return [dies_late.submit().wait()], make_parts.submit(2).result() == pieces_of_a_megabyte(2)

    [state], other_is_whole = try_run(program).state.data

    assert state.name == "Crashed"
    assert "Task 'dies_late' lost its worker process" in state.message
    assert other_is_whole


def test_a_timeout_does_not_end_a_call_that_has_ended_and_sends_its_result(monkeypatch, runner):
    monkeypatch.setattr(process_desk, "GRACE_SECONDS", 1.0)

    @task(timeout_seconds=0.5)
    def returns_what_takes_a_while():
        return TakesAWhileToPickle()

    @flow(task_runner=runner)
    def program():
        return returns_what_takes_a_while.submit().result()

    begun = time.monotonic()

    assert list(try_run(program).state.result()) == list(range(12))
    assert time.monotonic() - begun > 2.4  # longer than it may be silent after its time is over


def test_a_cancellation_while_a_result_is_on_its_way_ends_the_run_and_its_task(runner, tmp_path):
    @task
    def returns_what_takes_a_while(path):
        return [path, TakesAWhileToPickle(path)]

    @flow(task_runner=runner)
    def program():
        returns_what_takes_a_while.submit(str(tmp_path / "sending"))
        eventually((tmp_path / "sending").exists, what="the result is on its way", within=30)
        raise RunCancelled("Enough.")

    begun = time.monotonic()
    tried = try_run(program)

    assert (tried.state.name, tried.state.message) == ("Cancelled", "Enough.")
    assert [run.state.name for run in tried.reported.task_runs.values()] == ["Cancelled"]
    assert time.monotonic() - begun < 20


class DiesWhenPickled:
    def __reduce__(self):
        os._exit(3)


class TakesAWhileToPickle:
    """Has twelve large parts, each of which takes its time."""

    def __init__(self, path=None):
        self.path = path

    def __reduce__(self):
        return dict, (), None, None, self._parts()

    def _parts(self):
        for number in range(12):
            if number == 3 and self.path is not None:
                Path(self.path).touch()
            time.sleep(0.2)
            yield number, number.to_bytes(4, "big") * PIECE
