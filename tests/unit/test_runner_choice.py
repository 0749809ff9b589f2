"""Which task runner a flow gets: by class, by instance, by an executor, and what is said of one that cannot be."""

import sys

import pytest

from homeport import Flow, flow, task
from homeport.executors import DaskExecutor, LocalDaskExecutor, LocalExecutor
from homeport.task_runners import (
    AsyncTaskRunner,
    ConcurrentTaskRunner,
    DaskTaskRunner,
    ProcessTaskRunner,
    RayTaskRunner,
    SequentialTaskRunner,
    ThreadPoolTaskRunner,
)
from homeport.testing import try_run


@task
def one():
    return 1


@pytest.mark.parametrize("given", [SequentialTaskRunner, SequentialTaskRunner()])
def test_a_task_runner_is_given_as_a_class_or_as_an_instance(given):
    @flow(task_runner=given)
    def program():
        return one.submit().result()

    assert program.task_runner == SequentialTaskRunner()
    assert try_run(program).state.result() == 1


def test_with_options_changes_the_task_runner():
    @flow(task_runner=SequentialTaskRunner)
    def program():
        return one.submit().result()

    assert program.with_options(task_runner=ProcessTaskRunner(1)).task_runner == ProcessTaskRunner(1)
    assert program.task_runner == SequentialTaskRunner()


@pytest.mark.parametrize(
    ("executor", "runner"),
    [
        (LocalExecutor(), SequentialTaskRunner()),
        (LocalExecutor, SequentialTaskRunner()),
        (LocalDaskExecutor(), ConcurrentTaskRunner()),
        (LocalDaskExecutor(num_workers=3), ConcurrentTaskRunner(3)),
        (LocalDaskExecutor(scheduler="processes", num_workers=2), ProcessTaskRunner(2)),
        (LocalDaskExecutor(scheduler="single-threaded"), SequentialTaskRunner()),
        (DaskExecutor(address="tcp://scheduler:8786"), DaskTaskRunner(address="tcp://scheduler:8786")),
        (
            DaskExecutor(cluster_kwargs={"n_workers": 2}, adapt_kwargs={"maximum": 4}, debug=True),
            DaskTaskRunner(cluster_kwargs={"n_workers": 2}, adapt_kwargs={"maximum": 4}, debug=True),
        ),
    ],
)
def test_an_executor_stands_for_a_task_runner(executor, runner):
    assert Flow("graph", executor=executor).task_runner == runner


@pytest.mark.parametrize("kind", [ConcurrentTaskRunner, ThreadPoolTaskRunner, AsyncTaskRunner, ProcessTaskRunner])
@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "4"])
def test_a_number_of_workers_that_cannot_be_is_refused(kind, workers):
    with pytest.raises(ValueError, match="max_workers is how many tasks may run at once"):
        kind(max_workers=workers)


def test_a_cluster_that_is_there_is_not_made():
    with pytest.raises(ValueError, match="adapt_kwargs would be for one that is to be made"):
        DaskTaskRunner(address="tcp://scheduler:8786", adapt_kwargs={"maximum": 2})
    with pytest.raises(ValueError, match="Give one of them"):
        DaskTaskRunner("cluster", address="tcp://scheduler:8786")


@pytest.mark.parametrize(
    ("runner", "module", "extra"), [(DaskTaskRunner, "distributed", "dask"), (RayTaskRunner, "ray", "ray")]
)
def test_a_library_that_is_not_installed_is_named_with_the_command_that_installs_it(runner, module, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)

    @flow(task_runner=runner)
    def program():
        return one.submit().result()

    message = try_run(program).state.message

    assert f'pip install "homeport[{extra}]"' in message
    assert runner.__name__ in message


def test_a_task_runner_shows_its_settings():
    assert repr(ProcessTaskRunner(3)) == "ProcessTaskRunner(max_workers=3)"


def test_something_else_than_a_task_runner_is_refused():
    with pytest.raises(TypeError, match="task_runner"):
        flow(task_runner="dask")(one.fn)
