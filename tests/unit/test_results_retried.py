"""A run that is tried again goes on from the results that its earlier attempt kept."""

import pytest

from homeport import flow, task
from homeport.engine.ids import new_id
from homeport.engine.reporting import InMemoryReporter
from homeport.engine.results import LocalResult
from homeport.engine.run import FlowRunInfo, run_flow
from homeport.results import read_result


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))


class Attempts:
    """Attempts of one flow run, as an agent makes them."""

    def __init__(self, flow):
        self.flow, self.id, self.number = flow, new_id(), 0

    def next(self, **parameters):
        self.number += 1
        reporter = InMemoryReporter()
        info = FlowRunInfo(self.id, "run", self.flow.name, attempt_number=self.number)
        state = run_flow(self.flow, parameters, reporter=reporter, run=info)
        return state, {kept.name: kept.state for kept in reporter.task_runs.values()}


def test_tasks_that_kept_their_results_are_not_called_again():
    calls = []

    @task(persist_result=True)
    def works(x):
        calls.append(x)
        return 2 * x

    @task
    def breaks(x):
        calls.append("breaks")
        if calls.count("breaks") == 1:
            raise ValueError("once")
        return x

    @flow
    def working():
        return breaks(sum(future.result() for future in works.map([1, 2, 3])))

    attempts = Attempts(working)
    first, _ = attempts.next()
    second, states = attempts.next()

    assert first.is_failed()
    assert second.result() == 12
    assert sorted(calls, key=str) == [1, 2, 3, "breaks", "breaks"]
    assert states["works-0"].name == states["works-2"].name == "Cached"
    assert "earlier attempt" in states["works-1"].message
    assert read_result(states["works-2"].result_reference) == 6


def test_another_run_of_the_flow_calls_everything():
    calls = []

    @task(persist_result=True)
    def works():
        calls.append(1)

    @flow
    def working():
        works()

    Attempts(working).next()
    Attempts(working).next()

    assert len(calls) == 2


def test_a_task_in_the_same_place_with_other_arguments_is_called():
    calls = []

    @task(persist_result=True)
    def works(x):
        calls.append(x)
        return x

    @flow
    def working(names):
        return [works(name) for name in names]

    attempts = Attempts(working)
    attempts.next(names=["a", "b"])
    state, _ = attempts.next(names=["b", "b"])

    assert state.result() == ["b", "b"]
    assert calls == ["a", "b", "b"]


def test_a_flow_that_is_retried_in_its_process_goes_on_from_there():
    calls = []

    @task(persist_result=True)
    def works():
        calls.append("works")
        return 1

    @flow(retries=1)
    def working():
        made = works()
        calls.append("flow")
        if calls.count("flow") == 1:
            raise ValueError("once")
        return made

    state, _ = Attempts(working).next()

    assert state.result() == 1
    assert calls == ["works", "flow", "flow"]


def test_a_subflow_that_kept_its_result_is_not_run_again_and_one_that_did_not_goes_on_from_its_tasks():
    calls = []

    @task(persist_result=True)
    def works():
        calls.append("works")
        return 1

    @flow(persist_result=True)
    def keeps(x):
        calls.append("keeps")
        return x + works()

    @flow
    def forgets():
        calls.append("forgets")
        return works()

    @flow
    def working():
        made = keeps(1) + forgets()
        if calls.count("forgets") == 1:
            raise ValueError("once")
        return made

    attempts = Attempts(working)
    attempts.next()
    state, states = attempts.next()

    assert state.result() == 3
    assert calls == ["keeps", "works", "forgets", "works", "forgets"]
    assert states["keeps-0"].name == "Cached"


def test_a_result_under_a_key_of_the_users_is_found_again(tmp_path):
    calls = []

    @task(result_storage=tmp_path / "kept", result_storage_key="mine.bin")
    def newer():
        calls.append(1)
        return 1

    @task(result=LocalResult(dir=tmp_path / "older", location="mine.bin"))
    def older():
        calls.append(2)
        return 2

    @flow
    def working():
        return newer(), older()

    attempts = Attempts(working)
    attempts.next()
    state, states = attempts.next()

    assert state.result() == (1, 2)
    assert calls == [1, 2]
    assert {state.name for state in states.values()} == {"Cached"}


def test_a_result_that_was_damaged_meanwhile_leads_to_a_call(tmp_path):
    calls = []

    @task(result_storage=tmp_path / "kept")
    def works():
        calls.append(1)
        return "text"

    @flow
    def working():
        return works()

    attempts = Attempts(working)
    attempts.next()
    kept = next(path for path in (tmp_path / "kept").rglob("*") if path.is_file())
    kept.write_bytes(kept.read_bytes()[:-1])
    state, _ = attempts.next()

    assert state.result() == "text"
    assert len(calls) == 2


def test_an_argument_that_has_no_digest_is_called_again_and_does_no_harm():
    import threading

    calls = []

    @task(persist_result=True)
    def works(lock):
        calls.append(1)

    @flow
    def working():
        works(threading.Lock())

    attempts = Attempts(working)
    assert attempts.next()[0].is_completed()
    assert attempts.next()[0].is_completed()
    assert len(calls) == 2
